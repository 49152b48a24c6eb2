"""How many small faults the tests notice: `make mutants`, or `python -m tests.mutants --help`.

Cosmic Ray makes the faults, one at a time, in copies of the tree. Each is a mutation of one place of a
module, drawn by a seed; a room's own tests then run, and a fault that they all pass has survived. Those of
the page's script are made by hand, in `tests/page_faults.py`. Tests that fail without a fault are an error.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import click
import tqdm
from cosmic_ray import plugins
from cosmic_ray.commands.init import _all_work_items
from cosmic_ray.mutating import mutate_and_test, mutate_code
from cosmic_ray.testing import run_tests
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome

from tests.page_faults import FAULTS, STATIC, PageFault

ROOT = Path(__file__).parents[1]
UNSEEN = ("_BitOr_", "_Is", "RemoveDecorator")
"""Operators whose faults change nothing here: in annotations, `is` for small numbers, `@abstractmethod`."""

PAGE = "page"
PAGE_SECONDS = 600
"""How long the tests of the page may take at least: each waits up to a minute for what never comes."""
NOTICED = TestOutcome.KILLED.value
TIMED_OUT = "timed out"

OF_ALL = "tests/test_dataclasses.py"
"""Tests that hold for every module."""

PYTEST = f"{sys.executable} -m pytest -x -q -p no:cacheprovider --no-header --hypothesis-profile unshrunk"


@dataclass(frozen=True)
class Room:
    """Modules in which faults are made, and the tests that should notice them."""

    modules: tuple[str, ...]
    tests: str


FEEDS = (
    "by_address",
    "downloaded",
    "feeds",
    "merchant",
    "product_fields",
    "shopify",
    "woocommerce",
)
PHOTO = ("images", "garment", "regions", "segmenter", "structure")

ROOMS = {
    "photo": Room(
        tuple(f"training/photo/{name}.py" for name in PHOTO),
        "tests/training/photo/test_[!elp]*.py",  # without encoders and whole networks, which take minutes
    ),
    "edges": Room(
        ("training/model/edges.py", "training/model/augment.py"), "tests/training/model/test_[ae]*.py"
    ),
    "metrics": Room(("training/retrieval_metrics.py",), "tests/training/test_retrieval_metrics.py"),
    "folder": Room(
        ("index/stores/folder/*.py", "index/views.py"),
        "tests/index/stores/folder/*.py tests/index/stores/test_*.py tests/index/test_build.py "
        "tests/index/test_views.py",
    ),
    "gate": Room(("index/gate/*.py",), "tests/index/gate/*.py"),
    "filters": Room(
        ("index/filters/*.py",), "tests/index/filters/*.py tests/index/stores/folder/test_items.py"
    ),
    "capacity": Room(("service/http/capacity.py",), "tests/service/http/test_capacity.py"),
    "requests": Room(
        ("service/requests/*.py", "service/api/bulk_views.py"),
        "tests/service/requests/*.py tests/service/api/*.py",
    ),
    "feeds": Room(
        tuple(f"training/catalogue/{name}.py" for name in FEEDS),
        " ".join(f"tests/training/catalogue/test_{name}.py" for name in FEEDS),
    ),
    "addresses": Room(
        ("training/addresses/*.py", "training/bounded_folder.py"),
        "tests/training/addresses/*.py tests/training/test_bounded_folder.py",
    ),
    "changes": Room(
        tuple(f"index/{name}.py" for name in ("edits", "editing", "folding", "change_file")),
        "tests/index/test_change_file.py tests/index/commands/test_change_commands.py "
        "tests/index/stores/test_contract.py tests/index/stores/folder/test_changes.py",
    ),
    "arrangement": Room(
        ("index/arrangement.py",), "tests/index/test_arrangement.py tests/index/stores/test_arrangements.py"
    ),
    "thumbnails": Room(
        ("index/thumbnails.py", "index/catalogue_thumbnails.py"),
        "tests/index/test_*thumbnails.py tests/service/api/test_item_thumbnails.py",
    ),
    "client": Room(
        tuple(f"clients/python/src/silhouette_client/{name}.py" for name in ("client", "messages")),
        "tests/service/clients/test_client.py",
    ),
    PAGE: Room((), "tests/service/browser/test_*.py"),
}


def _mutations(room: Room) -> Iterator[MutationSpec]:
    """Yield the faults that can be made in a room."""
    modules = [path for pattern in room.modules for path in sorted(Path().glob(pattern))]
    for item in _all_work_items([path for path in modules if path.name != "__init__.py"], {}):
        (mutation,) = item.mutations
        if not any(name in mutation.operator_name for name in UNSEEN):
            yield mutation


def _compiles(mutation: MutationSpec) -> bool:
    """Return whether a module with a fault can be made and read; what can't be read needs no test."""
    operator = plugins.get_operator(mutation.operator_name)(**mutation.operator_args)
    try:
        compile(mutate_code(mutation.module_path.read_text(), operator, mutation.occurrence), "", "exec")
    except (SyntaxError, AttributeError):  # Cosmic Ray replaces no exception whose name has a dot
        return False
    return True


