"""What the hits of a query say of it: a guess at its category, and signals of how right they are.

The nearest labelled neighbours vote, weighted by similarity.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from index.manifest import Manifest
from index.pages import Hit
from training.photo.confidence import FIRST, VOTERS, Signals, agreement, type_match, votes

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
    votes : mapping of str to float
        Each category's share, the nearer first.
    """

    category: str | None = None
    confidence: float | None = None
    votes: Mapping[str, float] = field(default_factory=dict, compare=False)


def voters(nearest: Sequence[Hit]) -> list[Hit]:
    """Return the first 10 hits that have a category, of the first 100 of a ranking."""
    return [hit for hit in nearest[:REACH] if hit.item.category is not None][:VOTERS]


def guess_category(nearest: Sequence[Hit]) -> Guess:
    """Let the voters among the hits of a ranking, from its first one on, vote with their scores.

    A negative score has no vote; of categories with as many votes, the nearer one wins.
    """
    chosen = voters(nearest)
    shares = votes((str(hit.item.category) for hit in chosen), (hit.score for hit in chosen))
    if not shares:
        return Guess()
    best = max(shares, key=lambda category: shares[category])
    return Guess(best, shares[best], shares)


def signals_of(
    first: Sequence[Hit], guess: Guess, manifest: Manifest, *, types: Sequence[float] = ()
) -> Signals:
    """Return what speaks for the answers to a query.

    Parameters
    ----------
    first : sequence of Hit
        The head of the ranking that was asked for.
    guess : Guess
        Of the whole ranking.
    manifest : Manifest
        Of the version that was searched.
    types : sequence of float
        The query's probability of each of `training.photo.garment_types.TYPES`; none where not known.
    """
    scores = [hit.score for hit in first[:FIRST]]
    return Signals(
        nearness=manifest.nearness(sum(scores) / len(scores)) if scores else None,
        agreement=agreement(guess.votes, manifest.categories),
        type_match=type_match(guess.votes, types),
    )
