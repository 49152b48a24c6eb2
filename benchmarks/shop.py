"""A shop made of two catalogues: half of its photographs trains, the other half is searched before and after.

Run it with `python -m benchmarks.shop --laid-out CATALOGUE --worn PARSED --encoder BUNDLE [--quick]`. It
writes the halves as catalogues, and `python -m index build --retrain all` trains on the first. Its tables
stand in docs/training.md.
"""

import csv
import json
import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from time import perf_counter

import click
import numpy as np

from training.catalogue.parsed import LABELS_FILE, read_labels
from training.catalogue.reader import Catalogue, Item, read_catalogue
from training.errors import UnreadableCatalogue
from training.evaluation.finder import Finder
from training.evaluation.masks import street
from training.evaluation.photos import ENCODER, GALLERY, read_photos, side_of
from training.evaluation.retrieval import GALLERY_SEED, Row, row
from training.evaluation.score_table import Cell, Table, as_markdown
from training.evaluation.worn_search import ENCODER_OWN, worn_rows
from training.fit.worn_garments import worn_garments
from training.options import cache_option, encoder_option, processes_option
from training.photo.encoder import PRETRAINED, Encoder

COLUMNS = ("item_id", "path", "category", "look", "mask")
LAID_OUT, WORN = "laid out", "worn"
QUICK = "--epochs 2"


