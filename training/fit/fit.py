"""The course of a training run, from a catalogue to an encoder bundle with history, scores and figures.

TensorFlow, which takes seconds to load, is loaded once the photographs are cut out.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from training.catalogue.reader import Catalogue, check_bad_share, summary, write_report
from training.files import write_atomically
from training.fit.dataset import Dataset, joined, prepare, prepare_drawn, split
from training.fit.run import RUN_FILE, Run, check_run, own_folder
from training.fit.worn_garments import prepare_worn
from training.photo.encoder import Encoder

if TYPE_CHECKING:
    from training.device import Hosts

SKIPPED_FILE = "skipped.csv"
DRAWN_SEED = 7


def _report_skipped(sets: list[Dataset], report: Path, *, max_bad: float) -> None:
    """Report what the sets lack, and check the share of each."""
    bad = list(dict.fromkeys(item for part in sets for item in part.bad))  # a catalogue may stand twice
    if bad:
        write_report(report, bad)
        click.echo("\n".join([f"Skipped {len(bad):,} items:", *summary(bad, report)]), err=True)
    for part in sets:
        check_bad_share(len(part.bad), len(part.bad) + len(part.items), max_bad=max_bad)


def fit(
    run: Run,
    out: Path,
    *,
    read: Callable[[str], Catalogue],
    cache: Path = Path("cache"),
    resume: bool = False,
    max_bad: float = 0.5,
    processes: int | None = None,
    hosts: "Hosts | None" = None,
) -> dict[str, Any]:
    """Train an encoder and write its bundle, `metrics.json` and figures to `out`.

    Parameters
    ----------
    run : Run
    out : Path
        The run's folder; a killed run leaves its last checkpoint there.
    read : function
        From a catalogue's name to the catalogue.
    cache : Path
        Where prepared cut-outs are kept.
    resume : bool
        Go on with the run in `out` (or start it, if it did not get that far).
    max_bad : float
        Highest share of unusable items; they are listed in skipped.csv.
    processes : int, optional
        Worker processes for cutting out; one a core by default.
    hosts : Hosts, optional
        Train together with other hosts, each of which is given the same arguments. Only the first writes to
        `out`; to resume, all must see it.

    Returns
    -------
    metrics : dict
        What stands in `metrics.json`; on hosts other than the first, what they know of it.

    Raises
    ------
    RunExists, TooFewImages, TooManyBadItems, NotEnoughSpace, UnreadableCatalogue, UnreadableEncoder,
    EncoderMismatch, UnsupportedBackend, HostsDisagree
    """
    if hosts is not None:
        from training import device

        device.join(hosts)
    with own_folder(out, resume=resume) if hosts else nullcontext(out) as folder:
        if run.init is not None:
            Encoder.load(Path(run.init), of_any_version=True)  # refuses a damaged one before the work begins
        catalogues = [read(name) for name in (run.catalogue, run.validation) if name]
        worn = read(run.worn) if run.worn else None
        check_run(run, folder, resume=resume)
        click.echo(f"Reading and cutting out the photographs of {run.catalogue}.", err=True)
        options: Any = {
            "views": run.config.views,
            "segmenter": run.segmenter,
            "cache": cache,
            "processes": processes,
        }
        sets = [prepare(catalogue, **options) for catalogue in catalogues]
        _report_skipped(sets, folder / SKIPPED_FILE, max_bad=max_bad)
        data, held_out = split(*sets, seed=run.config.seed)
        more, people = [], None
        if worn is not None:
            apart = {item.path for item in held_out.items}  # `worn` may be the same catalogue
            people = replace(worn, items=tuple(item for item in worn.items if item.path not in apart))
            more.append(prepare_worn(people, data.category_names(), **options))
        if run.drawn:
            more.append(prepare_drawn(read(f"drawn:{run.drawn}:{DRAWN_SEED}"), **options))
        if any(part.bad for part in more):
            _report_skipped([*sets, *more], folder / SKIPPED_FILE, max_bad=max_bad)
        write_atomically(folder / RUN_FILE, run.as_json().encode())
        from training import device
        from training.fit.loop import train
        from training.fit.result import describe, finish
        from training.fit.validation import Validation
        from training.model.bundle import save_segmenter

        save_segmenter(run.segmenter, folder)
        started = time.monotonic()
        learned = joined([data, *more])
        monitor = train(run, folder, learned, Validation.of(data, held_out, seed=run.config.seed))
        description = describe(run, data, held_out, monitor, seconds=time.monotonic() - started)
        if not device.is_first():
            return description
        with device.alone():
            return finish(
                run,
                folder,
                description,
                learned=learned,
                data=data,
                held_out=held_out,
                people=people,
                monitor=monitor,
                processes=processes,
            )
