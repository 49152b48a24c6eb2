"""The evaluation suite: parts by name, on photographs that are read once, each giving its tables."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click

from training.catalogue.reader import Catalogue
from training.config import CATEGORY, Config
from training.evaluation.photos import GALLERY, Photos, read_photos
from training.evaluation.product_pictures import FOLDER, product_pictures
from training.evaluation.retrieval import retrieval
from training.evaluation.score_table import Table, as_json, as_markdown
from training.evaluation.true_shape import true_shape
from training.files import write_atomically
from training.photo.encoder import Encoder
from training.photo.segmenter import Segmenter

MARKDOWN_FILE, JSON_FILE, MASKS_FILE, RISK_FILE = "suite.md", "suite.json", "masks.png", "risk.png"
DESCRIBED = {"retrieval", "baselines"}  # parts that need the hand-made descriptors


@dataclass(frozen=True)
class Settings:
    """How the suite is run.

    Parameters
    ----------
    parts : tuple of str
        Names in `PARTS`; they are done in that order.
    cache : Path
        Where the ablation's trainings are kept.
    fashion_mnist : Path
        Folder of its four files.
    fashion_mnist_limit : int or None
        Take only the first so many of its gallery, and a sixth as many queries.
    ablation_parts : tuple of str
        What is left out in turn, of `training.evaluation.variants.ABLATION_PARTS`; none for those of
        `NEW_PARTS`.
    ablation_epochs, ablation_seeds, ablation_every : int
    ablation_init : Path or None
        See `training.evaluation.ablation.Plan`.
    config : Config
        What the ablation starts from.
    processes : int or None
        Worker processes; all cores without it.
    parsed : Catalogue or None
        Parsed photographs of people, for the masks, the search for what is worn, the weight of types, the
        alignment, the confidence, and the ablation.
    beside : Path or None
        A segmenter, or a bundle with one, whose masks are scored beside, and by which the ablation cuts out
        in the place of the encoder's own.
    out : Path or None
        Where to write pictures to look at.
    """

    parts: tuple[str, ...]
    cache: Path = Path("cache")
    fashion_mnist: Path = FOLDER
    fashion_mnist_limit: int | None = None
    ablation_parts: tuple[str, ...] = ()
    ablation_epochs: int = 8
    ablation_seeds: int = 2
    ablation_every: int = 3
    ablation_init: Path | None = None
    config: Config = CATEGORY
    processes: int | None = None
    parsed: Catalogue | None = None
    beside: Path | None = None
    out: Path | None = None


class Subject:
    """An encoder, and the photographs to evaluate it on, all read when a part first asks for them."""

    def __init__(
        self, encoder: Encoder | Path, gallery: Catalogue, queries: Catalogue, *, settings: Settings
    ) -> None:
        self._encoder, self.settings = encoder, settings
        self.catalogues = gallery, queries

    @property
    def segmenter(self) -> Segmenter:
        """The segmenter of the encoder, which need not be loaded for it."""
        named = self._encoder
        return named.segmenter if isinstance(named, Encoder) else Segmenter.of_bundle(named)

    def _read(self, catalogue: Catalogue, name: str) -> Photos:
        described = bool(DESCRIBED.intersection(self.settings.parts))
        photos = read_photos(
            catalogue,
            indexed=name == GALLERY,
            segmenter=self.segmenter,
            described=described,
            processes=self.settings.processes,
            progress=name,
        )
        if photos.bad:
            first = photos.bad[0]
            click.echo(
                f"{len(photos.bad):,} of the {name} can't be used; the first: {first.path}: {first.reason}",
                err=True,
            )
        return photos

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder that is evaluated."""
        return self._encoder if isinstance(self._encoder, Encoder) else Encoder.load(self._encoder)

    @cached_property
    def gallery(self) -> Photos:
        """The photographs that are searched."""
        return self._read(self.catalogues[0], GALLERY)

    @cached_property
    def queries(self) -> Photos:
        """The photographs that are searched for."""
        return self._read(self.catalogues[1], "queries")


def _retrieval(subject: Subject) -> list[Table]:
    return retrieval(subject.encoder, subject.gallery, subject.queries)


def _fashion_mnist(subject: Subject) -> list[Table]:
    chosen = subject.settings
    return [
        product_pictures(
            subject.encoder,
            folder=chosen.fashion_mnist,
            limit=chosen.fashion_mnist_limit,
            processes=chosen.processes,
        )
    ]


def _invariance(subject: Subject) -> list[Table]:
    from training.evaluation.invariance import invariance

    return [
        invariance(subject.encoder, subject.gallery, subject.queries, processes=subject.settings.processes)
    ]


def _true_shape(subject: Subject) -> list[Table]:
    processes = subject.settings.processes
    return [true_shape(subject.encoder, worn=worn, processes=processes) for worn in (False, True)]


def _parts(subject: Subject) -> list[Table]:
    from training.evaluation.part_search import part_search

    return [part_search(subject.encoder, processes=subject.settings.processes)]


def _sketch(subject: Subject) -> list[Table]:
    from training.evaluation.sketch_search import sketch

    return [sketch(subject.encoder, subject.gallery, subject.queries, processes=subject.settings.processes)]


