"""A build, from a catalogue to a published version: embed, check, write, check, publish, each step timed."""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np

from index.catalogue_thumbnails import make_thumbnails
from index.comparison import Difference, Previous, compare, replaced
from index.embedding.cache import FOLDER, EmbeddingCache
from index.embedding.duplicates import find_duplicates
from index.embedding.embedder import Embedder
from index.embedding.embeddings import Embedded, embed_catalogue, reencode
from index.gate.checks import LAST_GATE, Limits, Verdict, check_index, check_vectors
from index.gate.golden import GoldenAnswer, GoldenSet
from index.gate.percentiles import pair_quantiles
from index.manifest import Manifest
from index.neighbourhoods import neighbourhoods
from index.photographs import PHOTOGRAPHS
from index.served_folders import within
from index.stores.folder.store import FolderStore
from index.stores.lock import writing
from index.stores.store import LAST_REPORT, Draft, Filled, Store
from index.thumbnails import MAX_BYTES
from index.vectors.kinds import AUTO
from index.views import ITEM
from training.catalogue.reader import (
    BadItem,
    Catalogue,
    Item,
    check_bad_share,
    count_photographs,
    stored_items,
    write_report,
)
from training.files import write_atomically
from training.photo.encoder import Encoder

KEEP = 7
MAX_BAD = 0.5


@dataclass(frozen=True)
class BuildOptions:
    """How a catalogue is built.

    Parameters
    ----------
    kind : str
        Kind of vector index, one of `index.vectors.kinds.KINDS`; "auto" chooses by size and memory.
    garments : str
        Which garments of a photograph are indexed, one of `index.views.GARMENTS`.
    limits : Limits
        What the gate asks for; the kind is tuned to find its `recall`.
    max_bad : float
        Highest share of the catalogue's photographs that may be skipped.
    new_catalogue : bool
        Replace an index of another catalogue, however many items that has.
    golden : Path, optional
        CSV file of golden queries.
    keep : int
        How many versions to keep.
    allow_roots : tuple of Path
        Folders beside the catalogue's own whose pictures may be served; other pictures are skipped.
    cache : Path, optional
        Folder for what can be made again; without it all photographs are encoded.
    embedder : Embedder, optional
        What embeds the photographs; by default processes of this machine.
    processes : int, optional
        How many photographs it embeds at a time; by default one a core.
    progress : bool
        Show bars on standard error.
    thumbnails : Path, optional
        Folder in which those of all photographs are made, once the version is published.
    thumbnail_bytes : int
        How much they may take.
    ahead : collection of bytes
        What `index.embedding.head_start` has embedded into the cache for this build.
    rehash : bool
        Read all photographs, also those whose files are as an earlier build has seen them.
    """

    kind: str = AUTO
    limits: Limits = Limits()
    max_bad: float = MAX_BAD
    new_catalogue: bool = False
    golden: Path | None = None
    keep: int = KEEP
    allow_roots: tuple[Path, ...] = ()
    cache: Path | None = None
    embedder: Embedder | None = None
    processes: int | None = None
    progress: bool = False
    garments: str = ITEM
    thumbnails: Path | None = None
    thumbnail_bytes: int = MAX_BYTES
    ahead: Collection[bytes] = ()
    rehash: bool = False


@dataclass(frozen=True)
class Built:
    """What a build has published.

    Parameters
    ----------
    manifest : Manifest
    bad : tuple of BadItem
        The items and photographs that were skipped.
    report : Path
        The CSV file that lists them.
    duplicates : Path
        The CSV file that lists the items that repeat another one.
    seconds : dict
        How long each step took.
    cached : int
        Items whose embeddings an earlier build had made.
    difference : Difference
        From the version that was in use.
    replaced : str or None
        The catalogue of the version that was in use, where that is another one.
    removed : tuple of str
        Old versions that were removed.
    thumbnails : tuple of (int, int), optional
        How many photographs have thumbnails, and the bytes of all, where they were asked for.
    outdated : tuple of BadItem
        Items with an earlier photograph than their address names, and why.
    """

    manifest: Manifest
    bad: tuple[BadItem, ...]
    report: Path
    duplicates: Path
    seconds: dict[str, float]
    cached: int
    difference: Difference
    replaced: str | None = None
    removed: tuple[str, ...] = ()
    thumbnails: tuple[int, int] | None = None
    outdated: tuple[BadItem, ...] = ()


