"""The gate before publication: checks, golden queries, percentiles of scores.

Builds import all of it; manifests use `percentiles`.
"""
