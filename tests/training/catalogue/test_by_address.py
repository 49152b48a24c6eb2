import json
import re
import shlex
from pathlib import Path

import pytest

from index.commands.build_command import build
from tests.picture_server import status
from training.addresses.fetching import Fetching
from training.catalogue.by_address import LocalRows, is_address, localised
from training.catalogue.reader import BadItem, read_catalogue
from training.errors import UnreadableCatalogue

HERE = Fetching(("127.0.0.1",), attempts=1)


@pytest.fixture
def server(picture_server, encode_image, make_photo):
    picture_server.routes = {
        f"{red}.png": encode_image(make_photo(colour=(red, 9, 9), side=32)) for red in (1, 2, 3)
    }
    picture_server.asked.clear()
    return picture_server


@pytest.fixture
def read(tmp_path):
    """Read a catalogue of rows (item_id, path) and further fields."""

    def run(*rows, spec="shop.jsonl", **options):
        (tmp_path / "shop.jsonl").write_text("\n".join(map(json.dumps, rows)))
        return read_catalogue(str(tmp_path / spec), cache=tmp_path / "cache", fetching=HERE, **options)

    return run


def row(item_id, path, **fields):
    return {"item_id": item_id, "path": path, **fields}


@pytest.mark.parametrize(
    "path", ["https://a.example/1.jpg", "HTTP://a.example/1.jpg", "s3://b/1", "ftp://x/1"]
)
def test_what_has_a_scheme_is_an_address(path):
    assert is_address(path)


@pytest.mark.parametrize(
    "path", ["a.jpg", "/srv/a.jpg", "C:\\a.jpg", "a:b", "://a", "", None, 7, "s3://\ud800"]
)
def test_all_else_is_not(path):
    assert not is_address(path)


def test_a_photograph_by_address_is_an_item_like_any_other(read, server, tmp_path):
    (tmp_path / "own.png").write_bytes(server.routes["3.png"])
    catalogue = read(row("far", server.url("1.png"), price=5), row("near", "own.png"))
    far, near = catalogue.items
    assert far.path.read_bytes() == server.routes["1.png"] and far.metadata == {"price": 5}
    assert near.path == tmp_path / "own.png"
    assert (catalogue.bad, catalogue.outdated) == ((), ())
    assert far.path.is_relative_to(catalogue.fetched) and catalogue.root == tmp_path


def test_a_catalogue_without_addresses_fetches_nothing_and_makes_no_cache(read, server, tmp_path):
    (tmp_path / "own.png").write_bytes(server.routes["3.png"])
    assert read(row("near", "own.png")).fetched is None
    assert not (tmp_path / "cache").exists()


def test_an_address_that_never_worked_is_a_bad_item_with_its_reason(read, server):
    catalogue = read(
        row("a", server.url("1.png")), row("b", server.url("none.png")), row(7, server.url("no"))
    )
    assert [item.item_id for item in catalogue.items] == ["a"]
    assert [(bad.item_id, bad.path) for bad in catalogue.bad] == [
        ("b", server.url("none.png")),
        ("7", server.url("no")),
    ]
    assert all("status 404" in bad.reason for bad in catalogue.bad)


def test_where_no_photograph_could_be_fetched_the_first_reason_is_told(read, server):
    with pytest.raises(UnreadableCatalogue, match=r"/none\.png not fetched: .*status 404"):
        read(row("b", server.url("none.png")))


def test_an_address_that_worked_before_is_used_as_it_was_and_is_no_bad_item(read, server):
    before = read(row("a", server.url("1.png")), row("b", server.url("2.png")))
    server.routes["2.png"] = status(503)
    after = read(row("a", server.url("1.png")), row("b", server.url("2.png")))
    assert after.items == before.items and after.bad == () == before.outdated
    (outdated,) = after.outdated
    assert (outdated.item_id, outdated.path) == ("b", server.url("2.png"))
    assert "status 503" in outdated.reason and "is kept" in outdated.reason


def test_rows_that_a_filter_leaves_out_are_not_fetched(read, server):
    rows = [row(number, server.url(f"{number}.png"), split=number % 2) for number in (1, 2, 3)]
    catalogue = read(*rows, spec="shop.jsonl?split=1")
    assert len(catalogue.items) == 2 and sorted(server.asked) == ["1.png", "3.png"]


def test_an_address_that_several_items_have_is_asked_once(read, server):
    catalogue = read(*(row(name, server.url("1.png")) for name in "abc"))
    assert len(catalogue.items) == 3 and server.asked == ["1.png"]


