import csv
import json
import os
import re
import shutil
import threading
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from index import photographs
from index.__main__ import main
from index.build import BuildOptions, build_index
from index.commands import summary
from index.embedding import head_start
from index.embedding.cache import EmbeddingCache
from index.photographs import PHOTOGRAPHS, UNREFERRED_SECONDS, Photographs
from index.served_folders import served_file
from index.stores.folder.searcher import Searcher
from index.stores.folder.store import FolderStore
from index.stores.store import LAST_REPORT
from tests.picture_server import status
from training.addresses.fetching import Fetching
from training.catalogue.reader import read_catalogue
from training.errors import TooManyBadItems

pytestmark = pytest.mark.usefixtures("plain_garments")

NIGHT = datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC)


@pytest.fixture
def server(picture_server, encode_image, make_photo):
    picture_server.routes = {
        f"{name}.png": encode_image(make_photo(colour=(red, 30, 40), ground=(225, 225, red), side=96))
        for name, red in {"a": 10, "b": 90, "c": 170}.items()
    }
    picture_server.sent.clear()
    return picture_server


@pytest.fixture
def build(server, encoder, indexes, tmp_path):
    """Build an index of addresses, as the n-th night does."""

    def run(*names, night=0, **options):
        rows = [{"item_id": name, "path": [server.url(f"{one}.png") for one in name]} for name in names]
        (tmp_path / "shop").mkdir(exist_ok=True)
        (tmp_path / "shop" / "shop.jsonl").write_text("\n".join(map(json.dumps, rows)))
        fetching = Fetching(("127.0.0.1",), attempts=1)
        catalogue = read_catalogue(
            str(tmp_path / "shop" / "shop.jsonl"), cache=tmp_path / "cache", fetching=fetching
        )
        chosen = BuildOptions(processes=1, **options)
        now = NIGHT + timedelta(days=night)
        return build_index(catalogue, encoder, indexes=indexes, options=chosen, now=now)

    return run


def stored(indexes):
    return {path.read_bytes() for path in (indexes / PHOTOGRAPHS).iterdir()}


def test_a_version_has_its_photographs_even_where_the_cache_is_gone(
    build, server, indexes, encoder, tmp_path
):
    build("a", "b")
    shutil.rmtree(tmp_path / "cache")
    searcher = Searcher.open(indexes, encoder=encoder)
    for name in "ab":
        path = served_file(searcher.item(name).path, searcher.manifest.roots)
        assert path and path.read_bytes() == server.routes[f"{name}.png"]
    assert searcher.manifest.bad == 0


@pytest.mark.parametrize("options", [(), ("--garments", "all")])
def test_the_command_embeds_what_has_come_while_it_fetches(server, indexes, tmp_path, monkeypatch, options):
    monkeypatch.setattr(head_start, "BATCH", 1)
    monkeypatch.setattr(head_start, "_BATCHES", 1)
    embedded, last, add = threading.Event(), server.routes["c.png"], EmbeddingCache.add
    monkeypatch.setattr(EmbeddingCache, "add", lambda *kept: embedded.set() or add(*kept))
    server.routes["c.png"] = lambda handler: embedded.wait(20) and handler.send_file(last)
    rows = [{"item_id": name, "path": server.url(f"{name}.png")} for name in "abc"]
    (tmp_path / "shop.jsonl").write_text("\n".join(map(json.dumps, rows)))
    places = ["--out", str(indexes), "--cache", str(tmp_path / "cache"), "--processes", "1", "--json"]
    asked = ["--catalogue", str(tmp_path / "shop.jsonl"), "--allow-host", "127.0.0.1", *options]
    answer = CliRunner().invoke(main, ["build", *asked, *places])
    assert answer.exit_code == 0, answer.output
    assert FolderStore(indexes).verify().items == 3 and re.search(r'"cached": 0\b', answer.stdout)


