"""One signed message: what a receiver gets of it, and what is made of its answer, however strange that is."""

import asyncio
import base64
import json
import re
import ssl
import subprocess
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme

from afterword.webhooks import sending
from afterword.webhooks.sending import Answer, Sender
from afterword.webhooks.signing import new_secret, signed_headers
from tests.needs import needs
from tests.peers import certificates, run
from tests.webhooks.receiver import Heard, Receiver, Reply, status

HOME = (ip_network("127.0.0.0/8"), ip_network("::1"))
DOCS = Path(__file__).parents[2] / "docs" / "webhooks.md"
BODY = json.dumps({"type": "review.published", "data": {"text": "Crème brûlée"}}).encode()


def post(
    url: str, *, secret: str | None = None, patience: float = 5.0, tls: ssl.SSLContext | None = None
) -> Answer:
    headers = signed_headers(secret or new_secret(), "msg_1", BODY, time.time())
    sender = Sender(HOME, patience=patience, tls_context=tls)
    try:
        return run(sender.post(url, dict(headers), BODY))
    finally:
        sender.close()


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    """Standard Webhooks, "Signature scheme": the example of its libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1_614_265_330)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_secret_is_32_random_bytes() -> None:
    first, second = new_secret(), new_secret()
    assert first != second and first.startswith("whsec_")
    assert len(base64.b64decode(first.removeprefix("whsec_"))) == 32


def test_a_message_is_one_post() -> None:
    with Receiver() as receiver:
        assert post(receiver.url) == Answer("taken", "it answered 204")
    [heard] = receiver.heard
    assert (heard.path, heard.body) == ("/reviews", BODY)
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["host"] == f"localhost:{receiver.port}"
    assert heard.headers["user-agent"].startswith("Afterword/")


def of_the_page(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def heard_with(secret: str) -> Heard:
    with Receiver() as receiver:
        post(receiver.url, secret=secret)
    return receiver.heard[0]


def test_the_pages_python_tells_a_message_from_a_forged_one() -> None:
    secret = new_secret()
    heard = heard_with(secret)
    code: dict[str, Callable[..., bool]] = {}
    exec(of_the_page("python"), code)
    is_ours = code["is_from_afterword"]
    assert is_ours(secret, heard.headers, heard.body)
    assert not is_ours(new_secret(), heard.headers, heard.body)
    assert not is_ours(secret, heard.headers, heard.body + b" ")
    older = {**heard.headers, **signed_headers(secret, "msg_1", heard.body, time.time() - 600)}
    assert not is_ours(secret, older, heard.body)


def test_the_pages_php_tells_a_message_from_a_forged_one(tmp_path: Path) -> None:
    needs("php")
    secret = new_secret()
    heard = heard_with(secret)
    cases = [(secret, heard.body.decode()), (new_secret(), heard.body.decode()), (secret, "{}")]
    given = json.dumps([[each, heard.headers, body] for each, body in cases])
    script = tmp_path / "check.php"
    script.write_text(
        f"<?php\n{of_the_page('php')}\n"
        "foreach (json_decode(file_get_contents('php://stdin'), true) as $case)\n"
        "    echo is_from_afterword(...$case) ? 'yes ' : 'no ';\n"
    )
    ran = subprocess.run(["php", script], input=given, capture_output=True, text=True, timeout=30)
    assert (ran.stdout, ran.stderr) == ("yes no no ", "")


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (200, Answer("taken", "it answered 200")),
        (202, Answer("taken", "it answered 202")),
        (400, Answer("refused", "it answered 400")),
        (410, Answer("gone", "it answered 410: it is gone")),
        (503, Answer("refused", "it answered 503")),
    ],
)
def test_only_2xx_means_that_it_is_taken(code: int, answer: Answer) -> None:
    with Receiver(status(code)) as receiver:
        assert post(receiver.url) == answer


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(code: int) -> None:
    with Receiver() as elsewhere, Receiver(status(code, Location=elsewhere.url)) as receiver:
        answer = post(receiver.url)
        assert answer == Answer("refused", f"it answered {code}, and redirects are not followed")
        assert (len(receiver.heard), elsewhere.heard) == (1, [])


def test_over_tls_the_certificate_must_be_good_and_that_of_the_name() -> None:
    with Receiver(tls=True) as receiver:
        assert post(receiver.url, tls=certificates().client).kind == "taken"
        unknown = post(receiver.url)
        assert unknown.kind == "refused" and unknown.says.startswith("its certificate is not good")
        stranger = ssl.create_default_context()
        trustme.CA().configure_trust(stranger)
        assert post(receiver.url, tls=stranger).kind == "refused"
        resolve = Sender(HOME, resolve=lambda *_: ["127.0.0.1"], tls_context=certificates().client)
        other = run(resolve.post(f"https://other.example:{receiver.port}/", {}, BODY))
        assert other.kind == "refused" and "certificate" in other.says
        assert len(receiver.heard) == 1


def test_the_name_goes_with_the_pinned_address() -> None:
    with Receiver() as receiver:
        sender = Sender(HOME, resolve=lambda *_: ["127.0.0.1"])
        assert run(sender.post(f"http://shop.example:{receiver.port}/a?b=c", {}, BODY)).kind == "taken"
    assert receiver.heard[0].headers["host"] == f"shop.example:{receiver.port}"
    assert receiver.heard[0].path == "/a?b=c"


def test_an_address_that_does_not_listen_gives_way_to_the_next() -> None:
    with Receiver() as receiver:
        sender = Sender(HOME, resolve=lambda *_: ["127.0.0.2", "127.0.0.1"])
        assert run(sender.post(f"http://shop.example:{receiver.port}/", {}, BODY)).kind == "taken"


def trickle(begin: bytes, again: bytes) -> Reply:
    """Says something, and then this again and again, for ever."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(begin)
        for _ in range(600):
            request.wfile.write(again)
            request.wfile.flush()
            time.sleep(0.05)

    return answer


