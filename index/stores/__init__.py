"""Where the published index lives: a folder of files, or Milvus; one interface for both.

`store` is the interface, `address` opens the store that an address names, and `lock`, `self_search` and
`version_names` are what both stores use. The stores have the same modules, and import nothing of each other.
"""
