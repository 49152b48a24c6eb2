"""One query in two versions of the index, each with the encoder that it was built with."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flask import g

from index.build_notes import build_notes
from index.errors import IndexDamaged, VersionUnknown
from index.pages import Hit
from index.stores.store import OpenIndex
from service.api.answers import RankedPage, nearest, rank
from service.api.current import config, live_index, store
from service.api.status_bodies import ComparedHit, ComparedVersion, ComparisonAnswer
from service.api.status_pictures import picture_url
from service.errors import RefusedRequest
from service.picture.cut_out import cut_out
from service.picture.stages import Stages
from service.requests.parameters import Look, Ranked
from training.errors import EncoderMismatch, UnreadableEncoder
from training.photo.encoder import Encoder

DEPTH = 100
"""How far each ranking is looked through for what the other one shows."""


@dataclass(frozen=True)
class Wanted:
    """What a golden query asks for: the items that must be among the first `k`."""

    item_ids: Sequence[str] = ()
    k: int = 1


@dataclass(frozen=True)
class Side:
    """What one version finds: its first `DEPTH` items."""

    searcher: OpenIndex
    ranking: RankedPage

    @property
    def hits(self) -> Sequence[Hit]:
        """The items, best first."""
        return self.ranking.page.hits

    @property
    def ranks(self) -> dict[str, int]:
        """Their ranks by their ids."""
        return {hit.item.item_id: hit.rank for hit in self.hits}


def _encoder(version: str, fingerprint: str) -> Encoder:
    """Return the encoder that a version was built with: the one in use, or the one that its build noted."""
    if live_index().fingerprint == fingerprint:
        return live_index().encoder
    bundles = [note.encoder for note in build_notes(config().indexes) if note.version == version]
    if not bundles:
        raise EncoderMismatch("its encoder is not the one in use, and no build has noted where that lies")
    return Encoder.load(Path(bundles[0]))


def _opened(version: str, param: str) -> OpenIndex:
    """Return a version as it was built; raises `RefusedRequest`."""
    if version not in store().versions():
        raise RefusedRequest("version_unknown", "No version has that name.", param=param)
    try:
        fingerprint = store().manifest(version).encoder
        return store().open_as_built(version, encoder=_encoder(version, fingerprint))
    except (IndexDamaged, VersionUnknown, EncoderMismatch, UnreadableEncoder) as error:
        detail = f"That version can't be searched: {error}"
        raise RefusedRequest("version_unusable", detail, param=param) from error


def _side(photo: bytes | Path, searcher: OpenIndex) -> Side:
    stages, segmenter = Stages(), searcher.encoder.segmenter
    best = partial(nearest, searcher, stages=stages)
    found = cut_out(photo, Look(), segmenter, nearest=best, config=config(), stages=stages)
    vector = found.vector
    if vector is None:
        vector = searcher.encoder.embed_garments([found.garment])
    return Side(searcher, rank(searcher, vector, Ranked(limit=DEPTH), garment=found.garment))


def sides(photo: bytes | Path, *, before: str, after: str) -> tuple[Side, Side]:
    """Search two versions with a picture.

    Raises
    ------
    RefusedRequest
        A version is not there, or can't be searched.
    UnreadableImage
        Or a subclass: the picture can't be used.
    """
    return _side(photo, _opened(before, "before")), _side(photo, _opened(after, "after"))


def _compared(side: Side, other: Side, wanted: Wanted, limit: int) -> ComparedVersion:
    ranks, hits = other.ranks, side.hits[:limit]
    held = other.searcher.items_of([hit.item.item_id for hit in hits])
    first = {hit.item.item_id for hit in side.hits[: wanted.k]}
    manifest, confidence = side.searcher.manifest, side.ranking.confidence
    return ComparedVersion(
        version=manifest.version,
        encoder=manifest.encoder,
        category=side.ranking.guess.category,
        confidence=None if confidence is None else round(confidence, 3),
        results=[
            ComparedHit(
                item_id=hit.item.item_id,
                image_url=picture_url(version=manifest.version, item_id=hit.item.item_id),
                metadata=hit.item.metadata,
                rank=hit.rank,
                score=round(hit.score, 6),
                percentile=round(hit.percentile, 2),
                other_rank=ranks.get(hit.item.item_id),
                elsewhere=hit.item.item_id in held,
                wanted=hit.item.item_id in wanted.item_ids,
            )
            for hit in hits
        ],
        missing=[item_id for item_id in wanted.item_ids if item_id not in first],
    )


def comparison(before: Side, after: Side, wanted: Wanted, *, limit: int) -> ComparisonAnswer:
    """Return the answer with the first `limit` results of both, and what came, went and moved among them."""
    left, right = ({hit.item.item_id: hit.rank for hit in side.hits[:limit]} for side in (before, after))
    return ComparisonAnswer(
        request_id=g.request_id,
        before=_compared(before, after, wanted, limit),
        after=_compared(after, before, wanted, limit),
        came=len(right.keys() - left.keys()),
        went=len(left.keys() - right.keys()),
        moved=sum(left[item_id] != right[item_id] for item_id in left.keys() & right.keys()),
    )
