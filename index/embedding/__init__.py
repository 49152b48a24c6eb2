"""A catalogue's photographs as vectors, by embedders on this machine or a Ray cluster; cache and duplicates.

Builds import `embeddings`, `embedders`, `cache` and `duplicates`; `local`, `ray_embedder` and `ray_cluster`
are private, and the last two need the package ray.
"""
