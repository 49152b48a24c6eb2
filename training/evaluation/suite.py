"""The whole examination: the parts by name, on photographs that are read once, each giving its tables."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click

from training.catalogue.reader import Catalogue
from training.config import DEFAULT, Config
from training.evaluation.photos import Photos, read_photos
from training.evaluation.product_pictures import FOLDER, product_pictures
from training.evaluation.retrieval import retrieval
from training.evaluation.score_table import Table, as_json, as_markdown
from training.evaluation.true_shape import true_shape
from training.files import write_atomically
from training.photo.encoder import Encoder

MARKDOWN_FILE, JSON_FILE = "suite.md", "suite.json"
DESCRIBED = {"retrieval", "baselines"}  # parts that need the hand-made descriptors


@dataclass(frozen=True)
class Settings:
    """How the examination is done.

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
    ablation_epochs : int
        How long each variant is trained.
    config : Config
        What the ablation starts from.
    processes : int or None
        Worker processes; all cores without it.
    """

    parts: tuple[str, ...]
    cache: Path = Path("cache")
    fashion_mnist: Path = FOLDER
    fashion_mnist_limit: int | None = None
    ablation_epochs: int = 8
    config: Config = DEFAULT
    processes: int | None = None


class Examination:
    """An encoder and what it is examined on; the photographs are read when a part first asks for them."""

    def __init__(
        self, encoder: Encoder, gallery: Catalogue, queries: Catalogue, *, settings: Settings
    ) -> None:
        self.encoder, self.settings = encoder, settings
        self._catalogues = gallery, queries

    def _read(self, catalogue: Catalogue, name: str) -> Photos:
        described = bool(DESCRIBED.intersection(self.settings.parts))
        photos = read_photos(catalogue, described=described, processes=self.settings.processes, progress=name)
        if photos.bad:
            first = photos.bad[0]
            click.echo(
                f"{len(photos.bad):,} of the {name} can't be used; the first: {first.path}: {first.reason}",
                err=True,
            )
        return photos

    @cached_property
    def gallery(self) -> Photos:
        """The photographs that are searched."""
        return self._read(self._catalogues[0], "gallery")

    @cached_property
    def queries(self) -> Photos:
        """The photographs that are searched for."""
        return self._read(self._catalogues[1], "queries")


def _retrieval(exam: Examination) -> list[Table]:
    return retrieval(exam.encoder, exam.gallery, exam.queries)


def _fashion_mnist(exam: Examination) -> list[Table]:
    chosen = exam.settings
    return [
        product_pictures(
            exam.encoder,
            folder=chosen.fashion_mnist,
            limit=chosen.fashion_mnist_limit,
            processes=chosen.processes,
        )
    ]


def _invariance(exam: Examination) -> list[Table]:
    from training.evaluation.invariance import invariance

    return [invariance(exam.encoder, exam.gallery, exam.queries, processes=exam.settings.processes)]


def _true_shape(exam: Examination) -> list[Table]:
    return [true_shape(exam.encoder, processes=exam.settings.processes)]


def _sketch(exam: Examination) -> list[Table]:
    from training.evaluation.sketch_search import sketch

    return [sketch(exam.encoder, exam.gallery, exam.queries, processes=exam.settings.processes)]


def _baselines(exam: Examination) -> list[Table]:
    from training.evaluation.comparison import comparison  # loads TensorFlow

    return [comparison(exam.encoder, exam.gallery, exam.queries)]


def _ablation(exam: Examination) -> list[Table]:
    from training.evaluation.ablation import ablation  # loads TensorFlow

    chosen = exam.settings
    return [
        ablation(
            exam.gallery,
            exam.queries,
            cache=chosen.cache,
            config=chosen.config,
            epochs=chosen.ablation_epochs,
            processes=chosen.processes,
        )
    ]


PARTS: dict[str, Callable[[Examination], list[Table]]] = {
    "retrieval": _retrieval,
    "fashion-mnist": _fashion_mnist,
    "invariance": _invariance,
    "true-shape": _true_shape,
    "sketch": _sketch,
    "baselines": _baselines,
    "ablation": _ablation,
}


def examine(
    encoder: Encoder, gallery: Catalogue, queries: Catalogue, *, settings: Settings
) -> Iterator[Table]:
    """Examine an encoder, part by part, and tell on standard error how long each took.

    Parameters
    ----------
    encoder : Encoder
    gallery, queries : Catalogue
        Photographs that can't be read are left out, counted and told.
    settings : Settings

    Yields
    ------
    Table
        One or more a part, as soon as it is done.

    Raises
    ------
    TooFewImages
        Nothing is left to examine.
    """
    exam = Examination(encoder, gallery, queries, settings=settings)
    for name, part in PARTS.items():
        if name in settings.parts:
            started = time.monotonic()
            yield from part(exam)
            click.echo(f"{name}: {(time.monotonic() - started) / 60:.1f} minutes", err=True)


def write(tables: Sequence[Table], folder: Path) -> None:
    """Write tables to `suite.md` and `suite.json` in a folder, each file whole or not at all."""
    write_atomically(folder / MARKDOWN_FILE, f"{as_markdown(tables)}\n".encode())
    write_atomically(folder / JSON_FILE, f"{as_json(tables)}\n".encode())
