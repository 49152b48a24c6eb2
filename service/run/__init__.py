"""The application assembled, the server that runs it, and the demo.

The command line imports `server` and `demo`, and tests import `app`; `worker` is private to the server.
"""
