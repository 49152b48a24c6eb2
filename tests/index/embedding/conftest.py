"""Photographs of a few shapes under many contents, and a small Ray cluster for all tests that need one."""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from training.photo.encoder import PRETRAINED, Encoder

# read when ray is loaded; without it Ray would keep a token in the home folder
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex())

CORES = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
QUICK = {  # to notice that a machine has died
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1000,
    "health_check_failure_threshold": 2,
}


@pytest.fixture(scope="session")
def real_encoder() -> Encoder:
    return Encoder.load(PRETRAINED)


@pytest.fixture(scope="session")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], list[Path]]:
    """Write so many JPEGs of three pictures, no two files the same: what follows the picture is ignored."""
    folder = tmp_path_factory.mktemp("copies")
    pictures = []
    for number in range(3):
        photo = np.full((96, 80, 3), 230, np.uint8)
        photo[10 + 8 * number : 90 - 6 * number, 20:60] = (40, 60, 90)
        Image.fromarray(photo).save(folder / "picture.jpg")
        pictures.append((folder / "picture.jpg").read_bytes())

    def write(count: int) -> list[Path]:
        paths = [folder / f"{number}.jpg" for number in range(count)]
        for number, path in enumerate(paths):
            path.write_bytes(pictures[number % 3] + number.to_bytes(4, "little"))
        return paths

    return write


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster of a head without cores and one machine with one, which this process has joined."""
    ray = pytest.importorskip("ray", reason="Ray is an optional install: make scale")
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={**CORES, "num_cpus": 0, "include_dashboard": False, "_system_config": QUICK},
    )
    try:
        cluster.add_node(**CORES)
        ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture
def add_machine(ray_cluster: Any) -> Callable[[], Any]:
    """Add a machine with one core to the cluster."""
    return lambda: ray_cluster.add_node(**CORES)
