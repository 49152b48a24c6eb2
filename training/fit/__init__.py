"""A training run: data in batches, what watches it, and the bundle that comes out."""
