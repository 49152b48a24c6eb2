"""A catalogue's photographs as vectors, by embedders on this machine or a Ray cluster; cache and duplicates.

Builds import `embeddings`, `embedders`, `head_start`, `cache` and `duplicates`; `ray_embedder` is private,
and needs the package ray.
"""