def drawn(name: str, *, most: int, seed: int) -> list[MutationSpec] | list[PageFault]:
    """Return up to `most` faults, at places drawn by the seed, one of those that can be made at each."""
    dice = random.Random(seed)
    if name == PAGE:
        return dice.sample(FAULTS, min(most, len(FAULTS)))
    places = defaultdict(list)
    for mutation in _mutations(ROOMS[name]):
        places[mutation.module_path, mutation.start_pos].append(mutation)
    faults = (dice.choice(places[place]) for place in dice.sample(sorted(places), len(places)))
    return [*islice(filter(_compiles, faults), most)]


def _tests(name: str, module: Path = Path()) -> str:
    """Return a room's test modules, first those of the module that has a fault, which fail soonest."""
    found = [str(path) for pattern in ROOMS[name].tests.split() for path in sorted(Path().glob(pattern))]
    return " ".join(sorted(found, key=lambda path: not Path(path).name.startswith(f"test_{module.stem}")))


def _copy_tree(copies: str) -> None:
    """Go to a copy of the tree, in a folder, that is this process's own."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    copy = Path(tempfile.mkdtemp(dir=copies)) / "tree"
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name, follow_symlinks=False)  # a test sees to links
    os.chdir(copy)
    os.environ["PYTHONPATH"] = str(copy)


def _pass(name: str, seconds: float) -> bool:
    """Return whether the tests of a room pass where there is no fault."""
    return run_tests(f"{PYTEST} {_tests(name)}", max(seconds, PAGE_SECONDS))[0] is TestOutcome.SURVIVED


def _named(outcome: TestOutcome | WorkerOutcome, output: str) -> str:
    """Return what became of a fault, from what Cosmic Ray says, for which time that is up is noticed too."""
    return TIMED_OUT if output == "timeout" else str(outcome.value)


def _try_on_page(fault: PageFault, seconds: float) -> str:
    """Return what became of a fault."""
    script = STATIC / fault.script
    text = script.read_text()
    script.write_text(fault.made_in(text))
    try:
        outcome = _named(
            *run_tests(f"{PYTEST} tests/service/browser/{fault.tests}", max(seconds, PAGE_SECONDS))
        )
    finally:
        script.write_text(text)
    return outcome


def _try(name: str, fault: MutationSpec | PageFault, seconds: float) -> tuple[str, str, str]:
    """Return the room, what became of the fault, and its difference."""
    if isinstance(fault, PageFault):
        return name, _try_on_page(fault, seconds), f"{fault.script}: {fault.seen}"
    result = mutate_and_test([fault], f"{PYTEST} {_tests(name, fault.module_path)} {OF_ALL}", seconds)
    outcome = _named(result.test_outcome or result.worker_outcome, result.output or "")
    return name, outcome, result.diff or f"{fault.module_path}: {fault.operator_name}"


def _table(counts: dict[str, dict[str, int]]) -> Iterator[str]:
    yield "| room | faults | timed out | noticed | share |"
    yield "|---|---|---|---|---|"
    total: dict[str, int] = defaultdict(int)
    for name, outcomes in [*counts.items(), ("all", total)]:
        made, late, noticed = sum(outcomes.values()), outcomes.get(TIMED_OUT, 0), outcomes.get(NOTICED, 0)
        yield f"| {name} | {made} | {late} | {noticed} | {noticed / max(made, 1):.0%} |"
        for outcome, count in outcomes.items():
            total[outcome] += 0 if outcomes is total else count


@click.command()
@click.option("--room", "names", multiple=True, type=click.Choice(list(ROOMS)), help="[default: all]")
@click.option("--faults", default=25, show_default=True, help="Faults in each room at most.")
@click.option("--seed", default=0, show_default=True, help="Other faults for another number.")
@click.option(
    "--seconds", default=300, show_default=True, help="How long tests may take; then they count apart."
)
@click.option("--minutes", default=60.0, show_default=True, help="When to stop making faults.")
@click.option("--processes", default=os.cpu_count() or 1, show_default=True, help="Faults at a time.")
def main(
    names: tuple[str, ...], faults: int, seed: int, seconds: int, minutes: float, processes: int
) -> None:
    """Make small faults in the modules that matter, and print which ones the tests don't notice."""
    os.chdir(ROOT)
    list(plugins.operator_names())
    work = [(name, fault) for name in names or ROOMS for fault in drawn(name, most=faults, seed=seed)]
    random.Random(seed).shuffle(work)
    counts: dict[str, Any] = {name: defaultdict(int) for name in names or ROOMS}
    end = time.monotonic() + 60 * minutes
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as copies,
        ProcessPoolExecutor(processes, initializer=_copy_tree, initargs=(copies,)) as pool,
    ):
        for name, passed in zip(
            names or ROOMS, pool.map(_pass, names or ROOMS, repeat(seconds)), strict=True
        ):
            if not passed:
                raise click.ClickException(
                    f"Tests fail without a fault. Mend them first: {ROOMS[name].tests}"
                )
        tries = [pool.submit(_try, name, fault, seconds) for name, fault in work]
        for done in tqdm.tqdm(as_completed(tries), total=len(tries), unit="fault"):
            if done.cancelled():
                continue
            name, outcome, difference = done.result()
            if outcome == TestOutcome.INCOMPETENT.value:  # the module could not be read any more
                continue
            counts[name][outcome] += 1
            if outcome != NOTICED:
                tqdm.tqdm.write(f"{name}: {outcome}\n{difference}\n")
            if time.monotonic() > end:
                for attempt in tries:
                    attempt.cancel()
    click.echo("\n".join(_table(counts)))


if __name__ == "__main__":
    main()
