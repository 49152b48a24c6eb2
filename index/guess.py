"""A guess at the category of a query: its nearest labelled neighbours vote, weighted by similarity."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from index.pages import Hit

VOTERS = 10
REACH = 100  # nearest neighbours that may vote; labels from further away are uninformative


@dataclass(frozen=True)
class Guess:
    """A category, as the neighbours vote.

    Parameters
    ----------
    category : str or None
        None where no neighbour has a vote.
    confidence : float in [0, 1] or None
        The category's share of all votes; None without a category.
    """

    category: str | None = None
    confidence: float | None = None


def voters(nearest: Sequence[Hit]) -> list[Hit]:
    """Return the first 10 hits that have a category, of the first 100 of a ranking."""
    return [hit for hit in nearest[:REACH] if hit.item.category is not None][:VOTERS]


def guess_category(nearest: Sequence[Hit]) -> Guess:
    """Let the voters among the hits of a ranking, from its first one on, vote with their scores.

    A negative score has no vote; of categories with as many votes, the nearer one wins.
    """
    votes: defaultdict[str, float] = defaultdict(float)
    for hit in voters(nearest):
        votes[str(hit.item.category)] += max(hit.score, 0.0)
    total = math.fsum(votes.values())
    if total == 0:
        return Guess()
    best = max(votes, key=lambda category: votes[category])
    return Guess(best, votes[best] / total)
