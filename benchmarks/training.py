"""Training: images a second, whether the input keeps up, batch sizes, number formats, epochs to a score.

Run it with `python -m benchmarks.training [--catalogue drawn:800] [--quick]`. It trains the encoder of the
configuration `default` on TensorFlow. Rows that need a GPU say so where there is none. What is compared takes
turns in one process; each size of batch and each number format has a process of its own, for its memory.
"""

import os
import platform
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import click
import keras
import numpy as np
import tensorflow as tf

from benchmarks.feeding import Fed, feed
from benchmarks.steps import Spent, compare, step_alone
from training import device
from training.catalogue.reader import read_catalogue
from training.config import DEFAULT, QUICK, Config
from training.evaluation.score_table import Cell, Table, as_markdown
from training.fit.dataset import Dataset, prepare
from training.fit.fit import fit
from training.fit.monitor import recorded
from training.fit.run import Run
from training.options import cache_option

SHARE = 0.9  # of the time: the step's own, the rest is the input's
SCORE = 0.7  # P@10 by type of garment
HELD_OUT = 0.1
LIKE_CLOTHING = 3322  # photographs that the shipped encoder was trained on
FORMATS = (
    ("float32", False),
    ("float32", True),
    ("mixed_bfloat16", False),
    ("mixed_bfloat16", True),
    ("mixed_float16", True),
)
GPU_STEPS = 20  # times as many steps where each is short


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    config: Config
    catalogue: str
    rounds: int
    batches: tuple[int, ...]
    formats: tuple[tuple[str, bool], ...]
    steps: int
    rates: tuple[int, ...]
    feeding_epochs: int
    score_batch: int
    own_process: bool


FULL = Plan(
    config=replace(DEFAULT, epochs=8),
    catalogue="drawn:800",
    rounds=3,
    batches=(32, 64, 128, 256),
    formats=FORMATS,
    steps=3,
    rates=(1_000, 3_000, 10_000, 30_000, 0),
    feeding_epochs=5,
    score_batch=48,
    own_process=True,
)
FAST = Plan(
    config=replace(QUICK, epochs=2),
    catalogue="drawn:60",
    rounds=1,
    batches=(16,),
    formats=FORMATS[2:],
    steps=1,
    rates=(10_000, 0),
    feeding_epochs=1,
    score_batch=32,
    own_process=False,
)


def _step(plan: Plan, config: Config, data: Dataset, *, steps: int, **options: Any) -> tuple[Cell, ...]:
    """Time a step, in a process of its own where the plan says so; return its line's cells."""
    options["steps"] = steps * GPU_STEPS if device.has_gpu() else steps
    if plan.own_process:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            spent = pool.submit(step_alone, config, data.cutouts[: config.batch], **options).result()
    else:
        spent = step_alone(config, data.cutouts, **options)
    return f"{spent.rate:.1f}", f"{spent.cpu_of_1000:.1f}", f"{spent.peak_mb:,.0f}"


def _verdict(share: float) -> tuple[Cell, ...]:
    return share, f">= {SHARE}", "reached" if share >= SHARE else "missed"


def _input_table(plan: Plan, data: Dataset, held_out: Dataset) -> Table:
    alone, fed, run = compare(plan.config, data, held_out, rounds=plan.rounds)
    share = median(one.cost / whole.cost for one, whole in zip(alone, fed, strict=True))

    def figures(spent: list[Spent]) -> tuple[Cell, ...]:
        return f"{median(s.rate for s in spent):.1f}", f"{median(s.cpu_of_1000 for s in spent):.1f}"

    rows = (
        ("step on a batch in memory", *figures(alone), None, None, None),
        ("epochs with their input", *figures(fed), *_verdict(share)),
        ("as `fit` runs them", *figures([run]), median(s.cost for s in alone) / run.cost, None, None),
    )
    note = (
        f"{len(data.items)} garments, {plan.config.batch} a step; medians of {plan.rounds} rounds in turn, "
        f"the end of the epoch counted; the share is one of {'time' if device.has_gpu() else 'CPU time'}. "
        "`fit` also writes history, checkpoint and TensorBoard's log every epoch, and ranks the held-out "
        f"garments every {plan.config.validate_every}."
    )
    columns = ("epochs of", "images/s", "CPU s per 1,000 images", "share of the step", "goal", "")
    return Table("input", "The step and its input", columns, rows, note)


def _feeding_row(rate: int, epochs: list[Fed]) -> tuple[Cell, ...]:
    best = min(epochs, key=lambda fed: fed.seconds)
    cells = (f"{best.images / best.seconds:,.0f}", f"{1000 * best.cpu_seconds / best.images:.3f}")
    if not rate:
        return "as many as come", *cells, None, None, None
    return f"{rate:,}", *cells, *_verdict(best.busy_seconds / best.seconds)


