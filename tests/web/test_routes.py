"""What holds for every address: its methods, its headers, and a page when something is wrong."""

import json
import re
import socket
from itertools import product
from pathlib import Path

import apsw
import pytest

from afterword.i18n.catalogue import Catalogue, catalogues
from afterword.store.opening import open_sqlite
from afterword.web.reviews_api.private import REVIEWS_PATH, STATS_PATH
from afterword.web.reviews_api.public import PUBLIC_REVIEWS
from afterword.web.server import ORDERS_PATH, WebSettings, build_router
from tests.store.databases import closing_now
from tests.web.asking import Watched, ask, is_safe, web_on
from tests.web.conftest import BODY_LIMIT, SECRET, Site

FIXED = ("/docs", "/openapi.json", "/static/style.css")
NOBODYS = "A" * 31


@pytest.mark.parametrize(
    "path", ["/", "/nothing", f"/r/1/{NOBODYS}", f"/u/%C2%B2/{NOBODYS}", "/r/1/%00", "/r/1//x"]
)
def test_an_address_that_does_not_exist_is_a_page_with_safe_headers(site: Site, path: str) -> None:
    answer = site.get(path)
    assert answer.status == 404 and is_safe(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert b"<h1>There is nothing at this address</h1>" in answer.content


def test_another_method_is_told_which_there_are(site: Site) -> None:
    for path in ("/r/1/x", "/u/1/x", "/healthz", "/metrics", *FIXED):
        answer = site.request("PUT", path)
        allowed = "GET, HEAD, POST" if path.endswith("/x") else "GET, HEAD"
        assert (answer.status, answer.headers["allow"]) == (405, allowed), path
        assert is_safe(answer) and b"<h1>" in answer.content


def test_every_route_answers_with_nosniff_once_whatever_the_method_and_the_status(site: Site) -> None:
    values = {"shop": "1", "token": NOBODYS, "product": "100", "public_key": site.keys.public_key}
    values |= {"scope": "site", "lang": "en"}
    router = build_router(Watched(), lambda: 0.0, WebSettings(SECRET, BODY_LIMIT, Path()))  # type: ignore[arg-type]
    paths = [
        re.sub(r"{(\w+)(?::\w+)?}", lambda found: values.get(found[1], "1"), route.path)
        for route in router.routes
    ]
    paths += [ORDERS_PATH, REVIEWS_PATH, STATS_PATH, f"{PUBLIC_REVIEWS}{site.keys.public_key}/site"]
    statuses = set()
    with closing_now(open_sqlite(site.database, site.journal)) as database:
        for web, methods in (
            (web_on(database), ("GET", "HEAD", "POST", "DELETE")),
            (web_on(Watched()), ("GET",)),
        ):
            for path, method in product([*paths, "/nothing", "/a%0a", "/s" + "/" * 40], methods):
                answer = ask(web, path, method)
                statuses.add(answer.status)
                assert answer.headers["x-content-type-options"] == "nosniff", (method, path)
    assert len(paths) >= 23 and statuses >= {200, 401, 404, 405, 503}


def test_head_answers_as_get_does_without_a_body(site: Site) -> None:
    links = site.links(site.keys.private_key, "HEAD-1")
    of_reviews = f"/public/v3/reviews/{site.keys.public_key}/site"
    for path in (links.review, links.unsubscribe, of_reviews, "/healthz", "/nothing", *FIXED):
        head, get = site.request("HEAD", path), site.get(path)
        assert (head.status, head.content) == (get.status, b"") and get.content
        assert head.headers | {"date": ""} == get.headers | {"date": ""}, path


def test_doubled_and_trailing_slashes_make_no_difference(site: Site) -> None:
    of_key = f"/public/v3/reviews/{site.keys.public_key}/site"
    for path in ("/private/v3/orders", "/private/v3/reviews", "/private/v3/stats", of_key, "/healthz"):
        plain = site.get(path)
        assert "application/json" in plain.headers["content-type"]
        for written in (f"/{path}", f"{path}/", path.replace("/", "//") + "//"):
            found = site.get(written)
            assert (found.status, found.content) == (plain.status, plain.content), written


def test_a_link_is_found_as_mail_programs_and_scanners_rewrite_it(site: Site) -> None:
    links = site.links(site.keys.private_key, "LINK-1")
    for link in (links.review, links.unsubscribe):
        start, _, token = link.rpartition("/")
        escaped = f"{start}/%{ord(token[0]):02X}{token[1:]}"
        for written in (f"{link}?utm_source=mail&x=%25", f"/{link}", f"{start}//{token}/", escaped):
            assert site.get(written).status == 200, written


def test_customers_pages_are_kept_by_no_cache_and_the_fixed_ones_are(site: Site) -> None:
    links = site.links(site.keys.private_key, "CACHE-1")
    kept = "public, max-age=3600"
    for path in (
        links.review,
        links.unsubscribe,
        "/healthz",
        "/metrics",
        "/openapi.json",
        "/static/style.css",
    ):
        answer = site.get(path)
        assert answer.headers["cache-control"] == (kept if path in FIXED else "no-store") and is_safe(answer)


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


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/r/1/{NOBODYS}"),
        ("GET", f"/u/1/{NOBODYS}"),
        ("POST", f"/u/1/{NOBODYS}"),
        ("GET", "/healthz"),
        ("GET", "/metrics"),
    ],
)
def test_without_its_store_an_answer_says_come_back(method: str, path: str) -> None:
    answer = ask(web_on(Watched()), path, method)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["cache-control"] == "no-store" and b"disk" not in answer.content
    if path == "/healthz":
        assert json.loads(answer.content) == {"status": "unavailable"}
    elif path == "/metrics":
        assert answer.content == b"the database does not answer\n"
    else:
        assert b"<h1>Back in a moment</h1>" in answer.content


