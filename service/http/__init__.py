"""What surrounds every request: logs, CORS, capacity, keys and metrics.

The application calls the `install_…` function of each; the server needs `logs`, `capacity.threads` and
`metrics_folder`, and the command line `keys`.
"""