header_without_end = trickle(b"HTTP/1.1 200 OK\r\nX: ", b"a")
body_without_end = trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"a")
never_final = trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n")
silence = trickle(b"", b"")


def huge(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(1_000):
        request.wfile.write(b"10000\r\n" + b"a" * 65_536 + b"\r\n")


def bomb(request: BaseHTTPRequestHandler) -> None:
    """What claims to be packed is not unpacked."""
    body = b"\x1f\x8b" + b"\xff" * 100
    request.wfile.write(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    request.wfile.write(body)


def babble(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"\xff\x00 what do you want\r\n\r\n" * 50)


def many_headers(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n")


LATE, GOOD = Answer("refused", "no answer within 1 seconds"), Answer("taken", "it answered 200")


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        *((reply, LATE) for reply in (silence, header_without_end, never_final)),
        *((reply, GOOD) for reply in (body_without_end, huge, bomb)),
    ],
)
def test_no_answer_takes_long_and_of_a_good_one_no_more_is_read_than_a_little(
    reply: Reply, answer: Answer
) -> None:
    with Receiver(reply) as receiver:
        began = time.monotonic()
        assert post(receiver.url, patience=1.0) == answer
        assert time.monotonic() - began < 3


def test_a_handshake_that_never_ends_is_cut_off_in_time() -> None:
    async def watch() -> Answer:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sender = Sender(HOME, patience=0.5)
        return await sender.post(f"https://localhost:{port}/", {}, BODY)

    began = time.monotonic()
    assert run(watch()).kind == "refused"
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("reply", [babble, many_headers])
def test_an_answer_that_is_none_is_refused(reply: Reply) -> None:
    with Receiver(reply) as receiver:
        told = post(receiver.url)
        assert told.kind == "refused"
        assert told.says.isprintable() and len(told.says) <= sending.LONGEST_ERROR


def test_a_closed_connection_and_a_closed_port_are_refused_with_a_word() -> None:
    with Receiver() as receiver:
        receiver.answers = [receiver.cut]
        assert post(receiver.url).kind == "refused"
        url = receiver.url
    assert post(url) == Answer("refused", "Connection refused")


def test_a_name_that_is_not_there_is_refused_with_a_word() -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    answer = run(Sender(HOME, resolve=resolve).post("https://nobody.example/", {}, BODY))
    assert answer == Answer("refused", "Name or service not known")


def test_a_look_up_that_hangs_is_not_waited_for() -> None:
    def resolve(host: str, port: int) -> list[str]:
        time.sleep(2.5)
        return ["127.0.0.1"]

    began = time.monotonic()

    async def watch() -> Answer:
        return await Sender(HOME, resolve=resolve, patience=0.2).post("https://slow.example/", {}, BODY)

    assert run(watch()) == Answer("refused", "no answer within 0.2 seconds")
    assert time.monotonic() - began < 2.4
