"""The allowed rows of a search: masks bool (n,) of a version and bool (m,) of what was put since."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

FEW = 16


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of one index.

    Parameters
    ----------
    mask : bool (n,)
        Never changed once it is here.
    """

    mask: np.ndarray

    @cached_property
    def count(self) -> int:
        """Number of rows."""
        return int(np.count_nonzero(self.mask))

    @property
    def filter(self) -> np.ndarray | None:
        """The mask, or None where all rows are among them, which is quicker."""
        return None if self.count == len(self.mask) else self.mask

    @cached_property
    def left_out(self) -> np.ndarray | None:
        """The other rows, int64 (at most `FEW`,), ascending; None where there are more."""
        return np.flatnonzero(~self.mask) if len(self.mask) - self.count <= FEW else None


@dataclass(frozen=True, eq=False)
class Allowed:
    """The allowed rows of a gallery: those of its version, and those of what was put since."""

    version: Rows
    put: Rows

    @classmethod
    def of(cls, mask: np.ndarray, *, base: int) -> Self:
        """Return the allowed rows of a mask, bool (n + m,), whose first `base` rows are the version's."""
        return cls(Rows(mask[:base]), Rows(mask[base:]))

    @cached_property
    def mask(self) -> np.ndarray:
        """All in one array: bool (n + m,)."""
        return np.concatenate([self.version.mask, self.put.mask])

    @property
    def count(self) -> int:
        """Number of rows."""
        return self.version.count + self.put.count

    def without(self, rows: np.ndarray | int) -> Self:
        """Return the same but for some rows, given as indexes or as a mask, bool (n + m,)."""
        mask = self.mask.copy()
        mask[rows] = False
        return type(self).of(mask, base=len(self.version.mask))
