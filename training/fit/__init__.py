"""A training run: datasets, batches, the loop with its callbacks, and the resulting bundle.

Import `fit` from `fit`, `Run` from `run` and `export` from `result`, and from `dataset`, `loop`, `monitor`,
`validation`, `batches` and `showcase`; all but `run` and `dataset` load Keras.
"""
