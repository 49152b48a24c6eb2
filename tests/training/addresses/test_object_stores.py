import io
import sys

import pytest

from training.addresses.download import Answer
from training.addresses.fetching import Fetching, fetch_all
from training.addresses.object_stores import STORES, download
from training.addresses.public_hosts import Hosts
from training.errors import AddressRefused, AddressUnreachable, FileTooLarge, NotInstalled

fsspec = pytest.importorskip("fsspec", reason="needs fsspec: pip install -r requirements-stores.txt")
ADDRESS = "s3://pictures/dress/1.png"


@pytest.fixture
def bucket():
    """An object store in memory, in the place of S3; what was read of it, in order."""
    from fsspec.implementations.memory import MemoryFileSystem

    class Bucket(MemoryFileSystem):
        protocol = ("s3",)
        store = {}
        pseudo_dirs = [""]
        read = []

        def cat_file(self, path, **options):
            self.read.append(path)
            return super().cat_file(path, **options)

    fsspec.register_implementation("s3", Bucket, clobber=True)
    return Bucket


def read(address, known=None, *, allowed=("pictures",), max_bytes=1000):
    into = io.BytesIO()
    answer = download(address, into, hosts=Hosts(allowed), max_bytes=max_bytes, known=known)
    return into.getvalue(), answer


def test_an_object_is_read_and_only_again_when_it_has_changed(bucket):
    bucket().pipe(ADDRESS, b"one")
    data, first = read(ADDRESS)
    assert data == b"one" and first.changed and first.validators.etag
    assert read(ADDRESS, first.validators) == (b"", Answer(changed=False))
    bucket().pipe(ADDRESS, b"another")
    data, second = read(ADDRESS, first.validators)
    assert data == b"another" and second.validators != first.validators
    assert len(bucket.read) == 2


def test_a_bucket_is_read_only_where_it_is_allowed_by_name(bucket):
    bucket().pipe(ADDRESS, b"one")
    for allowed in ((), ("other",)):
        with pytest.raises(AddressRefused, match="bucket 'pictures'.*SILHOUETTE_ALLOWED_HOSTS"):
            read(ADDRESS, allowed=allowed)
    assert bucket.read == []


def test_what_is_not_there_or_too_large_is_told(bucket):
    bucket().pipe(ADDRESS, bytes(1001))
    with pytest.raises(FileTooLarge, match="more than 1,000 bytes"):
        read(ADDRESS)
    with pytest.raises(AddressUnreachable, match="no such object") as caught:
        read("s3://pictures/none.png")
    assert not caught.value.passing and bucket.read == []


@pytest.mark.parametrize(
    ("error", "passing"), [(PermissionError, False), (OSError, True), (TimeoutError, True)]
)
def test_a_store_that_fails_is_told_and_whether_it_may_pass(bucket, monkeypatch, error, passing):
    def failing(*arguments, **options):
        raise error("the store says so")

    monkeypatch.setattr(bucket, "info", failing)
    with pytest.raises(AddressUnreachable) as caught:
        read(ADDRESS)
    assert caught.value.passing is passing


@pytest.mark.parametrize("scheme", STORES)
def test_without_the_package_of_a_store_its_addresses_say_what_to_install(monkeypatch, scheme, tmp_path):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    address = f"{scheme}://pictures/1.png"
    with pytest.raises(NotInstalled, match=f"{STORES[scheme]}.*requirements-stores.txt"):
        fetch_all({address: None}, cache=tmp_path, settings=Fetching(("pictures",)))


def test_photographs_of_a_bucket_are_fetched_into_the_cache(bucket, encode_image, photo, tmp_path):
    data = encode_image(photo)
    bucket().pipe(ADDRESS, data)
    settings = Fetching(("pictures",), attempts=1)
    for _ in range(2):
        found = fetch_all({ADDRESS: None}, cache=tmp_path, settings=settings)[ADDRESS]
        assert found.problem is None and found.path.read_bytes() == data
    assert len(bucket.read) == 1
