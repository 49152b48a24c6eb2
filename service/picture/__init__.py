"""Pictures: bounded decoding, cut-outs, timing, item files, images by URL, and recent uploads.

Endpoints and commands may import all of its modules but `decoders`, which is private to it.
"""
