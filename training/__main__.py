"""`python -m training`: train an encoder, evaluate it, draw figures of it."""

import json
import logging
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from training.addresses.fetching import Fetching
from training.catalogue.reader import Catalogue, read_catalogue
from training.command import SilhouetteGroup, when_interrupted
from training.errors import EncoderMismatch, UnreadableEncoder
from training.evaluation.variants import ABLATION_PARTS, NEW_PARTS
from training.native_logs import SHOW
from training.options import (
    cache_option,
    encoder_option,
    fetching_options,
    group_option,
    processes_option,
)
from training.photo.encoder import MODEL_FILE, PRETRAINED, WEIGHTS_FILE, Encoder
from training.photo.garment import WORKING_SIZE
from training.photo.images import decode
from training.photo.segmenter import Segmenter

CATALOGUE_HELP = (
    "A folder of images, a .csv, .jsonl or .parquet file, fashion-mnist:FOLDER, drawn:N or drawn-worn:N; "
    "append '?column=value' to select rows."
)
PARTS = (
    "retrieval", "fashion-mnist", "invariance", "true-shape", "parts", "sketch", "masks", "worn", "types",
    "alignment", "confidence", "baselines", "ablation",
)  # fmt: skip


@click.group(
    cls=SilhouetteGroup,
    epilog="\b\nTrain on your own photographs and evaluate the result:\n"
    "  python -m training fit --catalogue photos/ --out models/mine\n"
    "  python -m training evaluate --encoder models/mine --gallery photos/ --queries other-photos/",
)
def main() -> None:
    """Train and evaluate encoders of the shape of garments."""
    os.environ.setdefault(SHOW, "2")  # TensorFlow's messages would bury the progress bar
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


