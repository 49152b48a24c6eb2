"""Training: what a garment, an edge map and an embedding are, and how the encoder is learned.

`index` and `service` import from `photo`, `catalogue`, `errors`, `files`, `command` and `options` alone.
None of these loads TensorFlow.
"""
