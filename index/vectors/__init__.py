"""Kinds of vector index behind one interface: unit vectors float32 (n, d), searched by inner product.

Import `kinds` to choose or name one and `vector_index` for the interface; a new kind is one module more and a
line in `kinds`.
"""
