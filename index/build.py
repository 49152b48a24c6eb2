"""A build, from a catalogue to a published version: embed, check, write, check, publish, each step timed."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from index.comparison import Difference, Previous, compare
from index.embedding.cache import FOLDER, EmbeddingCache
from index.embedding.duplicates import find_duplicates
from index.embedding.embedder import Engine
from index.embedding.embeddings import Embedded, embed_catalogue, encode_anew
from index.gate.checks import Limits, Verdict, check_index, check_vectors
from index.gate.golden import Answer, GoldenSet
from index.gate.percentiles import pair_quantiles
from index.manifest import Manifest
from index.stores.folder.store import FolderStore
from index.stores.lock import writing
from index.stores.store import LAST_REPORT, Draft, Store
from index.vectors.kinds import AUTO
from training.catalogue.reader import BadItem, Catalogue, check_bad_share, write_report
from training.files import write_atomically
from training.photo.encoder import Encoder

LAST_GATE = "last-gate.json"
KEEP = 7


@dataclass(frozen=True)
class Built:
    """What a build has published.

    Parameters
    ----------
    manifest : Manifest
    bad : tuple of BadItem
        The items that were skipped.
    report : Path
        The CSV file that lists them.
    duplicates : Path
        The CSV file that lists the items that repeat another one.
    seconds : dict
        How long each step took.
    cached : int
        Items whose embedding an earlier build had made.
    difference : Difference
        From the version that was in use.
    removed : tuple of str
        Old versions that were removed.
    """

    manifest: Manifest
    bad: tuple[BadItem, ...]
    report: Path
    duplicates: Path
    seconds: dict[str, float]
    cached: int
    difference: Difference
    removed: tuple[str, ...] = ()


@dataclass
class Making:
    """A version in the making: where it is written, what it is made from, and how long each step took.

    Parameters
    ----------
    draft : Draft
    catalogue, encoder : str
        The catalogue as it was named, and the fingerprint of the encoder.
    changes : int
        The last change that is folded in.
    previous : Previous, optional
        The version in use, where there is one.
    bad : sequence of BadItem
        All items that were skipped, for the report.
    golden : GoldenSet
    seconds : dict
    """

    draft: Draft
    catalogue: str
    encoder: str
    changes: int = 0
    previous: Previous | None = None
    bad: Sequence[BadItem] = ()
    golden: GoldenSet = GoldenSet()
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add what is done within to the seconds of a step."""
        start = perf_counter()
        yield
        self.seconds[step] = round(self.seconds.get(step, 0.0) + perf_counter() - start, 3)


def _keep_verdict(making: Making, verdict: Verdict, answers: Sequence[Answer]) -> None:
    """Keep the verdict, good or bad, where it outlives a build that fails."""
    fields = {
        "version": making.draft.version,
        "passed": not verdict.failures,
        "failures": verdict.failures,
        "figures": verdict.figures,
        "golden": [answer.fields() for answer in answers],
    }
    with writing(making.draft.indexes):
        write_atomically(making.draft.indexes / LAST_GATE, (json.dumps(fields, indent=1) + "\n").encode())