def test_further_photographs_of_an_item_are_kept_too(build, server, indexes, encoder, tmp_path):
    build("ab", "c")
    shutil.rmtree(tmp_path / "cache")
    paths = Searcher.open(indexes, encoder=encoder).item("ab").photographs
    assert [path.read_bytes() for path in paths] == [server.routes["a.png"], server.routes["b.png"]]
    assert stored(indexes) == set(server.routes.values())


def test_on_one_disk_a_photograph_is_kept_once(build, indexes, tmp_path):
    build("a")
    (kept,) = (indexes / PHOTOGRAPHS).iterdir()
    assert kept.stat().st_nlink == 2
    assert (tmp_path / "cache" / PHOTOGRAPHS / kept.name[:2] / kept.name).samefile(kept)


def test_a_photograph_goes_with_the_last_version_that_shows_it(build, server, indexes):
    build("a", "b", keep=2, max_bad=1)
    build("b", "c", night=1, keep=2)
    assert stored(indexes) == set(server.routes.values())
    for path in (indexes / PHOTOGRAPHS).iterdir():
        os.utime(path, (0, 0))
    build("b", "c", night=2, keep=2)
    assert stored(indexes) == {server.routes["b.png"], server.routes["c.png"]}
    FolderStore(indexes).prune(keep=1)
    assert stored(indexes) == {server.routes["b.png"], server.routes["c.png"]}


def test_a_photograph_that_was_just_put_is_not_swept_before_the_log_has_it(indexes, encode_image, photo):
    kept = Photographs(indexes / PHOTOGRAPHS)
    name = kept.store(encode_image(photo))
    FolderStore(indexes).changes.drop(folded=0, catalogue=None, photographs=())
    assert kept.path(name).exists()
    old = kept.path(name).stat().st_mtime - UNREFERRED_SECONDS - 60
    os.utime(kept.path(name), (old, old))
    FolderStore(indexes).changes.drop(folded=0, catalogue=None, photographs=())
    assert not kept.path(name).exists()


def test_between_disks_a_photograph_is_copied(monkeypatch, tmp_path):
    def refused(source, target):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(photographs.os, "link", refused)
    (tmp_path / "abc.png").write_bytes(b"picture")
    for _ in range(2):
        path = Photographs(tmp_path / "kept").adopt(tmp_path / "abc.png")
        assert path == tmp_path / "kept" / "abc.png" and path.read_bytes() == b"picture"
    assert path.stat().st_nlink == 1


def test_what_could_not_be_fetched_now_is_reported_and_counts_for_nothing(build, server, indexes):
    build("a", "b", "c")
    server.routes |= {"b.png": status(503), "c.png": status(404)}
    built = build("a", "b", "c", night=1, max_bad=0)
    assert (built.manifest.items, built.manifest.bad, built.bad) == (3, 0, ())
    with built.report.open(newline="") as file:
        rows = {row["item_id"]: row for row in csv.DictReader(file)}
    assert [*rows] == ["b", "c"] and rows["c"]["path"] == server.url("c.png")
    assert "status 503" in rows["b"]["reason"] and "is kept" in rows["b"]["reason"]
    lines = "\n".join(summary.lines(built, store=FolderStore(indexes), encoder=indexes))
    assert "2 photographs could not be fetched; earlier ones are used" in lines
    assert summary.fields(built, encoder=indexes)["outdated"] == 2


def test_what_never_came_counts_as_bad(build, server, indexes):
    with pytest.raises(TooManyBadItems, match=r"1 of 3 "):
        build("a", "b", "d", max_bad=0.3)
    assert server.url("d.png") in (indexes / LAST_REPORT).read_text()
    assert build("a", "b", "d", max_bad=0.4).manifest.bad == 1


def test_the_second_build_fetches_and_embeds_nothing(build, server, tmp_path):
    build("a", "b", cache=tmp_path / "cache")
    server.sent.clear()
    built = build("a", "b", night=1, cache=tmp_path / "cache")
    assert server.sent == [] and built.cached == 2