@when_interrupted("Cut-outs and the last whole epoch are kept: go on by the same command with --resume.")
@main.command(
    epilog="\b\n"
    "Quick try:     python -m training fit --catalogue drawn:160 --out models/quick --config quick\n"
    "Full training: python -m training fit --catalogue photos.csv --out models/mine\n"
    "After a kill:  the same command with --resume\n"
    "On two hosts:  the same command on each, with --host 1 on the second:\n"
    "  KERAS_BACKEND=jax python -m training fit --catalogue photos.csv --out models/mine \\\n"
    "    --coordinator 10.0.0.1:7700 --hosts 2 --host 0\n"
    "Monitor it:    tensorboard --logdir models"
)
@click.option("--catalogue", required=True, help=f"Catalogue to train on. {CATALOGUE_HELP}")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Output folder of the run and its encoder bundle.",
)
@click.option(
    "--config",
    type=click.Choice(["default", "category", "quick"]),
    help="'category' is for --supervise; 'quick' is a smoke test.  "
    "[default: 'category' where --init was trained with categories, else 'default']",
)
@click.option(
    "--validation", help="Validation catalogue, which chooses the best epoch.  [default: a tenth is held out]"
)
@click.option(
    "--init", type=click.Path(path_type=Path), help="Encoder bundle whose weights training starts from."
)
@click.option(
    "--segmenter",
    type=click.Path(path_type=Path),
    help="Folder of the segmenter that cuts the garments out; the bundle holds it, where it is not the one "
    "that ships.  [default: that of --init, else the one that ships]",
)
@click.option(
    "--worn",
    help="Parsed photographs of people (with a column `mask`) whose garments are learned from, too.",
)
@click.option(
    "--drawn",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Garments to draw, laid out and worn, that are learned from, too.",
)
@click.option(
    "--supervise",
    type=click.Choice(["category"]),
    help="Also pull garments of one category together.  [default: where --init was trained so and --config "
    "is left out]",
)
@click.option(
    "--garment-norm",
    type=click.FloatRange(min=0),
    help="With --supervise: more finds the very garment more often, less its category.  "
    "[default: the configuration's]",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=2),
    help="Epochs to train for.  [default: the configuration's]",
)
@click.option(
    "--batch",
    type=click.IntRange(min=2),
    help="Batch size, over all devices.  [default: the configuration's]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Of the order, the disturbances, what is held out and, without --init, the weights: runs with other "
    "seeds show how far their scores lie apart.  [default: the configuration's]",
)
@click.option(
    "--max-bad",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Largest share of photographs that may be unusable; they are skipped and listed.",
)
@click.option("--resume", is_flag=True, help="Resume the run in --out after it was stopped or killed.")
@click.option(
    "--coordinator",
    envvar="KERAS_DISTRIBUTION_JOB_ADDRESSES",
    metavar="HOST:PORT",
    help="Train on several hosts (needs JAX): address and a free port of host 0.",
)
@click.option(
    "--hosts",
    type=click.IntRange(min=2),
    envvar="KERAS_DISTRIBUTION_NUM_PROCESSES",
    help="Number of hosts that train together.",
)
@click.option(
    "--host",
    type=click.IntRange(min=0),
    envvar="KERAS_DISTRIBUTION_PROCESS_ID",
    help="Number of this host, from 0. Host 0 writes to --out.",
)
@processes_option
@cache_option
@fetching_options
@group_option
def fit(
    catalogue: str,
    out: Path,
    config: str | None,
    validation: str | None,
    init: Path | None,
    segmenter: Path | None,
    worn: str | None,
    drawn: int,
    supervise: str | None,
    garment_norm: float | None,
    epochs: int | None,
    batch: int | None,
    seed: int | None,
    max_bad: float,
    resume: bool,
    coordinator: str | None,
    hosts: int | None,
    host: int | None,
    processes: int | None,
    cache: Path,
    fetching: Fetching,
    group: bool | None,
) -> None:
    """Train an encoder and write its bundle, metrics.json and figures to --out."""
    from training.config import CONFIGS
    from training.fit.run import Run

    together = _hosts(coordinator, hosts, host)
    if config is None:
        before = Encoder.load(init, of_any_version=True).description if init else {}
        supervise = supervise or before.get("trained_on", {}).get("supervision")
        config = "category" if init and supervise else "default"
    settings = CONFIGS[config]
    chosen: dict[str, Any] = {"epochs": epochs, "batch": batch, "garment_norm": garment_norm, "seed": seed}
    settings = replace(settings, **{name: value for name, value in chosen.items() if value is not None})
    cutter = Segmenter.load(segmenter) if segmenter else Segmenter.of_bundle(init or PRETRAINED)
    run = Run(catalogue, validation, str(init) if init else None, supervise, settings, cutter, worn, drawn)
    from training.fit.fit import fit as train

    metrics = train(
        run,
        out,
        read=partial(read_catalogue, cache=cache, group=group, fetching=fetching),
        cache=cache,
        resume=resume,
        max_bad=max_bad,
        processes=processes,
        hosts=together,
    )
    click.echo(json.dumps(metrics["scores"], indent=2))
    if (out / MODEL_FILE).exists():
        click.echo(f"The encoder is in {out}; figures of it are in {out / 'figures'}.", err=True)
    else:
        click.echo(f"Trained. Next, with TensorFlow: python -m training export {out}", err=True)


def _hosts(coordinator: str | None, count: int | None, number: int | None) -> Any:
    """Return the `Hosts` to train on; None for this host alone."""
    if coordinator is None and count is None and number is None:
        return None
    if coordinator is None or count is None or number is None:
        raise click.UsageError("--coordinator, --hosts and --host go together. Give all three.")
    if number >= count:
        raise click.UsageError(
            f"--host is {number} of --hosts {count}. Hosts are numbered from 0 to {count - 1}."
        )
    from training.device import Hosts

    return Hosts(coordinator, count, number)


