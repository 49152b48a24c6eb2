"""Uploaded pictures: bounded decoding, cut-outs, pictures by URL, and recent uploads."""
