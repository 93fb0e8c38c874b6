"""Where a message may go: to public addresses, and to networks that the operator allows. Nothing else is reached,
whatever a name says, however an address is spelled, and however often a name is looked up.

A name is looked up once, every address that it has is checked, and the connection goes to one of these: a second
look-up, which could say something else, never happens.
"""

import re
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

import idna

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_URL = 1_000
LOWEST_PORT = 1_024
"""Below it are the ports of mail, shells and file shares; only 80 and 443 are for messages."""

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]\\%]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!$-;=?-Z_a-z~]*)?"
)
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*")
_NUMBER = re.compile(r"(0[xX][0-9A-Fa-f]*|[0-9]+)")

_SPECIAL_4 = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # behind a provider's translation
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")
_SPECIAL_6 = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
_TRANSLATED = IPv6Network("64:ff9b::/96")
"""An IPv4 address as networks without IPv4 write it (RFC 6052)."""


class AddressRefused(Exception):
    """Nothing may be sent there. Its text is one sentence."""


class Target(NamedTuple):
    """Where a webhook's address leads. `host` is a name in ASCII or an address without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """The value of the Host field."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_secure else 80) else f"{host}:{self.port}"


Resolve = Callable[[str, int], Sequence[str]]
"""Every address of a name. Raises OSError."""


def look_up(host: str, port: int) -> list[str]:
    """As the system does it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def read_url(url: str) -> Target:
    """Raises AddressRefused for whatever is not plainly an http or https address: no user, no fragment, no number
    that some libraries take for an address, no port of another service."""
    found = _URL.fullmatch(url) if len(url) <= LONGEST_URL else None
    if found is None:
        raise AddressRefused(
            "it is not an address such as https://shop.example/reviews, without a user or fragment"
        )
    scheme, path = found["scheme"], found["path"] or "/"
    usual = 443 if scheme == "https" else 80
    port = int(found["port"] or usual)
    if port not in (80, 443) and not LOWEST_PORT <= port <= 65_535:
        raise AddressRefused(f"port {port} is not allowed: use 80, 443, or {LOWEST_PORT} and above")
    return Target(scheme, _host(found["host"]), port, path)


def _host(text: str) -> str:
    if text.startswith("["):
        try:
            return str(IPv6Address(text[1:-1]))
        except ValueError:
            raise AddressRefused(f"{text} is not an address") from None
    try:
        name = text if text.isascii() else idna.encode(text, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise AddressRefused(f"{text!r} is not a name that can be looked up") from None
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        try:
            return str(IPv4Address(name))
        except ValueError:
            raise AddressRefused(
                f"{text} is a number and not a name: write four numbers from 0 to 255"
            ) from None
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise AddressRefused(f"{text!r} is not a name that can be looked up")
    return name.lower()


def reachable(target: Target, allowed: Sequence[Network], resolve: Resolve = look_up) -> list[str]:
    """The addresses of a target, each of which may be reached. Raises AddressRefused when one of them may not, or
    nothing is found; OSError when looking up fails.

    Without TLS only a network that the operator allows is reached.
    """
    found = [_plain(address) for address in resolve(target.host, target.port)]
    if not found:
        raise AddressRefused(f"{target.host} has no address")
    for address in found:
        is_allowed = any(address in network for network in allowed)
        if not is_allowed and not is_public(address):
            raise AddressRefused(
                f"{target.host} is {address}, which is not public: AFTERWORD_WEBHOOK_ALLOW can allow its network"
            )
        if not is_allowed and not target.is_secure:
            raise AddressRefused("http is only for networks that AFTERWORD_WEBHOOK_ALLOW names: use https")
    return [str(address) for address in found]


def _plain(text: str) -> Address:
    """The address, as IPv4 where IPv6 only wraps that."""
    address = ip_address(text)
    return (address.version == 6 and address.ipv4_mapped) or address


def is_public(address: Address) -> bool:
    """Whether this is a public address of the internet, and none that only this machine can reach."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_4)
    if address in _TRANSLATED:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _GLOBAL_6 and not any(address in network for network in _SPECIAL_6)
