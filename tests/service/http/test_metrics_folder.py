import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from service.config import METRICS_FOLDER
from service.http.metrics_folder import (
    RESERVED_BYTES,
    _hold,
    fold_worker,
    join_metrics,
    remove_metrics,
    share_metrics,
)

ROOT = Path(__file__).parents[3]
WORKER = """
import os
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
own = CollectorRegistry()
Counter("done", "Done.", ["code"], registry=own).labels("a").inc(3)
Histogram("seconds", "Seconds.", buckets=(1, 2), registry=own).observe(1.5)
Gauge("busy", "Busy.", multiprocess_mode="livesum", registry=own).set(1)
print(os.getpid())
"""


@pytest.fixture
def work(tmp_path):
    """Run a process that counts something and ends; returns its id."""

    def run():
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
        answer = subprocess.run(
            [sys.executable, "-c", WORKER], env=environment, capture_output=True, text=True, check=True
        )
        return int(answer.stdout)

    return run


def figures(folder):
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))
    lines = generate_latest(registry).decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_what_ended_workers_counted_stays_in_the_sums_and_their_files_go(tmp_path, work):
    for pid in [work() for _ in range(3)]:
        fold_worker(pid, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "counter_ended.db",
        "histogram_ended.db",
        "lock",
    ]
    found = figures(tmp_path)
    assert found['done_total{code="a"}'] == "9.0"
    assert (found['seconds_bucket{le="1.0"}'], found['seconds_bucket{le="2.0"}']) == ("0.0", "3.0")
    assert found["seconds_sum"] == "4.5"
    assert "busy" not in found


def test_a_worker_that_goes_on_is_added_to_those_that_ended(tmp_path, work):
    fold_worker(work(), tmp_path)
    work()
    assert figures(tmp_path)['done_total{code="a"}'] == "6.0"
    assert figures(tmp_path)["busy"] == "1.0"


def test_a_worker_that_ended_is_forgotten_where_the_folder_is_gone_or_full(
    tmp_path, work, monkeypatch, caplog
):
    pid, limits = work(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        fold_worker(pid, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "File too large" in caplog.text
    fold_worker(pid, tmp_path / "gone")
    assert "No such file" in caplog.text


def test_a_worker_without_room_counts_for_itself(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from service.http import metrics_folder as m; "
        "m.share_metrics(Path(sys.argv[1]))\n"
        "import resource\n"
        "if sys.argv[2] == 'full': resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "m.join_metrics()\n"
        "from prometheus_client import CollectorRegistry, Counter, generate_latest\n"
        "own = CollectorRegistry(); Counter('done', 'Done.', registry=own).inc(3)\n"
        "print(generate_latest(own).decode())\n"
        "print(*sorted(path.name.split('_')[0] for path in Path(sys.argv[1]).glob('*/*.db')))"
    )
    for state, files in (("room", "counter gauge histogram"), ("full", "counter")):
        answer = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / state), state],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "done_total 3.0" in answer.stdout and answer.stdout.splitlines()[-1] == files


def test_the_folder_of_a_service_that_was_killed_goes_and_that_of_one_that_lives_stays(tmp_path):
    program = (
        "import sys; from pathlib import Path; from service.http.metrics_folder import share_metrics; "
        "share_metrics(Path(sys.argv[1])); print('made', flush=True); sys.stdin.read()"
    )

    def start():
        words = [sys.executable, "-c", program, str(tmp_path)]
        process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "made\n"
        return process

    with start() as first, start() as second:
        folders = set(tmp_path.glob("service-*"))
        assert len(folders) == 2
        first.kill()
        first.wait()
        with start() as third:
            left = set(tmp_path.glob("service-*"))
            assert len(left) == 2 and len(left & folders) == 1
            for process in (second, third):
                process.kill()


@pytest.fixture
def alone(monkeypatch):
    """This process as one that shares no metrics; put back afterwards."""
    monkeypatch.delenv(METRICS_FOLDER, raising=False)
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)


def test_a_service_takes_a_folder_of_its_own_and_removes_those_that_nobody_holds(tmp_path, alone):
    for name in ("service-alive", "service-dead", "another"):
        (tmp_path / name).mkdir()
    holder = _hold(tmp_path / "service-alive")
    assert _hold(tmp_path / "service-alive") is None
    share_metrics(tmp_path)
    os.close(holder)
    own = Path(os.environ[METRICS_FOLDER])
    assert {path.name for path in tmp_path.iterdir()} == {"service-alive", "another", "lock", own.name}
    assert values.ValueClass is not values.MutexValue
    remove_metrics()
    assert not own.exists() and (tmp_path / "service-alive").exists()


def test_a_worker_reserves_a_file_for_each_kind_of_metric(tmp_path, alone):
    join_metrics()
    remove_metrics()  # there is none
    share_metrics(tmp_path)
    join_metrics()
    files = sorted(Path(os.environ[METRICS_FOLDER]).glob("*.db"))
    assert [path.name for path in files] == [
        f"{kind}_{os.getpid()}.db" for kind in ("counter", "gauge_livesum", "histogram")
    ]
    assert {path.stat().st_size for path in files} == {RESERVED_BYTES}


def test_a_worker_whose_folder_is_gone_counts_for_itself(tmp_path, alone, caplog):
    share_metrics(tmp_path)
    folder = os.environ[METRICS_FOLDER]
    remove_metrics()
    join_metrics()
    assert METRICS_FOLDER not in os.environ and values.ValueClass is values.MutexValue
    assert f"can't be shared in '{folder}' (No such file or directory)" in caplog.text


def test_where_no_folder_can_be_made_that_is_logged_and_the_service_starts(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    share_metrics(tmp_path / "file" / "metrics")
    assert "Each worker has metrics of its own" in caplog.text
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


def test_the_module_brings_along_nothing_that_would_start_threads_before_the_fork():
    program = (
        "import json, sys, service.http.metrics_folder, service.run.server; "
        "print(json.dumps(list(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"numpy", "faiss", "ai_edge_litert"} & set(json.loads(answer.stdout))
