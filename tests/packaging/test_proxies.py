"""The proxies of the examples in front of a real Afterword: what passes, and what is answered when it is away."""

import json
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from tests.docs.pages import read
from tests.needs import needs
from tests.processes import free_port
from tests.server import FOUR_KEYS, Answer, Server, an_order, ask

NAME = "reviews.bakery.example"
PROXIES = ("nginx", "caddy")


class Proxy(NamedTuple):
    """A running proxy of the examples. Afterword is behind it until `away` is asked."""

    port: int
    trust: ssl.SSLContext | None
    alba: Server

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """The connection stays with `localhost`, the certificate's other name."""
        if self.trust:
            line: HTTPConnection = HTTPSConnection("localhost", self.port, context=self.trust, timeout=10)
        else:
            line = HTTPConnection("127.0.0.1", self.port, timeout=10)
        with closing(line):
            return ask(line, method, path, body and json.dumps(body), {"Host": NAME, **headers})

    def is_up(self) -> bool:
        with suppress(OSError):
            return self.ask("GET", "/metrics").status == 404
        return False


@pytest.fixture(scope="module")
def alba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("alba")) as server:
        yield server


@pytest.fixture(scope="module", params=PROXIES)
def proxy(
    request: pytest.FixtureRequest, alba: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    needs(request.param)
    run = {"nginx": nginx, "caddy": caddy}[request.param]
    if alba.process is None:
        alba.start()
    with run(tmp_path_factory.mktemp(request.param), alba) as running:
        yield running


@contextmanager
def nginx(folder: Path, alba: Server) -> Iterator[Proxy]:
    """With its ports, its certificate and Afterword's port replaced, and where it keeps its files."""
    authority, port = trustme.CA(), free_port()
    certificate = authority.issue_cert("localhost", NAME)
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(each.bytes() for each in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(key)
    text = read("examples/nginx.conf").replace("127.0.0.1:8000", f"127.0.0.1:{alba.port}")
    text = re.sub(r"listen \[::\].+\n", "", text)
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    text = text.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    text = re.sub(r"(ssl_certificate +)\S+;", rf"\g<1>{chain};", text)
    text = re.sub(r"(ssl_certificate_key +)\S+;", rf"\g<1>{key};", text)
    folders = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{name}_temp_path {folder / name};\n" for name in folders)
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; pid {folder / 'pid'}; error_log {folder / 'log'};\n"
        f"events {{}}\nhttp {{\n{temporary}{text}}}\n"
    )
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with running(["nginx", "-p", str(folder), "-c", str(config)], folder, Proxy(port, trust, alba)) as proxy:
        yield proxy


@contextmanager
def caddy(folder: Path, alba: Server) -> Iterator[Proxy]:
    """Without a certificate, which it would get by itself."""
    port = free_port()
    text = read("examples/Caddyfile").replace("127.0.0.1:8000", f"127.0.0.1:{alba.port}")
    text = text.replace(f"\n{NAME} {{", f"\n{{\n\tadmin off\n}}\n\nhttp://{NAME}:{port} {{")
    config = folder / "Caddyfile"
    config.write_text(text)
    line = ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"]
    with running(line, folder, Proxy(port, None, alba)) as proxy:
        yield proxy


@contextmanager
def running(line: list[str], folder: Path, proxy: Proxy) -> Iterator[Proxy]:
    environment = {"HOME": str(folder), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    with (folder / "output").open("wb") as log:
        process = subprocess.Popen(line, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        proxy.alba.wait_until(proxy.is_up)
        yield proxy
    finally:
        process.terminate()
        process.wait(10)


def test_orders_pages_and_reviews_pass_and_the_figures_do_not(proxy: Proxy) -> None:
    keys = proxy.alba.keys
    orders = {"api_key": keys.private_key, "orders": [an_order(f"{proxy.port}")]}
    for path in ("/private/v3/orders", "//private/v3/orders/"):
        answer = proxy.ask("POST", path, orders, **{"Content-Type": "application/json"})
        assert answer.status == 200 and answer.body.keys() == FOUR_KEYS
    assert proxy.ask("GET", f"/public/v3/reviews/{keys.public_key}/site").status == 200
    page = proxy.ask("GET", "/s/1")
    assert page.status == 200 and b"Alba" in page.content
    assert {proxy.ask("GET", path).status for path in ("/metrics", "/metrics/")} == {404}


def test_when_afterword_is_away_people_get_a_page_and_programs_the_json_of_their_api(proxy: Proxy) -> None:
    proxy.alba.kill()
    for path in ("/s/1", "/r/1/token", "/", "/privately"):
        answer = proxy.ask("GET", path)
        assert (answer.status, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
        page = answer.content.decode()
        assert "Please try again in a minute." in page and "Veuillez réessayer" in page
        assert answer.headers["retry-after"] == "60"
    for path in ("/private/v3/orders", "//private/v3/orders/"):
        answer = proxy.ask("POST", path, {"orders": []})
        assert answer.status == 503 and answer.body.keys() == FOUR_KEYS
        assert answer.counts == (0, 0, 0)
        assert (answer.headers["content-type"], answer.headers["retry-after"]) == ("application/json", "5")
    for path in ("/public/v3/reviews/0/site", "/private/v3/reviews", "//public/v3/feeds/0/google.xml"):
        answer = proxy.ask("GET", path)
        assert answer.status == 503 and answer.headers["content-type"] == "application/json"
        found = json.loads(answer.content)
        assert (found["code"], found["data"], list(found)) == (
            "unavailable",
            503,
            ["code", "message", "data"],
        )
        assert answer.headers["access-control-allow-origin"] == "*"


def test_both_proxies_answer_in_the_same_words() -> None:
    answers = [
        sorted(re.findall(r"""(?:return 503 '|respond `)([^'`]+)['`]""", read(f"examples/{name}")))
        for name in ("nginx.conf", "Caddyfile")
    ]
    assert answers[0] == answers[1] and len(answers[0]) == 3
