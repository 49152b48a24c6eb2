import numpy as np
import pytest

from index.embeddings import BATCH, embed_catalogue
from training.catalogue import Catalogue, Item, read_catalogue


@pytest.fixture
def catalogue(catalogue_path):
    return read_catalogue(str(catalogue_path))


def test_every_readable_item_has_the_vector_of_its_own_photograph(catalogue, encoder):
    embedded = embed_catalogue(catalogue, encoder, processes=1)
    assert [item.item_id for item in embedded.items] == [item.item_id for item in catalogue.items[:8]]
    assert embedded.vectors.dtype == np.float32 and embedded.vectors.shape == (8, encoder.dimension)
    np.testing.assert_allclose(
        embedded.vectors, encoder.embed([item.path for item in embedded.items]), atol=1e-6
    )


def test_unreadable_photographs_are_left_out_with_item_path_and_reason(catalogue, encoder):
    bad = embed_catalogue(catalogue, encoder, processes=1).bad
    assert [item.item_id for item in bad] == ["broken-1", "broken-2"]
    assert bad[0].path.endswith("truncated.jpg") and bad[1].path.endswith("text.jpg")
    assert all(item.reason for item in bad) and bad[0].reason != bad[1].reason


def test_two_processes_give_what_one_gives(catalogue, encoder):
    one = embed_catalogue(catalogue, encoder, processes=1)
    two = embed_catalogue(catalogue, encoder, processes=2)
    assert one.items == two.items and one.bad == two.bad
    np.testing.assert_array_equal(one.vectors, two.vectors)


def test_photographs_are_embedded_in_batches(catalogue, encoder, monkeypatch):
    sizes = []
    embed = encoder.embed_garments
    monkeypatch.setattr(
        encoder, "embed_garments", lambda garments: sizes.append(len(garments)) or embed(garments)
    )
    monkeypatch.setattr("index.embeddings.BATCH", 3)
    embed_catalogue(catalogue, encoder, processes=1)
    assert sizes == [3, 3, 2] and BATCH > 3


def test_a_catalogue_without_a_readable_photograph_has_no_vectors(tmp_path, encoder):
    (tmp_path / "text.jpg").write_text("no photograph at all, only a text of some length\n")
    catalogue = Catalogue("folder", (Item("a", tmp_path / "text.jpg"),), ())
    embedded = embed_catalogue(catalogue, encoder, processes=1)
    assert embedded.items == () and embedded.vectors.shape == (0, encoder.dimension)
    assert len(embedded.bad) == 1


@pytest.mark.parametrize("progress", [True, False])
def test_progress_goes_to_standard_error_when_asked_for(catalogue, encoder, capsys, progress):
    embed_catalogue(catalogue, encoder, processes=1, progress=progress)
    out, err = capsys.readouterr()
    assert out == "" and ("10/10" in err) is progress
