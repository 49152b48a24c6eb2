"""A catalogue's photographs as vectors: embedders on this machine or a Ray cluster, the cache, duplicates."""
