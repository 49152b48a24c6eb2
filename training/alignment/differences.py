"""What may be said of the second of two garments beside the first; imports nothing large."""

from typing import Literal

Difference = Literal["longer", "shorter", "sleeves_longer", "sleeves_shorter", "hem_wider", "hem_narrower"]
