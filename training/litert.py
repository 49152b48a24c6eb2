"""An exported model on LiteRT, TensorFlow's small runtime: uint8 (n, ...) in, float32 (n, ...) out."""

import threading

import numpy as np
from ai_edge_litert.interpreter import Interpreter


class LiteModel:
    """A model in memory; safe to share between threads, each of which gets its own interpreter.

    Parameters
    ----------
    model : bytes
        A LiteRT flatbuffer with one input, whose first dimension is the batch, and one output.
    """

    def __init__(self, model: bytes) -> None:
        self._model = model
        self._local = threading.local()

    def _interpreter(self, shape: tuple[int, ...]) -> Interpreter:
        if not hasattr(self._local, "interpreter"):
            self._local.interpreter = Interpreter(model_content=self._model, num_threads=1)
            self._local.interpreter.allocate_tensors()
        interpreter = self._local.interpreter
        entry = interpreter.get_input_details()[0]
        if tuple(entry["shape"]) != shape:
            interpreter.resize_tensor_input(entry["index"], shape)
            interpreter.allocate_tensors()
        return interpreter

    def run(self, inputs: np.ndarray) -> np.ndarray:
        """Compute one batch; the result is the caller's own."""
        interpreter = self._interpreter(inputs.shape)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], inputs)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
