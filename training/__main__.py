"""`python -m training`: learn an encoder, examine it, look at it."""

import json
import logging
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from training.catalogue import read_catalogue
from training.command import SilhouetteGroup
from training.encoder import MODEL_FILE, PRETRAINED, Encoder

CATALOGUE_HELP = (
    "Folder of images, .csv, .jsonl or .parquet file, fashion-mnist:FOLDER or drawn:N; "
    "'?column=value' behind it takes only those rows."
)

_cache = click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("cache"),
    envvar="SILHOUETTE_CACHE",
    show_default=True,
    help="Folder for prepared cut-outs and drawn pictures.",
)
_processes = click.option(
    "--processes", type=click.IntRange(min=1), help="Worker processes.  [default: all cores]"
)
_encoder = click.option(
    "--encoder",
    type=click.Path(path_type=Path),
    default=PRETRAINED,
    show_default="the one that ships",
    help="Folder of the encoder bundle.",
)


@click.group(
    cls=SilhouetteGroup,
    epilog="\b\nTrain on your own photographs and see how good the result is:\n"
    "  python -m training fit --catalogue photos/ --out models/mine\n"
    "  python -m training evaluate --encoder models/mine --gallery photos/ --queries other-photos/",
)
def main() -> None:
    """Learn what makes two garments the same shape."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's notices would bury our progress
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


@main.command(
    epilog="\b\n"
    "Try it:        python -m training fit --catalogue drawn:160 --out models/quick --config quick\n"
    "For real:      python -m training fit --catalogue photos.csv --out models/mine\n"
    "After a kill:  the same line with --resume\n"
    "Watch it:      tensorboard --logdir models"
)
@click.option("--catalogue", required=True, help=f"What to train on. {CATALOGUE_HELP}")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of the run and of the encoder bundle that comes out of it.",
)
@click.option(
    "--config",
    type=click.Choice(["default", "quick"]),
    default="default",
    show_default=True,
    help="'quick' only shows in under a minute that everything runs.",
)
@click.option("--validation", help="Catalogue that chooses the best epoch.  [default: a tenth is held out]")
@click.option(
    "--init", type=click.Path(path_type=Path), help="Encoder bundle from whose weights training goes on."
)
@click.option(
    "--supervise",
    type=click.Choice(["category"]),
    help="Pull garments of one category together too.  [default: shapes are learned without labels]",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=2),
    help="Passes over the photographs.  [default: the configuration's]",
)
@click.option(
    "--max-bad",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Highest share of photographs that may be unusable; they are skipped and listed.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in --out after it was stopped or killed.")
@_processes
@_cache
def fit(
    catalogue: str,
    out: Path,
    config: str,
    validation: str | None,
    init: Path | None,
    supervise: str | None,
    epochs: int | None,
    max_bad: float,
    resume: bool,
    processes: int | None,
    cache: Path,
) -> None:
    """Train an encoder and write its bundle, metrics.json and figures to --out."""
    from training.config import CONFIGS
    from training.fit import Run
    from training.fit import fit as train

    settings = replace(CONFIGS[config], epochs=epochs) if epochs else CONFIGS[config]
    run = Run(catalogue, validation, str(init) if init else None, supervise, settings)
    metrics = train(
        run,
        out,
        read=partial(read_catalogue, cache=cache),
        cache=cache,
        resume=resume,
        max_bad=max_bad,
        processes=processes,
    )
    click.echo(json.dumps(metrics["scores"], indent=2))
    if (out / MODEL_FILE).exists():
        click.echo(f"The encoder is in {out}; look at {out / 'figures'}.", err=True)
    else:
        click.echo(f"Trained. Where TensorFlow is: python -m training export {out}", err=True)


@main.command()
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
def export(run: Path) -> None:
    """Export the finished run in folder RUN to LiteRT (only needed after training on another backend)."""
    from training.fit import export as export_run

    click.echo(f"Exported encoder {export_run(run).fingerprint[:12]} to {run}.")


@main.command()
@_encoder
@click.option("--gallery", required=True, help=f"What is searched. {CATALOGUE_HELP}")
@click.option("--queries", required=True, help="What is searched for: a catalogue, too.")
@click.option(
    "--baselines/--no-baselines", default=True, show_default=True, help="Score simpler descriptors beside it."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@_processes
@_cache
def evaluate(
    encoder: Path,
    gallery: str,
    queries: str,
    baselines: bool,
    as_json: bool,
    processes: int | None,
    cache: Path,
) -> None:
    """Score the search: how many of the first answers have the query's category.

    Items without a category are left out. Prints P@1, P@5, P@10, macro P@10, mAP and 10-NN accuracy.
    """
    from training import evaluate as examination

    rows = examination.evaluate(
        Encoder.load(encoder),
        read_catalogue(gallery, cache=cache),
        read_catalogue(queries, cache=cache),
        baselines=baselines,
        processes=processes,
    )
    click.echo(examination.as_json(rows) if as_json else examination.as_markdown(rows))


@main.command()
@_encoder
@click.option("--catalogue", required=True, help=f"The photographs to show. {CATALOGUE_HELP}")
@click.option("--queries", help="Catalogue to take the queries from.  [default: the same]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("figures"),
    show_default=True,
    help="Folder for the figures.",
)
@_processes
@_cache
def figures(
    encoder: Path, catalogue: str, queries: str | None, out: Path, processes: int | None, cache: Path
) -> None:
    """Draw what an encoder sees, has learned and answers: garments, results, kernels and feature maps."""
    from training.dataset import prepare
    from training.showcase import draw_figures

    Encoder.load(encoder)
    data = prepare(read_catalogue(catalogue, cache=cache), cache=cache, processes=processes)
    asked = (
        prepare(read_catalogue(queries, cache=cache), cache=cache, processes=processes) if queries else data
    )
    for path in draw_figures(encoder, gallery=data, queries=asked, out=out):
        click.echo(path)


if __name__ == "__main__":
    main(prog_name="python -m training")
