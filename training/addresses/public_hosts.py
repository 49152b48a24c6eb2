"""Which hosts may be asked: those on the public internet, and those that the operator has allowed by name."""

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from training.errors import AddressRefused, AddressUnreachable

HOST_NAME = re.compile(r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]+\]?")
ALLOWED_HOSTS = "SILHOUETTE_ALLOWED_HOSTS"

_UNICAST = ipaddress.ip_network("2000::/3")
_NOT_HOSTS = [
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]
"""What `is_global` of some Python versions lets through: assignments of protocols, tunnels, documentation."""

Resolve = Callable[[str, int], Iterable[str]]


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host by the system's resolver; raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Return whether an IP address is public: global unicast, and not a tunnel to another address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # such as fe80::1%eth0
        return False
    if parsed.version == 6 and parsed not in _UNICAST:  # also leaves out IPv4 within IPv6
        return False
    return (
        parsed.is_global and not parsed.is_multicast and not any(parsed in network for network in _NOT_HOSTS)
    )


def _normal(name: str) -> str:
    return name.lower().strip("[]").rstrip(".")


@dataclass(frozen=True)
class Hosts:
    """The hosts that may be asked.

    Parameters
    ----------
    allowed : tuple of str
        Names of hosts that are asked wherever they are; of object stores, names of buckets.
    find : callable
        Resolves a host and a port to IP addresses.
    """

    allowed: tuple[str, ...] = ()
    find: Resolve = resolve

    def allows(self, host: str) -> bool:
        """Return whether a host is allowed by its name."""
        return _normal(host) in map(_normal, self.allowed)

    def address_of(self, host: str, port: int) -> str:
        """Return an IP address of a host to connect to, which is looked up once.

        Raises
        ------
        AddressRefused
            Not all of its addresses are public, and it is not allowed by name.
        AddressUnreachable
            It has none.
        """
        try:
            addresses = list(self.find(host, port))
        except (OSError, UnicodeError) as error:
            raise AddressUnreachable(
                "The host of the address is not known. Check its spelling.", passing=True
            ) from error
        if not self.allows(host) and not (addresses and all(map(is_public, addresses))):
            raise AddressRefused(
                f"The host {host!r} is not on the public internet. The operator can allow it by name "
                f"({ALLOWED_HOSTS})."
            )
        if not addresses:
            raise AddressUnreachable("The host of the address has no IP address. Check its spelling.")
        return addresses[0]