def test_of_several_photographs_those_are_kept_that_could_be_fetched(server, tmp_path):
    paths = [server.url("none.png"), server.url("2.png"), "own.png", server.url("1.png")]
    rows = [(1, row("a", paths)), (2, row("b", [server.url("none.png")])), (3, row("c", ["x.png", "y.png"]))]
    local = localised(rows, folder=tmp_path, cache=tmp_path, fetching=HERE)
    (_, first), (number, third) = local.rows
    assert (number, third) == rows[2]
    assert first["path"][1] == "own.png"
    assert [local.addresses[path] for path in first["path"][::2]] == [
        server.url("2.png"),
        server.url("1.png"),
    ]
    assert [(each.row["item_id"], each.address) for each in local.missing] == [
        ("a", server.url("none.png")),
        ("b", server.url("none.png")),
    ]


def test_addresses_may_stand_in_a_list_in_a_cell_or_in_rows_of_one_item(read, server, tmp_path):
    urls = [server.url(f"{number}.png") for number in (1, 2, 3)]
    (listed,) = read(row("a", urls)).items
    (grouped,) = read(*(row("a", url) for url in urls), group=True).items
    (tmp_path / "shop.csv").write_text(f"item_id,path\na,{urls[0]} | {urls[1]}|{urls[2]}\n")
    (split,) = read(row("a", urls), spec="shop.csv").items
    contents = [path.read_bytes() for path in listed.photographs]
    assert contents == [server.routes[f"{number}.png"] for number in (1, 2, 3)]
    assert listed == grouped == split


def test_the_examples_of_the_guide_are_read_as_it_says(read, server, tmp_path):
    guide = (Path(__file__).parents[3] / "docs" / "catalogues.md").read_text()
    section = guide.partition("## Photographs by address")[2].partition("## ")[0]
    (lines,) = re.findall(r"^```json\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    host = server.url("").rstrip("/")
    rows = [json.loads(line.replace("https://pictures.example", host)) for line in lines.splitlines()]
    server.routes |= {name: server.routes["1.png"] for name in ("boots/20.jpg", "coats/21-front.jpg")}
    (tmp_path / "coats").mkdir()
    (tmp_path / "coats" / "21-back.jpg").write_bytes(server.routes["2.png"])
    catalogue = read(*rows)
    assert [len(item.photographs) for item in catalogue.items] == [1, 2] and catalogue.bad == ()
    for line in re.findall(r"python -m index build (.*)", section):
        build.make_context("build", shlex.split(line))
    limits = [f"{Fetching.seconds:g} seconds", f"{Fetching.max_bytes // 2**20} MiB"]
    limits += [f"{Fetching.at_once} in all", f"({Fetching.cache_bytes // 2**30} GiB)"]
    assert [text for text in limits if text not in section] == []


def test_rows_without_addresses_stay_as_they_are(tmp_path):
    rows = [(1, row("a", "a.png")), (2, row("b", None)), (3, row("c", 4.0)), (4, {"item_id": "d"})]
    assert localised(rows, folder=tmp_path, cache=tmp_path / "none", fetching=HERE) == LocalRows(rows)


def test_photographs_are_named_by_their_address_where_they_turn_out_to_be_bad(read, server):
    catalogue = read(row("a", server.url("1.png")))
    bad = [BadItem("a", str(catalogue.items[0].path), "tiny"), BadItem("b", "/own.png", "tiny")]
    named = [BadItem("a", server.url("1.png"), "tiny"), BadItem("b", "/own.png", "tiny")]
    assert [*catalogue.by_address(bad)] == named


class Offered(list):
    """What is offered to be worked on meanwhile."""

    def offer(self, path, category):
        self.append((path, category))

    def work(self):
        return 0


def test_what_comes_is_offered_with_its_category_after_the_files_that_are_there(read, server, tmp_path):
    (tmp_path / "own.png").write_bytes(server.routes["3.png"])
    rows = [
        row("far", server.url("1.png"), category="dress"),
        row("near", ["own.png", server.url("2.png")], category="hat"),
        row("gone", server.url("none.png")),
    ]
    first, again = Offered(), Offered()
    catalogue = read(*rows, meanwhile=first)
    far, near = catalogue.items
    assert first[0] == (tmp_path / "own.png", "hat")
    assert sorted(first[1:]) == sorted([(far.path, "dress"), (near.photographs[1], "hat")])
    read(*rows, meanwhile=again)
    assert again == first[:1]


def test_files_alone_are_left_to_the_build(read, server, tmp_path):
    (tmp_path / "own.png").write_bytes(server.routes["3.png"])
    offered = Offered()
    read(row("near", "own.png"), meanwhile=offered)
    assert offered == []
