"""Which way up a query's photograph stands: by its parse and, where that is unsure, by what is nearest to it.

A garment is nearer to others as it stands than on its side. The photographs of an index are turned by their
parse alone (`regions.find_upright`): nothing here changes an embedding that an index holds, so it is no part
of the preprocessing version.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.photo.garment import Garment, cut_out
from training.photo.preprocessing import MIN_CONFIDENCE
from training.photo.regions import ANY_WAY_UP, Region, find, log_turns, turn_log_odds
from training.photo.segmenter import Parse, Segmenter, turn

QUARTERS = (0, 90, 180, 270)

UNSURE = 1.0
"""Log odds of upright over a turn, by the parse, below which that turn is tried."""

SMALLEST_DISTANCE = 0.01
"""Added to 1 - cosine, so that what is as good as the same does not outweigh everything."""

NEARER = 4.0
"""Log odds for a turn where what is nearest is nearer by a factor of e."""

SURE = 7.0
"""Log odds for a turn, of the parses and of what is nearest together, from which it is made."""


@dataclass(frozen=True)
class Orientation:
    """A way in which a photograph may stand.

    Parameters
    ----------
    turned : int
        By how many degrees, 0, 90, 180 or 270, it is turned clockwise.
    regions : tuple of Region
        The garments that are found then and sure enough, the main one first; in the frame of the photograph.
    log_odds : float
        How much likelier this turn is than none, by the parses of the photograph as it is and turned.
    """

    turned: int
    regions: tuple[Region, ...]
    log_odds: float = 0.0

    def main(self, photo: np.ndarray) -> Garment:
        """Cut the main garment out of the photograph, uint8 (h, w, 3), or all where there is none."""
        return cut_out(photo, self.regions[0] if self.regions else None, self.turned)


def _orientation(parse: Parse, turned: int, log_odds: float = 0.0) -> Orientation:
    sure = (region for region in find(parse) if region.confidence >= MIN_CONFIDENCE)
    regions = tuple(replace(region, mask=turn(region.mask, -turned)) for region in sure)
    if regions and regions[0].type == ANY_WAY_UP:
        log_odds = min(log_odds, 0.0)
    return Orientation(turned, regions, log_odds)


def upright(photo: np.ndarray, segmenter: Segmenter, turned: int) -> Orientation:
    """Find the garments of a photograph, uint8 (h, w, 3), that is to be turned by so many degrees."""
    return _orientation(segmenter.parse(turn(photo, turned)), turned)


def likely(photo: np.ndarray, segmenter: Segmenter) -> list[Orientation]:
    """Return the ways in which a photograph, uint8 (h, w, 3), may stand by its parse, as it is first.

    The log odds of shoes, which lie any way, do not speak for a turn.
    """
    parse = segmenter.parse(photo)
    before = log_turns(parse)
    ways = [_orientation(parse, 0)]
    for quarters in (1, 2, 3):
        if before[0] - before[quarters] < UNSURE:
            other = segmenter.parse(turn(photo, 90 * quarters))
            odds = turn_log_odds(before, log_turns(other), quarters)
            ways.append(_orientation(other, 90 * quarters, odds))
    return ways


def _log_distances(scores: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(1 - scores, 0) + SMALLEST_DISTANCE)


def hopeful(ways: Sequence[Orientation], score: float) -> list[Orientation]:
    """Return those of some ways that `choose` may return, the first of them always.

    A way for which the parses speak so little that even the same item, found in it, would not decide need not
    be cut out, embedded or searched.

    Parameters
    ----------
    ways : sequence of Orientation
        As `likely` returns them.
    score : float
        Cosine of the main garment in the first one with what is nearest to it.
    """
    most = NEARER * float(np.subtract(*_log_distances(np.array([score, 1.0]))))
    return [way for place, way in enumerate(ways) if not place or way.log_odds + most >= SURE]


def choose(ways: Sequence[Orientation], scores: np.ndarray) -> int:
    """Return which of some ways a photograph stands, the first of them being as it is.

    Parameters
    ----------
    ways : sequence of n Orientation
    scores : float (n,)
        Cosine of the main garment in each way with what is nearest to it.
    """
    distances = _log_distances(scores)
    odds = np.array([way.log_odds for way in ways]) + NEARER * (distances[0] - distances)
    best = int(odds.argmax())
    return best if odds[best] >= SURE else 0