def halves(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Take every other photograph of each category, in an order that the ids alone give."""
    of_category = defaultdict(list)
    for item in sorted(items, key=lambda item: sha256(item.item_id.encode()).digest()):
        of_category[item.category].append(item)
    alike = of_category.values()
    return [item for some in alike for item in some[::2]], [item for some in alike for item in some[1::2]]


def sold(parsed: Catalogue, categories: set[str]) -> Iterator[Item]:
    """Yield the parsed photographs that show one of the categories, as of that of the largest garment."""
    root = parsed.root or Path()
    garments, _ = worn_garments(parsed, categories, held_out=None)
    for _, found in groupby(garments, lambda pair: pair[0].path):
        garments = [(item, number) for item, number in found if item.category is not None]
        if garments:
            areas = np.bincount(read_labels(garments[0][0], root).ravel(), minlength=256)
            largest, _ = max(garments, key=lambda pair: areas[pair[1]])
            yield Item(
                largest.item_id.removesuffix(f" {largest.metadata['label']}"),
                largest.path,
                {"category": largest.category, "look": WORN, "mask": root / largest.metadata["mask"]},
            )


def write(items: Sequence[Item], path: Path, labels: Path) -> None:
    """Write a catalogue of photographs, laid out and worn, and beside it the names of the labels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore")
        rows.writeheader()
        rows.writerows({**item.metadata, "item_id": item.item_id, "path": item.path} for item in items)
    shutil.copy(labels, path.parent / LABELS_FILE)


def open_shop(laid_out: Catalogue, parsed: Catalogue, folder: Path, *, most: int | None) -> tuple[Path, Path]:
    """Write the two halves of a shop that has both catalogues, and return where they are."""
    labelled = [item for item in laid_out.items if item.category is not None]
    if not labelled:
        raise UnreadableCatalogue(f"{laid_out.source} has no categories. Name one with a column category.")
    plain = [Item(i.item_id, i.path, {"category": i.category, "look": LAID_OUT}) for i in labelled]
    worn = sold(parsed, {str(item.category) for item in labelled})
    paths = folder / "shop.csv", folder / "other.csv"
    pairs = zip(halves(plain[:most]), halves([*worn][:most]), strict=True)
    for path, (first, second) in zip(paths, pairs, strict=True):
        write([*first, *second], path, (parsed.root or Path()) / LABELS_FILE)
    return paths


def retrained(
    shop: Path, encoder: Path, *, out: Path, cache: Path, roots: Sequence[Path], **more: str
) -> Path:
    """Build an index of the shop, trained on its photographs; return the folder of the new encoder."""
    words = ["--catalogue", shop, "--encoder", encoder, "--out", out, "--cache", cache, "--retrain", "all"]
    words += [word for root in roots for word in ("--allow-root", root)]
    words += [word for name, value in more.items() for word in (f"--{name.replace('_', '-')}", value)]
    command = [sys.executable, "-m", "index", "build", *map(str, words), "--json"]
    click.echo(shlex.join(command[1:]), err=True)
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if answer.returncode:
        raise click.ClickException("The build has failed; its message stands above.")
    return Path(json.loads(answer.stdout)["encoder"]["path"])


def searches(encoder: Encoder, other: Path, *, processes: int | None) -> Iterator[tuple[str, Row]]:
    """Search the other half by the cut-outs of the encoder's segmenter; yield each search with its scores."""
    worn = read_catalogue(f"{other}?look={WORN}")
    laid_out = read_catalogue(f"{other}?look={LAID_OUT}")
    photos = read_photos(laid_out, indexed=True, segmenter=encoder.segmenter, processes=processes)
    for whose, held_out in (("", None), (", held out", True)):
        for name, rows in zip(
            (f"{WORN} among {LAID_OUT}", f"{WORN} among {WORN}"),
            worn_rows(encoder, photos, worn, held_out=held_out, processes=processes),
            strict=True,
        ):
            yield f"{name}{whose}", next(one for one in rows if one.descriptor == ENCODER_OWN)
    side = side_of(encoder, photos, name=GALLERY, seed=GALLERY_SEED)
    yield f"{LAID_OUT} among {LAID_OUT}", row(ENCODER, side, side)


def search_table(encoders: dict[str, Encoder], other: Path, *, processes: int | None) -> Table:
    """Score the search of the other half by encoders, each with its own segmenter."""
    found = {name: [*searches(encoder, other, processes=processes)] for name, encoder in encoders.items()}
    rows = []
    for at, (kind, _) in enumerate(next(iter(found.values()))):
        for name, scored in found.items():
            scores = scored[at][1].scores
            figures: tuple[Cell, ...] = (scores.p_at_10, scores.macro_p_at_10, scores.map)
            rows.append((f"{kind}: {name}", scores.n_queries, scored[at][1].gallery, *figures))
    columns = ("search of the other half: encoder", "queries", "gallery", "P@10", "macro P@10", "mAP")
    note = (
        "An answer is right if it has the query's category. Each encoder has its own segmenter's cut-outs. "
        "Held out: of photographs that the segmenter that ships was not trained on, either."
    )
    return Table("shop", "", columns, tuple(rows), note)


def mask_table(encoders: dict[str, Encoder], other: Path, *, processes: int | None) -> Table:
    """Score the masks of the other half's people by the segmenters of encoders."""
    worn = read_catalogue(f"{other}?look={WORN}")
    tables = {
        name: street(worn, (Finder(encoder.segmenter),), processes=processes).table
        for name, encoder in encoders.items()
    }
    first, *columns = next(iter(tables.values())).columns
    rows = [
        (f"{kind[0]}: {name}", *kind[1:])
        for kinds in zip(*(table.rows for table in tables.values()), strict=True)
        for name, kind in zip(tables, kinds, strict=True)
    ]
    return Table("shop-masks", "", (f"{first}: encoder", *columns), tuple(rows))


@click.command(
    epilog="Example: python -m benchmarks.shop --laid-out 'CLOTHING/catalogue.csv?split=train' "
    "--worn WORN/catalogue.csv --encoder models/default"
)
@click.option("--laid-out", required=True, help="Catalogue of garments that are laid out, with categories.")
@click.option("--worn", required=True, help="Catalogue of parsed photographs of people.")
@encoder_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("cache/shop"),
    show_default=True,
    help="Folder for the two catalogues and the index.",
)
@click.option(
    "--options",
    default="--epochs 6 --config category --supervise category",
    show_default=True,
    help="Options of `python -m training fit`, in one text.",
)
@click.option(
    "--segmenter-options",
    default="--epochs 3",
    show_default=True,
    help="Options of `python -m training segmenter`, in one text.",
)
@click.option("--quick", is_flag=True, help="Only see that all of it runs: few photographs, two epochs each.")
@cache_option
@processes_option
def main(
    laid_out: str,
    worn: str,
    encoder: Path,
    out: Path,
    options: str,
    segmenter_options: str,
    quick: bool,
    cache: Path,
    processes: int | None,
) -> None:
    """Train on half of a shop, and print how its other half is searched before and after."""
    started = perf_counter()
    catalogues = [read_catalogue(spec, cache=cache) for spec in (laid_out, worn)]
    shop, other = open_shop(*catalogues, out, most=200 if quick else None)
    more = f" {QUICK}" if quick else ""
    after = retrained(
        shop,
        encoder,
        out=out / "indexes",
        cache=cache,
        roots=[catalogue.root for catalogue in catalogues if catalogue.root],
        retrain_options=f"{shlex.join(['--worn', str(shop)])} {options}{more}",
        segmenter_options=segmenter_options + more,
    )
    minutes = (perf_counter() - started) / 60
    encoders = {"before": Encoder.load(encoder), "after": Encoder.load(after)}
    if encoders["before"].fingerprint != (ours := Encoder.load(PRETRAINED)).fingerprint:
        encoders["ships"] = ours
    for make in (search_table, mask_table):
        click.echo(f"{as_markdown([make(encoders, other, processes=processes)])}\n")
    segmenters = {name: one.segmenter.fingerprint[:12] for name, one in encoders.items()}
    listed = ", ".join(f"{name} {mark}" for name, mark in segmenters.items())
    click.echo(f"Trained and built in {minutes:.0f} minutes. Segmenters: {listed}.")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.shop")
