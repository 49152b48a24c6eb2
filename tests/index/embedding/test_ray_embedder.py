"""Ray Data: machines that die, builds that are interrupted, and machines that are not fit for the work."""

import json
import subprocess
import sys
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from index.embedding import embeddings
from index.embedding.cache import EmbeddingCache, recipe
from index.embedding.embedder import ItemPhoto, embed_photo
from index.embedding.embeddings import embed_catalogue
from index.errors import EmbedderUnavailable
from training.catalogue.reader import Catalogue, Item
from training.errors import UnreadableImage

pytest.importorskip("ray", reason="Ray is an optional install: make scale")

from index.embedding import ray_embedder as clusters
from index.embedding import ray_embedder as ray_data
from index.embedding.ray_embedder import BATCH, RayEmbedder

ROOT = Path(__file__).parents[3]


def at_work(cluster):
    """A machine of the cluster on which an actor embeds."""
    from ray._private.state import actors

    busy = {actor["Address"]["NodeID"] for actor in actors().values() if "_Worker" in actor["ActorClassName"]}
    return next(node for node in cluster.worker_nodes if node.node_id in busy)


def test_a_machine_that_dies_in_the_middle_loses_nothing_and_doubles_nothing(
    ray_cluster, add_machine, copies, real_encoder
):
    add_machine()
    paths = copies(10 * BATCH)
    work = RayEmbedder().embed([ItemPhoto(path) for path in paths], real_encoder)
    results = [next(work)]
    ray_cluster.remove_node(at_work(ray_cluster), allow_graceful=False)
    results += work
    assert sorted(place for place, _ in results) == list(range(len(paths)))
    alone = [embed_photo(ItemPhoto(path), real_encoder).embedding.views.vectors[0] for path in paths[:3]]
    for place, photo in results:
        assert photo.content == sha256(paths[place].read_bytes()).digest()
        np.testing.assert_array_equal(photo.embedding.views.vectors[0], alone[place % 3])


class Interrupted:
    """An embedder that is interrupted after so many photographs."""

    def __init__(self, embedder, count):
        self.embedder, self.count = embedder, count

    def embed(self, paths, encoder):
        results = self.embedder.embed(paths, encoder)
        for _ in range(self.count):
            yield next(results)
        raise KeyboardInterrupt


def test_a_build_that_is_interrupted_goes_on_where_it_was_with_any_embedder(
    ray_cluster, copies, real_encoder, tmp_path, monkeypatch
):
    monkeypatch.setattr(embeddings, "FEW", 0)  # which any embedder leaves to this process
    items = tuple(Item(path.stem, path) for path in copies(4 * BATCH))
    catalogue = Catalogue("copies", items, ())
    with EmbeddingCache(tmp_path, real_encoder) as cache, pytest.raises(KeyboardInterrupt):
        embedder = Interrupted(RayEmbedder(), 2 * BATCH + 5)
        embed_catalogue(catalogue, real_encoder, cache=cache, embedder=embedder)
    with EmbeddingCache(tmp_path, real_encoder) as cache:
        resumed = embed_catalogue(catalogue, real_encoder, cache=cache, processes=1)
    assert resumed.cached == 2 * BATCH + 5
    whole = embed_catalogue(catalogue, real_encoder, processes=1)
    assert resumed.items == whole.items == items
    np.testing.assert_array_equal(resumed.vectors, whole.vectors)
    np.testing.assert_array_equal(resumed.contents, whole.contents)


def test_a_build_on_a_cluster_prints_its_summary_alone_and_has_the_bits_of_a_local_one(
    ray_cluster, copies, real_encoder, tmp_path
):
    paths = copies(4 * BATCH)
    (tmp_path / "catalogue.csv").write_text(
        "item_id,path\n" + "".join(f"{path.stem},{path}\n" for path in paths)
    )
    options = {
        "--catalogue": tmp_path / "catalogue.csv",
        "--out": tmp_path / "indexes",
        "--cache": tmp_path / "cache",
        "--allow-root": paths[0].parent,
        "--engine": "ray",
        "--address": ray_cluster.address,
    }
    words = [str(word) for option in options.items() for word in option]
    command = [sys.executable, "-m", "index", "build", *words, "--json"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout)["items"] == len(paths)
    with EmbeddingCache(tmp_path / "cache" / "embeddings", real_encoder) as cache:
        for path in paths[:3]:
            kept = cache.find(sha256(path.read_bytes()).digest())
            np.testing.assert_array_equal(
                kept.views.vectors[0], embed_photo(ItemPhoto(path), real_encoder).embedding.views.vectors[0]
            )


@pytest.fixture
def reported(monkeypatch, tmp_path, real_encoder):
    """Embed one readable file by an embedder whose machine reports this of it."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"here it can be read")

    def embed(outcome, *, libraries=None):
        report = ray_data._Report("far-away", libraries or recipe(real_encoder), [outcome])
        monkeypatch.setattr(ray_data, "joined", lambda *_, **__: nullcontext())
        monkeypatch.setattr(ray_data, "_reports", lambda *_: iter([(0, report)]))
        return list(RayEmbedder().embed([ItemPhoto(path)], real_encoder))

    return embed


def test_a_machine_that_does_not_see_a_photograph_stops_the_build_and_says_so(reported):
    with pytest.raises(
        EmbedderUnavailable, match=r"'far-away' can't read .*photo\.jpg.* under the same paths"
    ):
        reported(UnreadableImage("The file can't be read (No such file or directory)."))


def test_a_machine_with_other_libraries_stops_the_build(reported):
    with pytest.raises(EmbedderUnavailable, match="'far-away' embeds with numpy 1.0.*requirements-serving"):
        reported(UnreadableImage("whatever"), libraries="numpy 1.0")


@pytest.mark.parametrize("address", ["localhost:1", "no-such-host.invalid:6379", "nonsense"])
def test_an_address_at_which_nothing_listens_is_refused_at_once(monkeypatch, address):
    monkeypatch.setattr(clusters.ray, "is_initialized", lambda: False)
    with pytest.raises(EmbedderUnavailable, match=f"answer at '{address}'.*ray start --head"):
        with clusters.joined(address):
            pass


def test_few_photographs_start_no_ray(copies, real_encoder, monkeypatch):
    monkeypatch.setattr(ray_data, "joined", lambda *_, **__: pytest.fail("joined a cluster"))
    items = tuple(Item(path.stem, path) for path in copies(3))
    embedded = embed_catalogue(Catalogue("copies", items, ()), real_encoder, embedder=RayEmbedder())
    assert embedded.items == items
