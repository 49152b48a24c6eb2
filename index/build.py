"""A build, from a catalogue to a published version: embed, write, check, publish, each step timed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from index.embeddings import Embedded, embed_catalogue
from index.errors import GateFailed
from index.gate import Limits, Verdict, check
from index.items import write_items
from index.manifest import Manifest, file_sums, pair_quantiles, write_manifest
from index.publish import Draft, building, publish, writing
from index.vectors import kind_named
from index.version import ITEMS, REPORT, VECTORS
from training.catalogue import BadItem, Catalogue, check_bad_share, write_report
from training.encoder import Encoder

LAST_REPORT = "last-report.csv"


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
    seconds : dict
        How long each step took.
    """

    manifest: Manifest
    bad: tuple[BadItem, ...]
    report: Path
    seconds: dict[str, float]


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    start = perf_counter()
    yield
    seconds[step] = round(perf_counter() - start, 3)


def _keep_report(indexes: Path, bad: Sequence[BadItem]) -> None:
    """Keep the report where it outlives a build that fails."""
    with writing(indexes):
        write_report(indexes / LAST_REPORT, bad)


def _write(draft: Draft, embedded: Embedded, *, kind: str, bad: Sequence[BadItem]) -> None:
    with writing(draft.indexes):
        write_report(draft.folder / REPORT, bad)
        write_items(draft.folder / ITEMS, embedded.items)
        kind_named(kind).build(embedded.vectors).save(draft.folder / VECTORS)


def _check(draft: Draft, embedded: Embedded, *, kind: str, limits: Limits | None) -> Verdict:
    """Check the index as it can be read back from its file."""
    if not embedded.items:
        raise GateFailed("No photograph of the catalogue could be read, so there is nothing to publish.")
    index = kind_named(kind).load(draft.folder / VECTORS)
    verdict = check(embedded.vectors, index, items=len(embedded.items), limits=limits)
    verdict.require()
    return verdict


def publish_embedded(
    draft: Draft,
    embedded: Embedded,
    *,
    catalogue: str,
    encoder: str,
    kind: str = "flat",
    bad: Sequence[BadItem] = (),
    limits: Limits | None = None,
    now: datetime | None = None,
    seconds: dict[str, float] | None = None,
) -> Manifest:
    """Write embeddings and items into a draft, check and publish it, and return its manifest.

    Parameters
    ----------
    draft : Draft
    embedded : Embedded
    catalogue, encoder : str
        The catalogue as it was named, and the fingerprint of the encoder.
    kind, limits, now
        As for `build_index`.
    bad : sequence of BadItem
        All items that were skipped, for the report.
    seconds : dict, optional
        Receives how long each step took.

    Raises
    ------
    GateFailed, IndexNotWritten, KindUnknown
        The version in use stays.
    """
    seconds = {} if seconds is None else seconds
    with _timed(seconds, "write"):
        _write(draft, embedded, kind=kind, bad=bad)
    with _timed(seconds, "check"):
        verdict = _check(draft, embedded, kind=kind, limits=limits)
    checksums, sizes = file_sums(draft.folder)
    manifest = Manifest(
        version=draft.version,
        built_at=(now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds"),
        items=len(embedded.items),
        bad=len(bad),
        catalogue=catalogue,
        encoder=encoder,
        dimension=embedded.vectors.shape[1],
        kind=kind,
        checksums=checksums,
        sizes=sizes,
        gate=verdict.figures,
        score_quantiles=pair_quantiles(embedded.vectors),
    )
    with _timed(seconds, "publish"), writing(draft.indexes):
        write_manifest(draft.folder, manifest)
        publish(draft)
    return manifest


def build_index(
    catalogue: Catalogue,
    encoder: Encoder,
    *,
    indexes: Path,
    kind: str = "flat",
    max_bad: float = 0.5,
    processes: int | None = None,
    progress: bool = False,
    limits: Limits | None = None,
    now: datetime | None = None,
) -> Built:
    """Embed a catalogue, write and check an index of it, and make it current.

    Parameters
    ----------
    catalogue : Catalogue
    encoder : Encoder
    indexes : Path
        The folder of the published versions.
    kind : str
        Kind of vector index, one of `index.vectors.KINDS`.
    max_bad : float
        Highest share of the catalogue's items that may be skipped.
    processes : int, optional
        Processes that read and cut out photographs; by default one a core.
    progress : bool
        Show a bar on standard error.
    limits : Limits, optional
        What the gate asks for.
    now : datetime, optional
        The time of the build; by default, the clock's.

    Raises
    ------
    TooManyBadItems
        `max_bad` was passed; the report stands in `indexes`, as last-report.csv.
    GateFailed
        The new index is not fit for use.
    BuildRunning, IndexNotWritten, KindUnknown
        In all cases the version in use stays.
    """
    seconds: dict[str, float] = {}
    with building(indexes, now=now) as draft:
        with _timed(seconds, "embed"):
            embedded = embed_catalogue(catalogue, encoder, processes=processes, progress=progress)
        bad = (*catalogue.bad, *embedded.bad)
        _keep_report(indexes, bad)
        check_bad_share(len(bad), len(bad) + len(embedded.items), max_bad=max_bad)
        manifest = publish_embedded(
            draft,
            embedded,
            catalogue=catalogue.source,
            encoder=encoder.fingerprint,
            kind=kind,
            bad=bad,
            limits=limits,
            now=now,
            seconds=seconds,
        )
    return Built(manifest, bad, indexes / draft.version / REPORT, seconds)