def test_a_catalogue_added_is_a_language_added_from_right_to_left_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = {"There is nothing at this address": ("لا توجد هذه الصفحة",)}
    monkeypatch.setitem(catalogues(), "ar", Catalogue("ar", words))
    page = ask(web_on(Watched()), "/nothing", headers={"Accept-Language": "ar-EG"}).content.decode()
    assert '<html lang="ar" dir="rtl">' in page
    assert f"<h1>{words['There is nothing at this address'][0]}</h1>" in page


def test_a_body_that_nobody_needs_is_not_waited_for(site: Site) -> None:
    links = site.links(site.keys.private_key, "BODY-1")
    request = f"POST {links.unsubscribe} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", site.port), 5) as line:
        line.sendall(request + b"List-Unsubscribe=One-Click")
        assert line.recv(65_536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", ["/metrics%0a", "/metrics%0a/", "/metrics%00", "/healthz%0d", "/docs%0A//"])
def test_a_control_character_is_in_no_address(site: Site, path: str) -> None:
    answer = site.get(path)
    assert answer.status == 404 and b"<h1>There is nothing at this address</h1>" in answer.content


def test_an_address_of_slashes_is_answered_in_a_line(site: Site) -> None:
    for path in ("/s/1" + "/" * 40, "/" * 8_000):
        answer = site.get(path)
        assert (answer.status, answer.content) == (404, b"there is no such address\n")


@pytest.mark.parametrize(
    "end", ["getInfos.php?method=certificateUrl&apiKey=1", "checkToken.php", "x/../y", ""]
)
def test_modules_of_the_older_api_are_answered_nothing_that_they_could_show(site: Site, end: str) -> None:
    path = f"/wp-content/plugins/ag-core/api/{end}"
    for answer in (site.get(path), site.request("POST", path, "apiKey=1"), site.get(f"/{path}")):
        assert (answer.status, answer.content) == (404, b"") and is_safe(answer)
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