@when_interrupted("The last whole epoch is kept: the same command goes on from there.")
@main.command(
    epilog="\b\n"
    "An encoder is for one segmenter. Train one for yours, which takes it into its bundle, and rebuild:\n"
    "  python -m training segmenter --catalogue photos/ --init training/pretrained --out models/segmenter\n"
    "  python -m training fit --catalogue photos/ --segmenter models/segmenter \\\n"
    "    --init training/pretrained --out models/mine\n"
    "  python -m index build --catalogue photos/ --encoder models/mine"
)
@click.option(
    "--catalogue",
    required=True,
    help=f"Photographs of garments, laid out or worn, parsed (a column `mask`) or not. {CATALOGUE_HELP}",
)
@click.option("--worn", help="Further photographs of people, best parsed: with a column `mask`.")
@click.option(
    "--init",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder whose segmenter.npz training starts from: training/pretrained is best for a shop's own.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=0),
    help="Epochs to train for; 0 fits only the head that tells quarter turns, to the weights of --init.  "
    "[default: the configuration's]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("models/segmenter"),
    show_default=True,
    help="Output folder for segmenter.tflite; the same command resumes after a kill.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Of the scenes and, without --init, the weights.  [default: the configuration's]",
)
@processes_option
@cache_option
@fetching_options
@group_option
def segmenter(
    catalogue: str,
    worn: str | None,
    init: Path | None,
    epochs: int | None,
    seed: int | None,
    out: Path,
    processes: int | None,
    cache: Path,
    fetching: Fetching,
    group: bool | None,
) -> None:
    """Train a segmenter on photographs of garments, laid out or worn.

    Where they are not parsed, the segmenter from which training starts labels them.
    """
    if epochs == 0 and init is None:
        raise click.UsageError("--epochs 0 trains no masks. Name the folder that has them with --init.")
    photographs = read_catalogue(catalogue, cache=cache, group=group, fetching=fetching)
    people = read_catalogue(worn, cache=cache, fetching=fetching) if worn else None
    from training import device

    device.begin()
    from training.segmentation.learn import SegmenterConfig, learn

    chosen = {name: value for name, value in (("epochs", epochs), ("seed", seed)) if value is not None}
    metrics = learn(
        photographs,
        out,
        worn=people,
        init=init,
        config=SegmenterConfig(**chosen),
        processes=processes,
    )
    if "scores" in metrics:
        click.echo(json.dumps(metrics["scores"], indent=2))
    else:
        finish = f"the same with --init {out} --epochs 0, and another --out"
        click.echo(f"Trained. Next, with TensorFlow: {finish}", err=True)


@main.command()
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
def export(run: Path) -> None:
    """Export the finished run in folder RUN to LiteRT (only needed after training without TensorFlow)."""
    from training.fit.run import read_finished

    read_finished(run)  # refuses another folder before TensorFlow is loaded
    from training import device

    device.begin()
    from training.fit.result import export as export_run

    encoder = export_run(run)
    click.echo(f"Exported encoder {encoder.fingerprint[:12]} to {run}.")
    if encoder.calibration is None:
        click.echo(f"Next: python -m training calibrate {run} --catalogue CATALOGUE", err=True)


@main.command()
@click.argument("bundle", type=click.Path(path_type=Path, file_okay=False))
@click.option("--catalogue", required=True, help=f"Photographs with categories. {CATALOGUE_HELP}")
@click.option("--worn", help="Parsed photographs of people (with a column `mask`), searched for, too.")
@processes_option
@cache_option
@fetching_options
def calibrate(
    bundle: Path, catalogue: str, worn: str | None, processes: int | None, cache: Path, fetching: Fetching
) -> None:
    """Calibrate how confident answers by the encoder in folder BUNDLE are (`fit` has done it already).

    Each photograph is searched for among all others, those that the encoder was trained on included. What is
    learned from that is written to encoder.json; the embeddings stay as they are.
    """
    from training.fit import calibration

    read = partial(read_catalogue, cache=cache, fetching=fetching)
    people = read(worn) if worn else None
    found = calibration.calibrate(
        Encoder.load(bundle), read(catalogue).items, people=people, processes=processes
    )
    calibration.write_calibration(bundle, found)
    worn = f", to what people wear below {found.worn.unsure_below:.2f}" if found.worn else ""
    click.echo(f"Answers are called unsure below a confidence of {found.unsure_below:.2f}{worn}.")


