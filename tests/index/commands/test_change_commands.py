import json

import numpy as np
import pytest
from click.testing import CliRunner

from index.__main__ import main
from index.editing import delete_item, put_item
from index.errors import ItemUnknown
from index.pages import SearchOptions
from index.stores.folder.changes import Changes
from index.stores.folder.searcher import Searcher
from index.stores.folder.store import FolderStore
from training.errors import UnreadableImage
from training.photo.encoder import Encoder


@pytest.fixture(autouse=True)
def shapes(monkeypatch, make_encoder):
    """Every bundle is the small encoder."""
    monkeypatch.setattr(Encoder, "load", lambda folder: make_encoder())


@pytest.fixture
def picture(tmp_path, encode_image, photo):
    path = tmp_path / "shirt.png"
    path.write_bytes(encode_image(photo))
    return path


@pytest.fixture
def run(indexes):
    def run(*arguments):
        return CliRunner().invoke(main, [*map(str, arguments), "--indexes", str(indexes)])

    return run


def test_an_item_that_was_put_is_the_first_hit_of_its_photograph(
    run, picture, indexes, encoder, publish_version, unit_vectors
):
    publish_version(unit_vectors(40, 128))
    answer = run("put", "sku-new", picture, "--set", "category=1", "--set", "price=49.90", "--set", "size=M")
    assert answer.exit_code == 0 and "Change 1: put sku-new" in answer.output
    searcher = Searcher.open(indexes, encoder=encoder)
    (page,) = searcher.search(encoder.embed([picture]), SearchOptions(limit=1))
    assert page.hits[0].item.item_id == "sku-new" and page.hits[0].score == pytest.approx(1)
    assert page.hits[0].item.metadata == {"category": "1", "price": 49.9, "size": "M"}


def test_an_item_is_put_with_all_its_photographs_in_their_order(
    run, tmp_path, indexes, make_photo, encode_image, encoder
):
    paths = [tmp_path / f"{side}.png" for side in (90, 110, 130)]
    for path in paths:
        path.write_bytes(encode_image(make_photo(side=int(path.stem))))
    assert run("put", "new", *paths).exit_code == 0
    state = Changes(indexes).state("new")
    stored = state.item.photographs
    assert [path.read_bytes() for path in stored] == [path.read_bytes() for path in paths]
    assert len({tuple(vector) for vector in state.views.vectors.tolist()}) == 3
    np.testing.assert_array_equal(state.vector, encoder.embed(paths)[0])


def test_metadata_may_be_json_and_a_field_stands_above_it(run, picture, indexes):
    text = '{"tags": ["a", "b"], "price": 1}'
    answer = run(
        "put", "new", picture, "--metadata", text, "--set", "price=2", "--set", "sold=true", "--json"
    )
    assert json.loads(answer.output) == {"item_id": "new", "change": 1}
    assert Changes(indexes).state("new").item.metadata == {"tags": ["a", "b"], "price": 2, "sold": True}


@pytest.mark.parametrize(
    ("option", "value"), [("--metadata", "[1]"), ("--metadata", "{"), ("--set", "price"), ("--set", "=3")]
)
def test_metadata_that_is_none_is_refused(run, picture, indexes, option, value):
    answer = run("put", "new", picture, option, value)
    assert answer.exit_code == 2 and option in answer.output and not indexes.exists()


def test_what_is_no_photograph_is_refused(run, tmp_path, indexes, encoder):
    text = tmp_path / "text.jpg"
    text.write_text("no photograph")
    answer = run("put", "new", text)
    assert answer.exit_code == 1 and "JPEG, PNG, WebP" in answer.output
    missing = run("put", "new", tmp_path / "nowhere.jpg")
    assert missing.exit_code == 1 and "can't be read" in missing.output
    with pytest.raises(UnreadableImage):
        put_item(FolderStore(indexes), encoder, "new", b"", {})
    assert not indexes.exists()


def test_an_item_can_be_deleted_once(run, indexes, publish_version):
    publish_version()
    assert run("delete", "sku-3").exit_code == 0
    again = run("delete", "sku-3")
    assert again.exit_code == 1 and "deleted already" in again.output
    unknown = run("delete", "sku-99")
    assert unknown.exit_code == 1 and "'sku-99'" in unknown.output


def test_an_item_that_was_put_can_be_deleted_before_there_is_an_index(indexes, encoder, picture):
    put_item(FolderStore(indexes), encoder, "new", picture.read_bytes(), {})
    assert delete_item(FolderStore(indexes), "new") == 2
    with pytest.raises(ItemUnknown):
        delete_item(FolderStore(indexes), "new")


def test_what_is_not_folded_in_is_listed_in_order(run, picture, indexes, publish_version):
    publish_version()
    run("put", "sku-3", picture, "--set", "colour=grün")
    publish_version(changes=1, night=1)
    run("delete", "sku-4")
    run("put", "new", picture, "--set", "colour=grün")
    lines = run("changes").output.splitlines()
    assert [line.split()[2:4] for line in lines] == [["delete", "sku-4"], ["put", "new"]]
    assert '{"colour": "grün"}' in lines[1]
    everything = json.loads(run("changes", "--all", "--json").output)
    assert [(change["change"], change["item_id"]) for change in everything] == [
        (1, "sku-3"),
        (2, "sku-4"),
        (3, "new"),
    ]
    assert everything[0]["metadata"] == {"colour": "grün"} and "path" not in everything[1]


def test_a_forgotten_item_is_left_to_the_catalogue(run, picture, indexes):
    run("put", "new", picture)
    answer = run("changes", "--forget", "new")
    assert answer.exit_code == 0 and "forgot new" in answer.output
    assert Changes(indexes).state("new").action == "forget"


def test_there_is_nothing_to_forget_of_an_item_that_never_changed(run):
    answer = run("changes", "--forget", "sku-1")
    assert answer.exit_code == 1 and "changes --all" in answer.output


def test_before_the_first_change_the_list_is_empty(run):
    assert "Nothing has changed" in run("changes").output
    assert json.loads(run("changes", "--json").output) == []