def publish_embedded(
    making: Making,
    embedded: Embedded,
    *,
    kind: str = AUTO,
    recall: float = Limits.recall,
    anew: tuple[np.ndarray, np.ndarray] | None = None,
    limits: Limits | None = None,
    now: datetime | None = None,
) -> Manifest:
    """Check embeddings, write an index and items of them into a draft, check and publish it.

    Parameters
    ----------
    making : Making
    embedded : Embedded
    kind, recall, limits, now
        As for `build_index`.
    anew : (int64 (m,), float32 (m, d)), optional
        As for `index.gate.checks.check_vectors`.

    Raises
    ------
    GateFailed, IndexNotWritten, KindUnknown
        The version in use stays.
    """
    draft, vectors = making.draft, embedded.vectors
    limits = replace(limits or Limits(), recall=recall)
    before = making.previous.items if making.previous else None
    answers: tuple[Answer, ...] = ()
    with making.timed("check"):
        verdict = check_vectors(vectors, items=len(embedded.items), before=before, anew=anew, limits=limits)
    if not verdict.failures:
        with making.timed("duplicates"):
            groups = find_duplicates(vectors, embedded.pictures)
        with making.timed("write"):
            filled = draft.fill(embedded, groups, bad=making.bad, kind=kind, recall=recall)
        with making.timed("check"):
            answers = making.golden.ask(filled.index, embedded.items)
            verdict += check_index(vectors, filled.index, golden=answers, limits=limits)
    _keep_verdict(making, verdict, answers)
    verdict.require()
    manifest = Manifest(
        version=draft.version,
        built_at=(now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds"),
        items=len(embedded.items),
        bad=len(making.bad),
        catalogue=making.catalogue,
        encoder=making.encoder,
        dimension=vectors.shape[1],
        kind=filled.kind,
        checksums=filled.checksums,
        sizes=filled.sizes,
        gate=verdict.figures,
        score_quantiles=pair_quantiles(vectors),
        parameters=filled.parameters,
        changes=making.changes,
        duplicates=int(np.count_nonzero(groups != np.arange(len(groups)))),
    )
    with making.timed("publish"):
        draft.publish(manifest)
    return manifest


def _embed(catalogue: Catalogue, encoder: Encoder, *, cache: Path | None, **options: Any) -> Embedded:
    kept = nullcontext() if cache is None else EmbeddingCache(cache / FOLDER, encoder)
    with kept as embeddings:
        return embed_catalogue(catalogue, encoder, cache=embeddings, **options)


def _keep_report(indexes: Path, bad: Sequence[BadItem]) -> None:
    """Keep the report where it outlives a build that fails."""
    with writing(indexes):
        write_report(indexes / LAST_REPORT, bad)


def build_index(
    catalogue: Catalogue,
    encoder: Encoder,
    *,
    indexes: Path,
    store: Store | None = None,
    kind: str = AUTO,
    recall: float = Limits.recall,
    max_bad: float = 0.5,
    golden: Path | None = None,
    keep: int = KEEP,
    cache: Path | None = None,
    engine: Engine | None = None,
    processes: int | None = None,
    progress: bool = False,
    limits: Limits | None = None,
    now: datetime | None = None,
) -> Built:
    """Embed a catalogue with its changes, write and check an index of it, and make it current.

    Parameters
    ----------
    catalogue : Catalogue
    encoder : Encoder
    indexes : Path
        Folder of what builds note and of photographs that were put, and of the published versions.
    store : Store, optional
        Where else the versions are published.
    kind : str
        Kind of vector index, one of `index.vectors.kinds.KINDS`; "auto" chooses by size and memory.
    recall : float
        The share of the true first ten that the kind is tuned to find.
    max_bad : float
        Highest share of the catalogue's items that may be skipped.
    golden : Path, optional
        CSV file of golden queries.
    keep : int
        How many versions to keep.
    cache : Path, optional
        Folder for what can be made again; without it all photographs are encoded.
    engine : Engine, optional
        What embeds the photographs; by default processes of this machine.
    processes : int, optional
        How many photographs it embeds at a time; by default one a core.
    progress : bool
        Show bars on standard error.
    limits : Limits, optional
        What else the gate asks for.
    now : datetime, optional
        The time of the build; by default, the clock's.

    Raises
    ------
    TooManyBadItems
        `max_bad` was passed; the report stands in `indexes`, as last-report.csv.
    GateFailed
        The new index is not fit for use; the verdict stands in `indexes`, as last-gate.json.
    BuildRunning, IndexNotWritten, KindUnknown, GoldenUnusable, ChangesDamaged
        In all cases the version in use stays.
    """
    asked = GoldenSet.read(golden, encoder) if golden else GoldenSet()
    store = store or FolderStore(indexes)
    with store.building(now=now) as draft:
        folded, changes = store.changes.folded(catalogue)
        making = Making(draft, catalogue.source, encoder.fingerprint, changes, store.previous())
        making.golden = asked
        with making.timed("embed"):
            embedded = _embed(
                folded, encoder, cache=cache, engine=engine, processes=processes, progress=progress
            )
        making.bad = bad = (*folded.bad, *embedded.bad)
        _keep_report(indexes, bad)
        check_bad_share(len(bad), len(bad) + len(embedded.items), max_bad=max_bad)
        with making.timed("check"):
            anew = encode_anew(embedded, encoder)
        manifest = publish_embedded(
            making, embedded, kind=kind, recall=recall, anew=anew, limits=limits, now=now
        )
        removed = tuple(store.tidy(keep=keep, catalogue=catalogue))
    return Built(
        manifest=manifest,
        bad=bad,
        report=draft.report,
        duplicates=draft.duplicates,
        seconds=making.seconds,
        cached=embedded.cached,
        difference=compare(making.previous, embedded.items, embedded.contents),
        removed=removed,
    )
