"""Where a message may go, whatever a name says and however an address is spelled."""

import socket
from ipaddress import ip_network

import pytest

from afterword.webhooks.addresses import AddressRefused, Target, look_up, reachable, read_url
from afterword.webhooks.sending import Sender
from tests.peers import run
from tests.webhooks.receiver import Receiver

HOME = (ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://shop.example", Target("https", "shop.example", 443, "/")),
        (
            "https://Shop.Example/reviews?x=1&y=%20",
            Target("https", "shop.example", 443, "/reviews?x=1&y=%20"),
        ),
        ("https://shop.example:8443/", Target("https", "shop.example", 8443, "/")),
        ("http://10.0.0.7:8000/a", Target("http", "10.0.0.7", 8000, "/a")),
        ("https://[2001:DB8::1]:4430/a", Target("https", "2001:db8::1", 4430, "/a")),
        ("https://bäckerei.example/", Target("https", "xn--bckerei-5wa.example", 443, "/")),
    ],
)
def test_an_address_is_read(url: str, target: Target) -> None:
    assert read_url(url) == target


def test_the_host_field_has_the_port_where_it_is_not_the_usual_one() -> None:
    assert read_url("https://shop.example/").authority == "shop.example"
    assert read_url("https://shop.example:8443/").authority == "shop.example:8443"
    assert read_url("http://[fd00::1]:8000/").authority == "[fd00::1]:8000"


NOT_HTTP = ["", "shop.example", "ftp://shop.example/", "file:///etc/passwd", "gopher://shop.example/"]
NO_HOST = ["HTTPS://shop.example/", "https://", "https:///reviews"]
MORE_THAN_A_HOST = ["clara@shop.example/", "clara:secret@shop.example/", "shop.example#@127.0.0.1/"]
NOT_SENT = ["shop.example/#there", "shop.example\\@127.0.0.1/", "127.0.0.1\t/", "shop.example/a b"]
NOT_WRITTEN = ["shop.example/\r\nX: y", "shop.example/é", f"shop.example/{'a' * 1000}"]
WRONG_NAMES = ["shop.example./", ".shop.example/", "shop..example/", f"{'a' * 64}.example/"]
WRONG_PORTS = [f"shop.example:{port}/" for port in ("0", "22", "25", "65536", "999999", "")]
NUMBERS = ["0x7f.1/", "127.1/", "0177.0.0.1/", "127.0.0.01/", "2130706433/", "0x7f000001/", "1.2.3.4.5/"]
BRACKETS = ["[::1/", "[fe80::1%25eth0]/", "[127.0.0.1]/"]
OTHER_DIGITS = ["%31%32%37.0.0.1/", "①②⑦.0.0.1.2/"]


@pytest.mark.parametrize(
    "url",
    [
        *(*NOT_HTTP, *NO_HOST),
        *(f"https://{rest}" for rest in (*MORE_THAN_A_HOST, *NOT_SENT, *NOT_WRITTEN, *WRONG_NAMES)),
        *(f"https://{rest}" for rest in (*WRONG_PORTS, *NUMBERS, *BRACKETS, *OTHER_DIGITS)),
    ],
)
def test_what_is_not_plainly_an_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        read_url(url)


def test_digits_of_other_scripts_are_the_address_that_they_spell() -> None:
    assert read_url("https://１２７.０.０.１/").host == "127.0.0.1"


@pytest.mark.parametrize(
    "addresses",
    [
        "0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255",
        "192.0.0.1 192.0.2.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1",
        "224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255",
        ":: ::1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1",
        "64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1",
        "2001::1 2001:0:7f00:1::1 2001:2::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:808:808::1 3fff::1",
        "fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 4000::1",
    ],
)
def test_an_address_that_is_not_public_is_not_reached(addresses: str) -> None:
    for address in addresses.split():
        with pytest.raises(AddressRefused, match="not public"):
            reachable(read_url("https://shop.example/"), (), lambda *_, found=address: [found])


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"],
)
def test_a_public_address_is_reached(address: str) -> None:
    [found] = reachable(read_url("https://shop.example/"), (), lambda *_: [address])
    assert found in (address, "8.8.8.8")


@pytest.mark.parametrize("found", [["1.1.1.1", "10.0.0.1"], []])
def test_a_name_with_one_address_that_is_refused_or_none_is_refused(found: list[str]) -> None:
    with pytest.raises(AddressRefused):
        reachable(read_url("https://shop.example/"), (), lambda *_: found)


def test_networks_that_are_allowed_are_reached_also_without_tls_and_no_others() -> None:
    allowed = (ip_network("10.0.0.0/8"),)
    assert reachable(read_url("http://crm.internal/"), allowed, lambda *_: ["10.0.0.1"]) == ["10.0.0.1"]
    with pytest.raises(AddressRefused, match="https"):
        reachable(read_url("http://shop.example/"), allowed, lambda *_: ["1.1.1.1"])
    with pytest.raises(AddressRefused, match="not public"):
        reachable(read_url("http://crm.internal/"), allowed, lambda *_: ["192.168.0.1"])
    mapped = reachable(read_url("http://crm.internal/"), allowed, lambda *_: ["::ffff:10.0.0.1"])
    assert mapped == ["10.0.0.1"]


def test_looking_up_is_the_systems_own() -> None:
    assert "127.0.0.1" in look_up("localhost", 80)


def test_a_name_that_says_something_else_the_second_time_is_looked_up_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: public for the check, this machine for the connection."""
    asked: list[str] = []
    connected: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["1.1.1.1"] if len(asked) == 1 else ["127.0.0.1"]

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    answer = run(Sender(resolve=resolve).post("https://rebind.example/x", {}, b"{}"))
    assert answer.kind == "refused"
    assert (asked, connected) == (["rebind.example"], [("1.1.1.1", 443)])


def test_nothing_reaches_this_machine_unless_it_is_allowed() -> None:
    with Receiver() as receiver:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            answer = run(Sender().post(f"http://{host}:{receiver.port}/", {}, b"{}"))
            assert answer.kind == "refused" and "AFTERWORD_WEBHOOK_ALLOW" in answer.says
        assert receiver.heard == []
        assert run(Sender(HOME).post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")).kind == "taken"
