"""Bytes to garments to vectors: decoding, cut-out and the exported networks on LiteRT; never TensorFlow."""