@when_interrupted("Cut-outs and the last whole epoch are kept: the same command goes on.")
@main.command("part-features")
@click.option("--catalogue", required=True, help=f"Photographs of one garment each. {CATALOGUE_HELP}")
@click.option("--worn", help="Parsed photographs of people, whose garments are learned from, too.")
@click.option(
    "--drawn",
    type=click.IntRange(min=1),
    help="Garments to draw, in two looks.  [default: the configuration's]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("models/parts"),
    show_default=True,
    help="Output folder for features.tflite; the same command resumes after a kill.",
)
@processes_option
@cache_option
@fetching_options
def part_features(
    catalogue: str,
    worn: str | None,
    drawn: int | None,
    out: Path,
    processes: int | None,
    cache: Path,
    fetching: Fetching,
) -> None:
    """Train the network by which parts of garments are searched.

    It ships in training/parts/ and serves all encoders. Another one needs a new VERSION in part_maps.py, and
    indexes have to be built again.
    """
    photographs = read_catalogue(catalogue, cache=cache, fetching=fetching)
    people = read_catalogue(worn, cache=cache, fetching=fetching) if worn else None
    from training import device

    device.begin()
    from training.part_network.fit_features import FeatureConfig, learn

    config = FeatureConfig() if drawn is None else FeatureConfig(drawn=drawn)
    difference = learn(photographs, out, worn=people, config=config, cache=cache, processes=processes)
    click.echo(f"Trained: {out}. Exported features differ by {difference:.3f} in the mean.")


