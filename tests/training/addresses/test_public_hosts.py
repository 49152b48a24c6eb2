import pytest

from training.addresses.public_hosts import Hosts, is_public
from training.errors import AddressRefused, AddressUnreachable


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.8.9.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:8.8.8.8",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "somewhere",
    ],
)
def test_all_others_are_not(address):
    assert not is_public(address)


def found(*addresses):
    return lambda host, port: list(addresses)


def test_a_host_is_connected_to_at_its_first_address_if_all_are_public():
    assert (
        Hosts(find=found("93.184.215.14", "8.8.8.8")).address_of("pictures.example", 443) == "93.184.215.14"
    )
    for addresses in (["8.8.8.8", "10.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], []):
        with pytest.raises(AddressRefused, match="'pictures.example' is not on the public internet"):
            Hosts(find=found(*addresses)).address_of("pictures.example", 443)


def test_a_host_that_is_allowed_by_name_is_asked_wherever_it_is_and_no_other():
    hosts = Hosts(("Images.Internal.", "[::1]"), found("192.168.7.9"))
    for name in ("images.internal", "IMAGES.internal", "images.internal.", "::1"):
        assert hosts.address_of(name, 80) == "192.168.7.9"
    for name in ("internal", "a.images.internal", "images.internal.example", "192.168.7.9"):
        with pytest.raises(AddressRefused):
            hosts.address_of(name, 80)


def test_a_host_without_an_address_is_unreachable_and_may_have_one_later():
    def lost(host, port):
        raise OSError("no such host")

    with pytest.raises(AddressUnreachable) as caught:
        Hosts(find=lost).address_of("pictures.example", 80)
    assert caught.value.passing
    with pytest.raises(AddressUnreachable):
        Hosts(("pictures.example",), found()).address_of("pictures.example", 80)
