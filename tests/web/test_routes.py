"""What holds for every address: its methods, its headers, and a page when something is wrong."""

import re
import socket

import apsw
import pytest
from starlette.applications import Starlette

from afterword.i18n.catalogue import Catalogue, catalogues
from afterword.web.server import WebSettings, build_router
from tests.web.asking import SilentDatabase, ask, is_safe
from tests.web.conftest import BODY_LIMIT, SECRET, Site

FIXED = ("/openapi.json", "/static/style.css")
NOBODYS = "A" * 31


@pytest.mark.parametrize(
    "path", ["/", "/nothing", f"/r/1/{NOBODYS}", f"/u/²/{NOBODYS}", "/r/1/%00", "/r/1//x"]
)
def test_an_address_that_does_not_exist_is_a_page_with_safe_headers(site: Site, path: str) -> None:
    answer = site.get(path.replace("²", "%C2%B2"))
    assert answer.status == 404 and is_safe(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert b"<h1>There is nothing at this address</h1>" in answer.content


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/r/1/x", "GET, HEAD, POST"),
        ("/u/1/x", "GET, HEAD, POST"),
        ("/healthz", "GET, HEAD"),
        ("/metrics", "GET, HEAD"),
        *((path, "GET, HEAD") for path in ("/docs", *FIXED)),
    ],
)
def test_another_method_is_told_which_there_are(site: Site, path: str, allowed: str) -> None:
    answer = site.request("PUT", path)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert is_safe(answer) and b"<h1>" in answer.content


def test_head_answers_as_get_does_and_caches_keep_what_is_the_same_for_all(site: Site) -> None:
    links = site.links(site.keys.private_key, "HEAD-1")
    for path in (links.review, links.unsubscribe, "/healthz", "/metrics", "/nothing", "/docs", *FIXED):
        head, get = site.request("HEAD", path), site.get(path)
        assert (head.status, head.content) == (get.status, b"") and get.content and is_safe(get)
        assert head.headers.keys() - {"date"} == get.headers.keys() - {"date"}, path
        kept = "public, max-age=3600" if path in FIXED else "no-store"
        assert path == "/docs" or get.headers["cache-control"] == kept, path


def test_links_hold_when_a_proxy_puts_all_under_a_folder(site: Site) -> None:
    for path, root in (
        ("/docs", "./"),
        ("/a/b/c", "../../"),
        ("//r/1/x", "../../../"),
        ("/a%2Fb/c?d/e", "../"),
    ):
        assert f'href="{root}static/style.css"'.encode() in site.get(path).content


def test_an_unexpected_error_names_a_line_of_the_log_and_nothing_else(doomed_site: Site) -> None:
    links = doomed_site.links(doomed_site.keys.private_key, "BROKEN-1")
    apsw.Connection(str(doomed_site.database)).execute("DROP TABLE suppressions")
    answer = doomed_site.get(links.unsubscribe)
    found = re.search(rb"<code>([0-9a-f]{32})</code>", answer.content)
    assert answer.status == 500 and is_safe(answer) and found
    assert b"suppressions" not in answer.content and b"Traceback" not in answer.content
    lines = [line for line in doomed_site.log.splitlines() if found[1].decode() in line]
    assert len(lines) == 1 and "no such table: suppressions" in lines[0]
    assert doomed_site.log.count("Traceback") == 1, "the server told it a second time"
    assert doomed_site.get(links.review).status == 200


@pytest.fixture
def silent_web(tmp_path: object) -> Starlette:
    return build_router(SilentDatabase(), lambda: 0.0, WebSettings(SECRET, BODY_LIMIT, tmp_path))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "path", "says"),
    [
        ("GET", f"/r/1/{NOBODYS}", "<h1>Back in a moment</h1>"),
        ("GET", f"/u/1/{NOBODYS}", "<h1>Back in a moment</h1>"),
        ("POST", f"/u/1/{NOBODYS}", "<h1>Back in a moment</h1>"),
        ("GET", "/healthz", '{"status":"unavailable"}'),
    ],
)
def test_without_its_store_a_page_says_come_back(
    silent_web: Starlette, method: str, path: str, says: str
) -> None:
    answer = ask(silent_web, method, path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert says in answer.text and "disk" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_a_catalogue_added_is_a_language_added_from_right_to_left_too(
    silent_web: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"There is nothing at this address": ("لا توجد هذه الصفحة",)}
    monkeypatch.setitem(catalogues(), "ar", Catalogue("ar", words))
    page = ask(silent_web, "GET", "/nothing", {"Accept-Language": "ar-EG"}).text
    assert (
        '<html lang="ar" dir="rtl">' in page
        and f"<h1>{words['There is nothing at this address'][0]}</h1>" in page
    )


def test_a_body_that_nobody_needs_is_not_waited_for(site: Site) -> None:
    links = site.links(site.keys.private_key, "BODY-1")
    request = f"POST {links.unsubscribe} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", site.port), 5) as line:
        line.sendall(request + b"List-Unsubscribe=One-Click")
        assert line.recv(65_536).startswith(b"HTTP/1.1 200")