def _feeding_table(plan: Plan, data: Dataset) -> Table:
    cutouts = np.resize(data.cutouts, (LIKE_CLOTHING, *data.cutouts.shape[1:]))
    settings = {"batch": plan.config.batch, "epochs": plan.feeding_epochs}
    rows = [_feeding_row(rate, feed(cutouts, rate=rate, **settings)) for rate in plan.rates]
    note = (
        "What a device beside the processor would see: one that is made up, takes "
        f"{plan.config.batch} garments and is then busy without the processor. All else is `fit`'s own. "
        f"The best of {plan.feeding_epochs} epochs of {LIKE_CLOTHING:,} garments, their ends counted: others "
        "use these cores too."
    )
    columns = (
        *("images/s of the device", "images/s with input", "CPU s per 1,000 images"),
        *("share of the step", "goal", ""),
    )
    return Table("feeding", "How fast a device can be fed", columns, tuple(rows), note)


STEP_COLUMNS = ("images/s", "CPU s per 1,000 images", "peak memory, MB")


def _batch_table(plan: Plan, data: Dataset) -> Table:
    rows = []
    for batch in plan.batches:
        click.echo(f"A step of {batch}", err=True)
        config = replace(plan.config, batch=batch)
        steps = max(plan.steps, plan.steps * plan.batches[-1] // (2 * batch))
        rows.append((str(batch), *_step(plan, config, data, steps=steps)))
    note = (
        "Steps on a batch in memory, each size in a process of its own; the memory is all that it ever held."
    )
    return Table("batches", "Batch size", ("batch", *STEP_COLUMNS), tuple(rows), note)


def _format_table(plan: Plan, data: Dataset) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for policy, jit in plan.formats:
        name = f"{policy}, {'compiled by XLA' if jit else 'not compiled'}"
        if policy != "float32" and not device.has_gpu():
            rows.append((name, "no GPU", None, None))
            continue
        click.echo(f"A step in {name}", err=True)
        rows.append((name, *_step(plan, plan.config, data, policy=policy, jit=jit, steps=plan.steps)))
    note = (
        f"Steps of {plan.config.batch} on a batch in memory. `fit` itself takes float32, not compiled, on a "
        "CPU, and bfloat16, compiled, on a GPU."
    )
    return Table("formats", "Number formats and compilation", ("step", *STEP_COLUMNS), tuple(rows), note)


def _score_table(plan: Plan, catalogue: str, cache: Path) -> Table:
    config = replace(plan.config, batch=plan.score_batch, validate_every=1, patience=plan.config.epochs)
    with tempfile.TemporaryDirectory() as folder:
        read = partial(read_catalogue, cache=cache)
        fit(Run(catalogue, None, None, None, config), Path(folder), read=read, cache=cache)
        history = recorded(Path(folder))
    reached = [record["epoch"] for record in history if record["val_p_at_10"] >= SCORE]
    judged = reached[0] if reached else len(history)
    verdict = f">= {SCORE}", "reached" if reached else "missed"
    rows = [
        (
            *(str(record["epoch"]), f"{record['seconds'] / 60:.1f}", record["val_p_at_10"]),
            *(verdict if record["epoch"] == judged else (None, None)),
        )
        for record in history
    ]
    note = (
        f"`python -m training fit --batch {plan.score_batch}`, a tenth of the garments held out: the share "
        "of the first ten answers that are of the query's category. Minutes include compilation, validation."
    )
    return Table("score", "Epochs to a score", ("epoch", "minutes", "P@10", "goal", ""), tuple(rows), note)


def _head(catalogue: str) -> str:
    versions = f"Keras {keras.__version__}, TensorFlow {tf.__version__}"
    return (
        f"Training the encoder on `{catalogue}`: {device.describe()}; {os.cpu_count()} cores "
        f"({platform.machine()}), Python {platform.python_version()}, {versions}."
    )


@click.command(epilog="Example: python -m benchmarks.training --catalogue drawn:2000")
@click.option("--catalogue", help="What to train on.  [default: drawn:800]")
@click.option("--quick", is_flag=True, help="Only see that all of it runs: another network, few garments.")
@cache_option
def main(catalogue: str | None, quick: bool, cache: Path) -> None:
    """Print Markdown tables."""
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # some steps are timed in other processes
    plan = FAST if quick else FULL
    spec = catalogue or plan.catalogue
    everything = prepare(read_catalogue(spec, cache=cache), cache=cache)
    device.set_precision()
    cut = max(1, round(HELD_OUT * len(everything.items)))
    order = np.random.default_rng(0).permutation(len(everything.items))
    held_out, data = everything.take(order[:cut]), everything.take(order[cut:])
    click.echo(f"{_head(spec)}\n")
    for table in (
        partial(_input_table, plan, data, held_out),
        partial(_feeding_table, plan, data),
        partial(_batch_table, plan, data),
        partial(_format_table, plan, data),
        partial(_score_table, plan, spec, cache),
    ):
        click.echo(f"{as_markdown([table()]).replace('## ', '### ')}\n")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.training")
