from pathlib import Path

import faiss
import pytest

from index.errors import IndexNotWritten
from index.vectors import faiss_files
from index.vectors.kinds import KINDS, kind_named


@pytest.mark.parametrize("name", sorted(KINDS))
def test_an_index_written_in_pieces_is_the_one_made_in_memory(name, unit_vectors, tmp_path, monkeypatch):
    monkeypatch.setattr(faiss_files, "BLOCK", 1700)
    vectors, kind = unit_vectors(6000), kind_named(name)
    faiss.omp_set_num_threads(1)
    whole, pieces = kind.build(vectors), kind.build(vectors, path=tmp_path / "pieces")
    whole.save(tmp_path / "whole")
    assert (tmp_path / "pieces").read_bytes() == (tmp_path / "whole").read_bytes()
    assert pieces.parameters == whole.parameters
    files = ["pieces", "whole", *(["pieces.lists.npz", "whole.lists.npz"] if name == "hnsw" else [])]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_an_index_of_a_few_vectors_is_written(name, unit_vectors, tmp_path):
    index = kind_named(name).build(unit_vectors(3), path=tmp_path / "vectors")
    assert index.search(unit_vectors(3), 1)[1].tolist() == [[0], [1], [2]]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_disk_without_room_is_named(name, unit_vectors):
    with pytest.raises(IndexNotWritten, match="'/dev/full'.*disk full"):
        kind_named(name).build(unit_vectors(3000), path=Path("/dev/full"))
