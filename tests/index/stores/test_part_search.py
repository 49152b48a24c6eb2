"""Search by a part, in every store: built, put, put back from a backup, and of an earlier release."""

import hashlib
import json
import os
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from index.arrangement import Arrangement, Sort
from index.backup import restore_backup, write_backup
from index.build import BuildOptions, build_index
from index.editing import put_item
from index.edits import Delete, Patch
from index.errors import IndexDamaged
from index.manifest import MANIFEST, read_manifest, write_manifest
from index.pages import PartOptions, SearchOptions
from index.stores.address import open_store
from index.stores.folder.store import FolderStore
from index.views import ALL
from training.catalogue.drawn import rows
from training.catalogue.reader import Catalogue, Item
from training.parts.part_maps import FEATURES, PART_MAP, part_map
from training.parts.part_matching import Part
from training.photo.garment import read_garment

NECK = (0.25, 0.0, 0.75, 0.3)
_PREFIXES = count()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Twelve drawn garments as items."""
    described = rows(12, seed=7, cache=tmp_path_factory.mktemp("drawn"))
    return [Item(row["item_id"], Path(row["path"]), {"number": at}) for at, row in enumerate(described)]


@pytest.fixture(scope="module")
def garments(drawn):
    return [read_garment(item.path) for item in drawn]


@pytest.fixture
def encoder(make_encoder):
    return make_encoder()


@pytest.fixture
def build(tmp_path, encoder, store):
    def build(items, **options):
        chosen = BuildOptions("flat", cache=tmp_path / "cache", processes=1, **options)
        catalogue = Catalogue("shop.csv", tuple(items), ())
        return build_index(catalogue, encoder, indexes=tmp_path / "indexes", store=store, options=chosen)

    return build


@pytest.fixture(params=["folder", "lite"])
def store(request, tmp_path):
    if request.param == "folder":
        return FolderStore(tmp_path / "indexes")
    return open_store(
        f"{request.getfixturevalue('lite_file')}?prefix=parts_{next(_PREFIXES)}", tmp_path / "indexes"
    )


IN_A_FOLDER = pytest.mark.parametrize("store", ["folder"], indirect=True)
IN_MILVUS = pytest.mark.parametrize("store", ["lite"], indirect=True)


def search(searcher, garment, weight=0.5, **options):
    part = PartOptions(Part(garment, NECK), weight)
    vectors = searcher.encoder.embed_garments([garment])
    (page,) = searcher.search(vectors, SearchOptions(**{"limit": 20, "part": part} | options))
    return page


def brute(encoder, query, garments, weight):
    """Numbers of garments in the order of their mixed scores, those scores of parts, and the cosines."""
    cosines = encoder.embed_garments(garments) @ encoder.embed_garments([query])[0]
    parts = Part(query, NECK).find(np.array([part_map(each) for each in garments])).scores
    mix = weight * parts + (1 - weight) * np.minimum(cosines, 0.6)
    return np.lexsort((-cosines, -mix)).tolist(), parts, cosines


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_the_ranking_is_that_of_comparing_all(drawn, garments, build, store, encoder, weight):
    build(drawn)
    page = search(store.open(encoder=encoder), garments[2], weight)
    order, parts, cosines = brute(encoder, garments[2], garments, weight)
    assert [hit.item.metadata["number"] for hit in page.hits] == order
    assert [hit.rank for hit in page.hits] == list(range(1, 13)) and page.total == 12
    for hit, number in zip(page.hits, order, strict=True):
        assert hit.part_score == pytest.approx(parts[number], abs=1e-5)
        assert hit.score == pytest.approx(cosines[number], abs=1e-5)
        assert len(hit.part_box) == 4
    by_likeness = sorted(page.nearest, key=lambda hit: -hit.score)
    assert list(page.nearest) == by_likeness and page.nearest[0].item == drawn[2]


def test_pages_are_cut_from_one_ranking(drawn, garments, build, store, encoder):
    build(drawn)
    searcher = store.open(encoder=encoder)
    whole = search(searcher, garments[0]).hits
    assert search(searcher, garments[0], limit=5).hits == whole[:5]
    assert search(searcher, garments[0], limit=5, offset=5).hits == whole[5:10]


def test_an_arrangement_comes_after_the_part(drawn, garments, build, store, encoder):
    build(drawn)
    arrangement = Arrangement(sort=Sort("number", descending=True))
    page = search(store.open(encoder=encoder), garments[0], arrangement=arrangement)
    assert [hit.item.metadata["number"] for hit in page.hits] == list(range(11, -1, -1))
    assert all(hit.part_score is not None for hit in page.hits)


def test_a_search_without_a_part_tells_nothing_of_parts(drawn, garments, build, store, encoder):
    build(drawn)
    page = search(store.open(encoder=encoder), garments[0], part=None)
    assert {(hit.part_score, hit.part_box) for hit in page.hits} == {(None, None)} and page.nearest is None


@pytest.mark.parametrize("garments_of", ["item", ALL])
def test_what_is_put_is_found_by_its_part_at_once_and_after_the_next_build(
    drawn, garments, build, store, encoder, garments_of
):
    build(drawn[1:], garments=garments_of)
    searcher = store.open(encoder=encoder)
    made = put_item(store, encoder, "new", drawn[0].path, {"number": 0})
    assert store.changes.state("new").seq == made.change
    searcher.refresh()
    for _ in range(2):
        first = search(searcher, garments[0], 1.0).hits[0]
        assert first.item.item_id == "new" and first.part_score == pytest.approx(1, abs=1e-3)
        build(drawn[1:], garments=garments_of)
        searcher.refresh()
    assert searcher.pending == 0


@IN_A_FOLDER
def test_maps_that_are_kept_are_those_that_were_made(drawn, build, store):
    first, second = (build(drawn) for _ in range(2))
    assert (first.cached, second.cached) == (0, 12)
    assert first.manifest.checksums["maps.npy"] == second.manifest.checksums["maps.npy"]
    assert first.manifest.sizes["maps.npy"] / 12 < 2048


def test_a_backup_keeps_the_map_of_what_was_put(drawn, garments, build, store, encoder, tmp_path):
    build(drawn[1:])
    put_item(store, encoder, "new", drawn[0].path, {})
    write_backup(store, tmp_path / "backup.zip")
    store.changes.write_one(Delete("new"))
    restore_backup(store, tmp_path / "backup.zip")
    assert search(store.open(encoder=encoder), garments[0], 1.0).hits[0].item.item_id == "new"


@IN_A_FOLDER
def test_a_damaged_file_of_maps_is_found(drawn, build, store, tmp_path):
    version = build(drawn).manifest.version
    path = tmp_path / "indexes" / version / "maps.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(IndexDamaged, match=r"maps\.npy is not the file that was published"):
        store.verify()


def of_an_earlier_release(maps: np.ndarray) -> np.ndarray:
    """The same bytes as a record of edges, as they were kept before there were features."""
    fields = [(name.replace(FEATURES, "features"), *rest) for name, *rest in PART_MAP.descr]
    return maps.view(np.dtype(fields))


def write_maps(folder: Path, maps: np.ndarray) -> None:
    """Publish other part maps with a version."""
    np.save(folder / "maps.npy", maps)
    manifest, data = read_manifest(folder), (folder / "maps.npy").read_bytes()
    sums = manifest.checksums | {"maps.npy": hashlib.sha256(data).hexdigest()}
    sizes = manifest.sizes | {"maps.npy": len(data)}
    write_manifest(folder, replace(manifest, checksums=sums, sizes=sizes))


@IN_A_FOLDER
def test_too_few_maps_are_found(drawn, build, store, tmp_path):
    folder = tmp_path / "indexes" / build(drawn).manifest.version
    write_maps(folder, np.load(folder / "maps.npy")[:-1])
    with pytest.raises(IndexDamaged, match="11 part maps where the manifest says 12"):
        store.verify()


@IN_A_FOLDER
def test_a_version_of_an_earlier_release_has_no_parts_and_is_searched_by_the_whole(
    drawn, garments, build, store, encoder, tmp_path
):
    folder = tmp_path / "indexes" / build(drawn).manifest.version
    manifest = read_manifest(folder)
    (folder / "maps.npy").unlink()
    kept = [
        {name: each[name] for name in each if name != "maps.npy"}
        for each in (manifest.checksums, manifest.sizes)
    ]
    write_manifest(folder, replace(manifest, checksums=kept[0], sizes=kept[1]))
    assert "maps.npy" not in json.loads((folder / MANIFEST).read_text())["checksums"]
    searcher = store.open(encoder=encoder)
    assert not searcher.has_parts
    assert search(searcher, garments[3], part=None).hits[0].item == drawn[3]
    build(drawn)
    searcher.refresh()
    assert searcher.has_parts


@IN_A_FOLDER
def test_maps_of_an_earlier_release_are_none(drawn, garments, build, store, encoder, tmp_path):
    folder = tmp_path / "indexes" / build(drawn).manifest.version
    write_maps(folder, of_an_earlier_release(np.load(folder / "maps.npy")))
    searcher = store.open(encoder=encoder)
    assert not searcher.has_parts
    assert search(searcher, garments[3], part=None).hits[0].item == drawn[3]


@IN_MILVUS
def test_what_was_put_and_patched_keeps_its_map(drawn, garments, build, store, encoder):
    build(drawn[1:])
    put_item(store, encoder, "new", drawn[0].path, {})
    store.changes.write([Patch("new", {"price": 3})])
    first = search(store.open(encoder=encoder), garments[0], 1.0).hits[0]
    assert first.item.metadata == {"price": 3} and first.part_score == pytest.approx(1, abs=1e-3)


@IN_MILVUS
def test_without_the_file_of_maps_beside_milvus_there_are_no_parts_and_a_wrong_one_is_told(
    drawn, garments, build, store, encoder, tmp_path, monkeypatch
):
    manifest = build(drawn).manifest
    path, files = tmp_path / "indexes" / "maps" / f"{manifest.version}.npy", store._place.maps
    maps, published = np.load(path), bytearray(path.read_bytes())
    published[-1] ^= 1
    path.write_bytes(published)
    with pytest.raises(IndexDamaged, match=r"is not the file that was published \(its SHA-256"):
        store.open(encoder=encoder)
    monkeypatch.setitem(type(files).of_version.__kwdefaults__, "hash_up_to", 100)
    assert store.open(encoder=encoder).has_parts
    with pytest.raises(IndexDamaged, match="SHA-256"):
        store.verify()
    of_before = replace(manifest, checksums={}, sizes={})
    np.save(path, maps[:-1])
    with pytest.raises(IndexDamaged, match="11 part maps where the manifest says 12"):
        files.of_version(of_before)
    np.save(path, of_an_earlier_release(maps))
    assert files.of_version(of_before) is None
    path.unlink()
    searcher = store.open(encoder=encoder)
    assert not searcher.has_parts
    assert search(searcher, garments[3], part=None).hits[0].item == drawn[3]


@IN_MILVUS
def test_maps_that_no_version_and_no_change_has_go_after_an_hour(drawn, build, store, encoder, tmp_path):
    versions = [build(drawn[1:]).manifest.version]
    numbers = [put_item(store, encoder, "new", drawn[0].path, {}).change for _ in range(2)]
    folder = tmp_path / "indexes" / "maps"

    def kept():
        return {path.name for path in folder.iterdir()}

    assert kept() == {f"{versions[0]}.npy", *(f"{number}.views" for number in numbers)}
    versions.append(build(drawn[1:]).manifest.version)
    store.prune(keep=1)
    assert len(kept()) == 4
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    store.prune(keep=1)
    assert kept() == {f"{versions[1]}.npy", f"{numbers[1]}.views"}
