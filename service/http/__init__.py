"""What surrounds every request: logs, CORS, capacity, keys, forms and metrics."""