def _masks(subject: Subject) -> Iterator[Table]:
    from training.evaluation.finder import Finder
    from training.evaluation.masks import masks
    from training.figures.mask_sheet import Section, mask_sheet
    from training.figures.sheet import save

    chosen = subject.settings
    beside = [Segmenter.load(chosen.beside)] if chosen.beside else []
    finders = tuple(map(Finder, (subject.segmenter, *beside)))
    sections: list[Section] = []
    for measured in masks(*subject.catalogues, finders, parsed=chosen.parsed, processes=chosen.processes):
        sections += measured.sections
        yield measured.table
    if chosen.out:
        save(mask_sheet(sections), chosen.out / MASKS_FILE)


def _worn(subject: Subject) -> list[Table]:
    from training.evaluation.worn_search import worn_search

    chosen = subject.settings
    if chosen.parsed is None:
        click.echo("worn: left out. Name parsed photographs of people with --parsed.", err=True)
        return []
    return worn_search(subject.encoder, subject.gallery, chosen.parsed, processes=chosen.processes)


def _types(subject: Subject) -> list[Table]:
    from training.evaluation.type_weights import type_weights

    chosen = subject.settings
    return [
        type_weights(
            subject.encoder,
            subject.catalogues[0],
            subject.gallery,
            parsed=chosen.parsed,
            processes=chosen.processes,
        )
    ]


def _alignment(subject: Subject) -> list[Table]:
    from training.evaluation.reranking import reranking

    chosen = subject.settings
    return [
        reranking(
            subject.encoder,
            subject.gallery,
            subject.queries,
            parsed=chosen.parsed,
            processes=chosen.processes,
        )
    ]


def _confidence(subject: Subject) -> list[Table]:
    from training.evaluation.reliability import KEY, TITLE, judge, tables
    from training.figures.risk_curve import risk_curve
    from training.figures.sheet import save

    chosen = subject.settings
    if subject.encoder.calibration is None:
        note = "Not evaluated: the encoder has no calibration. Run python -m training calibrate."
        return [Table(KEY, TITLE, ("queries",), (), note)]
    results = judge(
        subject.encoder, subject.gallery, subject.queries, people=chosen.parsed, processes=chosen.processes
    )
    if chosen.out:
        save(risk_curve({one.name: (one.confidence, one.wrong) for one in results}), chosen.out / RISK_FILE)
    return tables(results)


def _baselines(subject: Subject) -> list[Table]:
    from training import device  # loads TensorFlow

    device.begin()
    from training.evaluation.learned_baselines import comparison

    return [comparison(subject.encoder, subject.gallery, subject.queries)]


def _ablation(subject: Subject) -> list[Table]:
    from training import device  # loads TensorFlow

    device.begin()
    from training.evaluation.ablation import Plan, ablation
    from training.evaluation.variants import choose

    chosen = subject.settings
    return ablation(
        subject.gallery,
        subject.queries,
        segmenter=subject.segmenter,
        plan=Plan(
            config=chosen.config,
            epochs=chosen.ablation_epochs,
            seeds=chosen.ablation_seeds,
            every=chosen.ablation_every,
            init=chosen.ablation_init,
            cache=chosen.cache,
            processes=chosen.processes,
        ),
        variants=choose(chosen.ablation_parts, parsed=chosen.parsed is not None, beside=bool(chosen.beside)),
        parsed=chosen.parsed,
        beside=Segmenter.load(chosen.beside) if chosen.beside else None,
    )


PARTS: dict[str, Callable[[Subject], Iterable[Table]]] = {
    "retrieval": _retrieval,
    "fashion-mnist": _fashion_mnist,
    "invariance": _invariance,
    "true-shape": _true_shape,
    "parts": _parts,
    "sketch": _sketch,
    "masks": _masks,
    "worn": _worn,
    "types": _types,
    "alignment": _alignment,
    "confidence": _confidence,
    "baselines": _baselines,
    "ablation": _ablation,
}


def evaluate_parts(
    encoder: Encoder | Path, gallery: Catalogue, queries: Catalogue, *, settings: Settings
) -> Iterator[Table]:
    """Evaluate an encoder, part by part, and report on standard error how long each took.

    Parameters
    ----------
    encoder : Encoder or Path
        A bundle's folder is read when a part first needs the encoder; masks do not.
    gallery, queries : Catalogue
        Photographs that can't be read are left out and reported.
    settings : Settings

    Yields
    ------
    Table
        One or more a part, as soon as it is done.

    Raises
    ------
    TooFewImages
        Nothing is left to evaluate.
    """
    subject = Subject(encoder, gallery, queries, settings=settings)
    for name, part in PARTS.items():
        if name in settings.parts:
            started = time.monotonic()
            yield from part(subject)
            click.echo(f"{name}: {(time.monotonic() - started) / 60:.1f} minutes", err=True)


def write(tables: Sequence[Table], folder: Path) -> None:
    """Write tables to `suite.md` and `suite.json` in a folder, each file written atomically."""
    write_atomically(folder / MARKDOWN_FILE, f"{as_markdown(tables)}\n".encode())
    write_atomically(folder / JSON_FILE, f"{as_json(tables)}\n".encode())
