"""What a new index must pass before it is published: checks, golden queries, percentiles of scores.

Builds import all of it; manifests use `percentiles`.
"""
