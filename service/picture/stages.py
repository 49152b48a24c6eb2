"""Timing of the stages of an answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stages:
    """Milliseconds that each stage of an answer took."""

    took_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Time the block as `stage`; a further block of that name adds to it."""
        start = time.perf_counter()
        yield
        self._add(stage, (time.perf_counter() - start) * 1000)

    def add(self, other: "Stages") -> None:
        """Add the times of another answer."""
        for stage, took in other.took_ms.items():
            self._add(stage, took)

    def _add(self, stage: str, took: float) -> None:
        self.took_ms[stage] = round(self.took_ms.get(stage, 0.0) + took, 2)
