"""From the bytes of a photograph to garments to vectors: decoding, cutting out and the encoder on LiteRT.

Every module may be imported from everywhere: none loads TensorFlow.
"""
