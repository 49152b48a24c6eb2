"""The embedded store: versions are folders of files, opened by every process that searches them.

From outside import `store` and, to search a folder without a store, `searcher`; all else is private,
but for benchmarks, which measure its parts.
"""
