"""An exported model on LiteRT, TensorFlow's small runtime: uint8 (n, ...) in, float32 (n, ...) out."""

import os
from queue import LifoQueue

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from training.native_logs import kept_off


class _Runner:
    """An interpreter of a model, for one thread at a time."""

    def __init__(self, model: bytes) -> None:
        self._interpreter = Interpreter(model_content=model, num_threads=1)
        with kept_off():  # its line on XNNPACK
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._shape: tuple[int, ...] = ()

    def run(self, inputs: np.ndarray) -> np.ndarray:
        if inputs.shape != self._shape:
            self._interpreter.resize_tensor_input(self._input, inputs.shape)
            self._interpreter.allocate_tensors()
            self._shape = inputs.shape
        self._interpreter.set_tensor(self._input, inputs)
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output))


class LiteModel:
    """A model in memory; safe to share between threads.

    As many run at the same time as there are cores, each on its own interpreter. Interpreters are pooled, the
    last one used first, so that a few stay warm however many threads there are.

    Parameters
    ----------
    model : bytes
        A LiteRT flatbuffer with one input, whose first dimension is the batch, and one output.
    """

    def __init__(self, model: bytes) -> None:
        self._model = model
        self._runners: LifoQueue[_Runner | None] = LifoQueue()
        for _ in range(os.cpu_count() or 1):
            self._runners.put(None)

    def run(self, inputs: np.ndarray) -> np.ndarray:
        """Run one batch; the result is a new array."""
        runner = self._runners.get()
        try:
            runner = runner or _Runner(self._model)
            return runner.run(inputs)
        finally:
            self._runners.put(runner)
