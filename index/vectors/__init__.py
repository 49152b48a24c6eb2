"""Kinds of vector index behind one interface: unit vectors float32 (n, d), searched by inner product."""
