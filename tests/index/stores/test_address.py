import pytest

from index.errors import InvalidStore
from index.stores.address import open_store
from index.stores.folder.store import FolderStore


def test_without_an_address_versions_lie_in_the_folder(tmp_path):
    assert open_store("", tmp_path) == FolderStore(tmp_path)
    assert str(FolderStore(tmp_path)) == str(tmp_path)


@pytest.fixture
def parse(tmp_path):
    pytest.importorskip("pymilvus")
    from index.stores.milvus.milvus_address import MilvusAddress

    return MilvusAddress.parse


def test_an_address_of_a_server_names_all_that_its_client_needs(parse):
    address = parse("milvus://shop:s%40cret@milvus.example:1953/clothes?prefix=men&consistency=strong&tls=on")
    assert (address.uri, address.token) == ("https://milvus.example:1953", "shop:s@cret")
    assert (address.database, address.prefix, address.consistency) == ("clothes", "men", "Strong")
    assert str(address) == "milvus://milvus.example:1953/clothes?prefix=men"
    plain = parse("milvus://milvus")
    assert (plain.uri, plain.token, plain.prefix) == ("http://milvus:19530", "", "silhouette")
    assert plain.consistency == "Bounded" and not plain.is_file


def test_an_address_of_a_file_ends_in_db(parse):
    address = parse("milvus:./vectors.db?prefix=men")
    assert (address.uri, address.prefix, address.is_file) == ("./vectors.db", "men", True)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("redis://x", "Accepted: milvus://HOST:19530"),
        ("vectors.db", "Accepted: milvus://HOST:19530"),
        ("milvus:vectors", "a file ends in .db"),
        ("milvus://:19530", "it names no host"),
        ("milvus://host:port", "Accepted: "),
        ("milvus://host?prefix=a-b", "letters, digits and underscores"),
        ("milvus://host?consistency=fast", "bounded|session|eventually|strong"),
        ("milvus://host?index=3", "unknown: index"),
        ("milvus://u:geheim@host?tls=yes", "tls=on"),
    ],
)
def test_what_is_no_address_is_refused_without_its_password(tmp_path, parse, address, said):
    with pytest.raises(InvalidStore) as refused:
        open_store(address, tmp_path)
    assert said in str(refused.value) and "geheim" not in str(refused.value)


def test_without_milvus_s_client_the_address_is_refused_with_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr("index.stores.address.find_spec", lambda name: None)
    with pytest.raises(InvalidStore, match="make scale"):
        open_store("milvus://host", tmp_path)
