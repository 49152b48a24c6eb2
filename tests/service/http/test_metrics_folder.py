import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from service.http.metrics_folder import fold_worker

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


def test_the_module_brings_along_nothing_that_would_start_threads_before_the_fork():
    program = (
        "import json, sys, service.http.metrics_folder, service.run.server; "
        "print(json.dumps(list(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"numpy", "faiss", "ai_edge_litert"} & set(json.loads(answer.stdout))