@dataclass
class BuildRun:
    """A build under way: the draft that it fills, what it is made from, and how long each step took.

    Parameters
    ----------
    draft : Draft
    catalogue, encoder : str
        The catalogue as it was named, and the fingerprint of the encoder.
    changes : int
        The last change that is folded in.
    previous : Previous, optional
        The version in use, where there is one.
    bad, outdated : sequence of BadItem
        All items that were skipped, and those with an earlier photograph than their address has; both for the
        report.
    roots : tuple of str, optional
        As in the manifest.
    golden : GoldenSet
    seconds : dict
    """

    draft: Draft
    catalogue: str
    encoder: str
    changes: int = 0
    previous: Previous | None = None
    bad: Sequence[BadItem] = ()
    outdated: Sequence[BadItem] = ()
    roots: tuple[str, ...] | None = None
    golden: GoldenSet = GoldenSet()
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the time of the block to the seconds of a step."""
        start = perf_counter()
        yield
        self.seconds[step] = round(self.seconds.get(step, 0.0) + perf_counter() - start, 3)


def _require(run: BuildRun, verdict: Verdict, answers: Sequence[GoldenAnswer] = ()) -> None:
    """Keep a final verdict where it outlives a build that fails; raise `GateFailed` if it is not good."""
    fields = {
        "version": run.draft.version,
        "passed": not verdict.failures,
        "failures": verdict.failures,
        "figures": verdict.figures,
        "golden": [answer.fields() for answer in answers],
    }
    with writing(run.draft.indexes):
        write_atomically(run.draft.indexes / LAST_GATE, (json.dumps(fields, indent=1) + "\n").encode())
    verdict.require()


def _fill(run: BuildRun, embedded: Embedded, options: BuildOptions) -> tuple[Filled, int]:
    """Fill the draft; return it, and how many items repeat an earlier one."""
    with run.timed("duplicates"):
        groups = find_duplicates(embedded.vectors[: len(embedded.items)], embedded.pictures)
    with run.timed("write"):
        filled = run.draft.fill(
            embedded,
            groups,
            bad=(*run.bad, *run.outdated),
            kind=options.kind,
            recall=options.limits.recall,
        )
    return filled, int(np.count_nonzero(groups != np.arange(len(groups))))


def publish_embedded(
    run: BuildRun,
    embedded: Embedded,
    *,
    options: BuildOptions | None = None,
    rechecked: tuple[np.ndarray, np.ndarray] | None = None,
    now: datetime | None = None,
) -> Manifest:
    """Check embeddings, write an index and items of them into the draft, check and publish it.

    Parameters
    ----------
    run : BuildRun
    embedded : Embedded
    options : BuildOptions, optional
        Its kind, its limits and `new_catalogue` hold.
    rechecked : (int64 (m,), float32 (m, d)), optional
        As for `index.gate.checks.check_vectors`.
    now : datetime, optional
        The time of the build; by default, the clock's.

    Raises
    ------
    GateFailed, IndexNotWritten, KindUnknown
        The version in use stays.
    """
    options = options or BuildOptions()
    vectors, limits = embedded.vectors, options.limits
    other = replaced(run.previous, run.catalogue, embedded.items)
    compared = None if other and options.new_catalogue else run.previous
    with run.timed("check"):
        verdict = check_vectors(
            vectors,
            items=len(embedded.items),
            owners=embedded.owners,
            before=compared.items if compared else None,
            replaced=other,
            rechecked=rechecked,
            limits=limits,
        )
    if verdict.failures:
        _require(run, verdict)
    filled, duplicates = _fill(run, embedded, options)
    with run.timed("check"):
        answers = run.golden.ask(filled.index, embedded.items, owners=embedded.owners)
        owners = embedded.owners
        verdict += check_index(vectors, filled.index, owners=owners, golden=answers, limits=limits)
        nearest = neighbourhoods(vectors, filled.index, owners=embedded.owners)
    _require(run, verdict, answers)
    photographs, categories = embedded.counts
    manifest = Manifest(
        version=run.draft.version,
        built_at=(now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds"),
        items=len(embedded.items),
        bad=len(run.bad),
        catalogue=run.catalogue,
        encoder=run.encoder,
        dimension=vectors.shape[1],
        kind=filled.kind,
        checksums=filled.checksums,
        sizes=filled.sizes,
        gate=verdict.figures,
        score_quantiles=pair_quantiles(vectors),
        neighbour_quantiles=nearest,
        parameters=filled.parameters,
        changes=run.changes,
        duplicates=duplicates,
        garments=embedded.garments,
        further=len(vectors) - len(embedded.items),
        photographs=photographs,
        categories=categories,
        roots=run.roots,
    )
    with run.timed("publish"):
        run.draft.publish(manifest)
    return manifest


def _embed(catalogue: Catalogue, encoder: Encoder, options: BuildOptions, scratch: Path) -> Embedded:
    cache = nullcontext() if options.cache is None else EmbeddingCache(options.cache / FOLDER, encoder)
    with cache as kept:
        return embed_catalogue(
            catalogue,
            encoder,
            garments=options.garments,
            cache=kept,
            embedder=options.embedder,
            processes=options.processes,
            progress=options.progress,
            ahead=options.ahead,
            rehash=options.rehash,
            scratch=scratch,
        )


def _roots(catalogue: Catalogue, options: BuildOptions, indexes: Path) -> tuple[str, ...] | None:
    """Return the folders whose pictures may be served, the photographs that were put among them."""
    if catalogue.root is None:
        return None
    folders = (catalogue.root, *options.allow_roots, indexes / PHOTOGRAPHS)
    return tuple(str(folder.absolute()) for folder in folders)


def _check_bad(
    bad: Sequence[BadItem],
    photographs: int,
    *,
    indexes: Path,
    max_bad: float,
    outdated: Sequence[BadItem],
) -> None:
    """Keep the report of what was skipped where it outlives a build that fails, and check its share."""
    with writing(indexes):
        write_report(indexes / LAST_REPORT, (*bad, *outdated))
    check_bad_share(len(bad), len(bad) + photographs, max_bad=max_bad)


def check_listed(catalogue: Catalogue, *, indexes: Path, options: BuildOptions) -> None:
    """Check before a training what can be told without opening a photograph.

    Parameters
    ----------
    catalogue : Catalogue
    indexes : Path
        Folder of the notes of builds.
    options : BuildOptions

    Raises
    ------
    TooManyBadItems
        Too many items have no file, or lie outside of the folders that may be served; see `build_index`.
    """
    listed = within(catalogue, options.allow_roots)
    photographs = count_photographs(listed.items)
    _check_bad(listed.bad, photographs, indexes=indexes, max_bad=options.max_bad, outdated=listed.outdated)


def _with_fetched(embedded: Embedded, catalogue: Catalogue, store: Store) -> Embedded:
    """Keep what was fetched beside the versions: the cache may lose it, and other machines may not see it."""

    def kept(item: Item) -> Item:
        return item.showing(
            [
                store.changes.photographs.adopt(path) if catalogue.fetched in path.parents else path
                for path in item.photographs
            ]
        )

    if catalogue.fetched is None:
        return embedded
    return replace(embedded, items=stored_items(map(kept, embedded.items), catalogue.scratch))


def _thumbnails(run: BuildRun, embedded: Embedded, options: BuildOptions) -> tuple[int, int] | None:
    if options.thumbnails is None:
        return None
    items = zip((item.photographs for item in embedded.items), map(bytes, embedded.contents), strict=True)
    with run.timed("thumbnails"):
        return make_thumbnails(
            items,
            options.thumbnails,
            max_bytes=options.thumbnail_bytes,
            processes=options.processes,
            progress=options.progress,
        )


def build_index(
    catalogue: Catalogue,
    encoder: Encoder,
    *,
    indexes: Path,
    store: Store | None = None,
    options: BuildOptions | None = None,
    now: datetime | None = None,
) -> Built:
    """Embed a catalogue with its changes, write and check an index of it, and make it current.

    Parameters
    ----------
    catalogue : Catalogue
    encoder : Encoder
    indexes : Path
        Folder of the notes of builds, of photographs that were put, and of the published versions.
    store : Store, optional
        Where else the versions are published.
    options : BuildOptions, optional
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
    options = options or BuildOptions()
    golden = GoldenSet.read(options.golden, encoder) if options.golden else GoldenSet()
    store = store or FolderStore(indexes)
    with store.building(now=now) as draft:
        with writing(indexes):
            folded, changes = store.changes.folded(within(catalogue, options.allow_roots))
        run = BuildRun(draft, catalogue.source, encoder.fingerprint, changes, store.previous(), golden=golden)
        run.roots = _roots(catalogue, options, indexes)
        with run.timed("embed"), writing(indexes):
            embedded = _embed(folded, encoder, options, indexes)
        run.bad, run.outdated = folded.by_address((*folded.bad, *embedded.bad)), folded.outdated
        _check_bad(
            run.bad,
            embedded.counts[0],
            indexes=indexes,
            max_bad=options.max_bad,
            outdated=run.outdated,
        )
        with writing(indexes):
            embedded = _with_fetched(embedded, folded, store)
        with run.timed("check"):
            rechecked = reencode(embedded, encoder)
        manifest = publish_embedded(run, embedded, options=options, rechecked=rechecked, now=now)
        removed = tuple(store.tidy(keep=options.keep, catalogue=catalogue))
    thumbnails = _thumbnails(run, embedded, options)
    return Built(
        manifest=manifest,
        bad=tuple(run.bad),
        report=draft.report,
        duplicates=draft.duplicates,
        seconds=run.seconds,
        cached=embedded.cached,
        difference=compare(run.previous, embedded.items, embedded.contents),
        replaced=replaced(run.previous, run.catalogue, embedded.items),
        removed=removed,
        thumbnails=thumbnails,
        outdated=tuple(run.outdated),
    )