@when_interrupted("The ablation's trainings are kept in the cache; the same command does the rest again.")
@main.command()
@encoder_option
@click.option("--gallery", required=True, help=f"What is searched. {CATALOGUE_HELP}")
@click.option("--queries", required=True, help="What is searched for: a catalogue, too.")
@click.option(
    "--baselines/--no-baselines", default=True, show_default=True, help="Score simpler descriptors beside it."
)
@click.option("--suite", is_flag=True, help="All parts of the evaluation instead.")
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(PARTS),
    help="Only this part of the suite; can be given several times.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write the suite's tables to, as suite.md and suite.json, with masks.png and risk.png.",
)
@click.option(
    "--parsed",
    help="With the parts masks, worn, types, confidence and ablation: a catalogue of people's photographs, "
    "their pixels labelled.  [default: for masks, gallery or queries, if they are]",
)
@click.option(
    "--beside",
    type=click.Path(path_type=Path),
    help="With the parts masks and ablation: a segmenter.tflite, or a folder with one, whose masks are "
    "scored beside, or take the place of the encoder's own.",
)
@click.option(
    "--ablation-part",
    "ablation_parts",
    multiple=True,
    type=click.Choice(ABLATION_PARTS),
    help="With the part ablation: what is left out; can be given several times.  "
    f"[default: {', '.join(NEW_PARTS)}]",
)
@click.option(
    "--ablation-epochs",
    type=click.IntRange(min=2),
    default=8,
    show_default=True,
    help="With the part ablation: how long the encoder is trained with each part left out.",
)
@click.option(
    "--ablation-seeds",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="With the part ablation: how often each is trained.",
)
@click.option(
    "--ablation-every",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="With the part ablation: one in so many photographs is learned from; all are searched.",
)
@click.option(
    "--ablation-init",
    type=click.Path(path_type=Path, file_okay=False),
    help="With the part ablation: encoder bundle whose weights each training starts from, best one that was "
    "trained without what is left out.  [default: from scratch]",
)
@click.option(
    "--fashion-mnist",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/usr/share/datasets/fashion-mnist"),
    show_default=True,
    help="With --suite: folder of Fashion-MNIST's four files.",
)
@click.option(
    "--fashion-mnist-limit",
    type=click.IntRange(min=1),
    help="With --suite: search only so many of its pictures, for a quick look.  [default: all 60,000]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@processes_option
@cache_option
@fetching_options
def evaluate(
    encoder: Path,
    gallery: str,
    queries: str,
    baselines: bool,
    suite: bool,
    as_json: bool,
    processes: int | None,
    cache: Path,
    fetching: Fetching,
    **options: Any,
) -> None:
    """Score the search: how many of the first answers have the query's category.

    Items without a category are left out. The encoder that ships is scored beside another one, and a line
    says if that is worse. Prints P@1, P@5, P@10, macro P@10, mAP and 10-NN accuracy.

    With --suite also: Fashion-MNIST, disturbed photographs, drawn garments of known shape, sketches, masks,
    worn garments, the confidence of answers, more baselines, and the encoder with each of its parts left out.
    That takes hours the first time, most of it in the ablation; its trainings are kept in the cache, and go
    on there after an interruption.
    """
    from training.evaluation import retrieval, score_table

    judged = None if options["parts"] == ("masks",) else Encoder.load(encoder)
    read = partial(read_catalogue, cache=cache, fetching=fetching)
    ranked, asked = read(gallery), read(queries)
    if judged is None or suite or options["parts"] or options["out"]:
        parsed = options.pop("parsed")
        people = read(parsed) if parsed else None
        _evaluate_parts(
            judged or encoder,
            ranked,
            asked,
            as_json,
            parsed=people,
            cache=cache,
            processes=processes,
            **options,
        )
        return
    rows = retrieval.evaluate(
        judged, ranked, asked, baselines=baselines, shipped=_shipped_beside(judged), processes=processes
    )
    click.echo(retrieval.as_json(rows) if as_json else score_table.as_markdown([retrieval.tabulate(rows)]))
    if line := retrieval.beside_shipped(rows):
        click.echo(line, err=True)


def _shipped_beside(judged: Encoder) -> Encoder | None:
    """Return the encoder that ships, to compare another one with; None where it can't be used, or is it."""
    try:
        shipped = Encoder.load(PRETRAINED)
    except (UnreadableEncoder, EncoderMismatch) as error:
        click.echo(f"Not compared with the encoder that ships: {error}", err=True)
        return None
    return None if shipped.fingerprint == judged.fingerprint else shipped


def _evaluate_parts(
    encoder: Encoder | Path,
    gallery: Catalogue,
    queries: Catalogue,
    as_json: bool,
    *,
    parts: tuple[str, ...],
    out: Path | None,
    **options: Any,
) -> None:
    """Print and write each table as soon as there is one, JSON at the end."""
    from training.evaluation import score_table, suite

    settings = suite.Settings(parts or PARTS, out=out, **options)
    tables: list[score_table.Table] = []
    for found in suite.evaluate_parts(encoder, gallery, queries, settings=settings):
        tables.append(found)
        if not as_json:
            click.echo(f"{score_table.as_markdown([found])}\n")
        if out:
            suite.write(tables, out)
    if as_json:
        click.echo(score_table.as_json(tables))


@main.command()
@encoder_option
@click.option("--catalogue", help=f"Photographs to show and search. {CATALOGUE_HELP}")
@click.option("--queries", help="Catalogue of the queries.  [default: the same]")
@click.option(
    "--photo",
    type=click.Path(path_type=Path),
    help="Instead: one photograph, followed through the encoder step by step; with --catalogue also its "
    "neighbours there, and searches by a part.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("figures"),
    show_default=True,
    help="Output folder for the figures.",
)
@processes_option
@cache_option
@fetching_options
def figures(
    encoder: Path,
    catalogue: str | None,
    queries: str | None,
    photo: Path | None,
    out: Path,
    processes: int | None,
    cache: Path,
    fetching: Fetching,
) -> None:
    """Draw figures of an encoder: its inputs, search results, kernels and feature maps."""
    if catalogue is None and photo is None:
        raise click.UsageError("Nothing to show. Name photographs by --catalogue, or one by --photo.")
    if photo is not None and queries is not None:
        raise click.UsageError("--photo is the only query. Leave out --queries, or --photo.")
    picture = None if photo is None else decode(photo, size=WORKING_SIZE)
    from training.fit.dataset import prepare
    from training.model import weights

    cut = partial(prepare, segmenter=Encoder.load(encoder).segmenter, cache=cache, processes=processes)
    weights.read(encoder / WEIGHTS_FILE)  # whatever can be refused is refused before TensorFlow is loaded
    read = partial(read_catalogue, cache=cache, fetching=fetching)
    gallery, asked = (read(each) if each else None for each in (catalogue, queries))
    data, searched_for = (cut(each) if each else None for each in (gallery, asked))
    from training import device

    device.begin()
    from training.fit.showcase import draw_figures
    from training.fit.walk import draw_walk

    if picture is not None:
        paths = draw_walk(encoder, picture, gallery=data, out=out)
    else:
        assert data is not None, "without a photograph there is a catalogue"
        paths = draw_figures(encoder, gallery=data, queries=searched_for or data, out=out)
    for path in paths:
        click.echo(path)


if __name__ == "__main__":
    main(prog_name="python -m training")
