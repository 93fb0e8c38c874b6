"""`/openapi.json` is true: to the contract, to the table of routes, and to what a running server answers."""

import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema_rs
import pytest
from starlette.routing import Route

from afterword.base.errors import StoreUnavailable
from afterword.web import server
from tests.needs import needs, scale
from tests.server import ORDERS, PROJECT, Answer
from tests.web.asking import Watched, ask, web_on
from tests.web.conftest import BODY_LIMIT, SECRET, Site
from tests.web.customer.forms import BOUNDARY, multipart, post
from tests.web.reviewed import PUBLIC, REVIEWS, STATS, Reviewed

JSON = "application/json"
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
READ = "/public/v3/reviews/{public_key}/{scope}"

CONTRACT = """
OrdersForm api_key string mandatory Unique private key for API access
OrdersForm orders string mandatory Orders array (JSON encoded)
Order id_order string mandatory Unique order identifier
Order order_date string mandatory Order date and time in YYYY-MM-DD HH:MM:SS format
Order firstname string mandatory Customer first name
Order lastname string mandatory Customer last name
Order email string mandatory Customer email address
Order reference string optional Unique order reference
Order products array optional Array of ordered products
Product id integer mandatory Unique product identifier
Product name string mandatory Product name
Product category_id string optional Product category identifier
Product category_name string optional Product category name
Product qty integer optional Product quantity in order
Product unit_price number optional Unit product price (tax included)
Product mpn string optional Product MPN code
Product ean13 string optional Product EAN13 code
Product sku string optional Product SKU code
Product upc string optional Product UPC code
Product url string optional Product URL
"""
"""The fields as the published API gives them: schema, name, type, whether it must be there, description."""


@pytest.fixture(scope="session")
def document(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(site.get("/openapi.json").content)
    return found


@pytest.fixture(scope="session")
def send(document: dict[str, Any]) -> dict[str, Any]:
    """The operation that sends orders."""
    found: dict[str, Any] = document["paths"][ORDERS]["post"]
    return found


def resolve(document: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    found: Any = given
    if "$ref" in given:
        found = document
        for name in given["$ref"].split("/")[1:]:
            found = found[name]
    assert isinstance(found, dict)
    return found


# To the contract.


def test_the_fields_are_those_of_the_published_api(document: dict[str, Any]) -> None:
    for line in CONTRACT.strip().splitlines():
        schema_name, name, kind, must, description = line.split(maxsplit=4)
        schema = document["components"]["schemas"][schema_name]
        field = resolve(document, schema["properties"][name])
        kinds = {"number": ["number", "integer"]}.get(str(field["type"]), field["type"])
        assert kind in kinds and (name in schema["required"]) == (must == "mandatory"), name
        assert re.match(rf"{re.escape(description)}($|\. )", field["description"]), name


def test_every_answer_of_the_orders_has_the_four_keys(document: dict[str, Any], send: dict[str, Any]) -> None:
    for status, given in send["responses"].items():
        content = resolve(document, given)["content"]
        schema = resolve(document, content[JSON]["schema"])
        assert content.keys() == {JSON}, status
        assert set(schema["required"]) == {"success", "orders_count", "orders_imported", "message"}, status


# To the table of routes.


OF_PEOPLE = ("/dashboard", "/static/afterword.css", "/static/enhance.js")
"""Pages of people who have signed in, which no program calls: tests/web/dashboard/test_access.py walks them."""


def test_every_route_is_in_the_document_and_the_reverse(site: Site, document: dict[str, Any]) -> None:
    place = server.WebSettings(SECRET, BODY_LIMIT, site.data)
    router = server.build_router(None, lambda: 0.0, place)  # type: ignore[arg-type]
    table = {(server.ORDERS_PATH, "POST"), (READ, "GET"), (READ, "OPTIONS"), (REVIEWS, "GET"), (STATS, "GET")}
    for route in router.routes:
        assert isinstance(route, Route) and route.methods
        if route.path.startswith(OF_PEOPLE):
            continue
        table |= {(route.path.replace(":path", ""), method) for method in route.methods - {"HEAD"}}
    described = {
        (path, method.upper())
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"
    }
    assert described == table
    assert document["servers"] == [{"url": site.url}]


# To what a running server answers.


def send_example(site: Site, media_type: str, value: dict[str, Any], key: str) -> Answer:
    value = value | {"api_key": key}
    if media_type == MULTIPART:
        return post(site, multipart(value), f"{MULTIPART}; boundary={BOUNDARY}")
    return post(site, urlencode(value) if media_type == URLENCODED else json.dumps(value), media_type)


def without_what_varies(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without numbers that the server makes: an invitation's id and time, a request's id, a limit."""
    text = json.dumps(answer)
    text = re.sub(r'"id": \d+, "due_at": "[0-9-]{10}T[0-9:]{8}Z"', '"id": 1, "due_at": ""', text)
    found: dict[str, Any] = json.loads(re.sub(r"[0-9a-f]{32}|\d+ bytes", "N", text))
    return found


def test_each_example_of_orders_gets_the_answer_that_it_says(
    site: Site, document: dict[str, Any], send: dict[str, Any]
) -> None:
    answers = send["responses"]["200"]["content"][JSON]["examples"]
    tried = set()
    for media_type, content in send["requestBody"]["content"].items():
        for name, given in content["examples"].items():
            value = resolve(document, given)["value"]
            key = site.new_shop().private_key
            if name == "already_sent":
                send_example(site, media_type, value, key)
            answer = send_example(site, media_type, value, key)
            assert answer.status == 200
            assert without_what_varies(answer.body) == without_what_varies(answers[name]["value"]), name
            tried.add(name)
    assert tried == answers.keys()


def answer_in_trouble(error: Exception, method: str = "POST", path: str = ORDERS) -> Answer:
    """What a request gets when the store raises this."""
    database = Watched()
    database.error = error
    key = {"api_key": "1/en/0"}
    if method == "POST":
        return ask(web_on(database), path, method, json={**key, "orders": []})
    return ask(web_on(database), path, method, params=key)


def test_every_status_that_can_be_answered_is_in_the_document_with_its_words(
    site: Site, document: dict[str, Any], send: dict[str, Any]
) -> None:
    answers = [
        site.post_orders(None),
        site.post_orders([], key="1/en/0"),
        site.request("PUT", ORDERS),
        post(site, b" " * (BODY_LIMIT + 1), JSON),
        post(site, b"<orders/>", "text/xml"),
        answer_in_trouble(StoreUnavailable("disk I/O error")),
        answer_in_trouble(ZeroDivisionError("ours")),
    ]
    for answer in answers:
        told = resolve(document, send["responses"][str(answer.status)])
        assert without_what_varies(answer.body) == without_what_varies(told["content"][JSON]["example"])
        assert {name.lower() for name in told.get("headers", {})} <= answer.headers.keys(), answer.status
    assert {str(answer.status) for answer in answers} | {"200"} == send["responses"].keys()


@pytest.mark.parametrize("path", [READ, REVIEWS, STATS])
def test_every_status_of_the_reviews_is_in_the_document_with_its_words(
    site: Site, document: dict[str, Any], path: str
) -> None:
    shop = Reviewed.new(site)
    address = path.format(public_key=shop.public_key(), scope="site")
    wrong = {
        READ: f"{PUBLIC}/{'0' * 32}/site",
        REVIEWS: f"{REVIEWS}?api_key=1/en/0",
        STATS: f"{STATS}?api_key=1/en/0",
    }
    answers = [
        site.request("POST", address),
        site.get(wrong[path]),
        answer_in_trouble(StoreUnavailable("disk I/O error"), "GET", address),
        answer_in_trouble(ZeroDivisionError("ours"), "GET", address),
    ]
    if path == READ:
        found = shop.read()
        answers += [found, shop.read(If_None_Match=found.headers["etag"])]
    else:
        wrong_query = {"limit": 1_001} if path == REVIEWS else {"scope": "no"}
        answers += [shop.list(path), shop.list(path, **wrong_query)]
    responses = document["paths"][path]["get"]["responses"]
    for answer in answers:
        told = resolve(document, responses[str(answer.status)])
        assert {name.lower() for name in told.get("headers", {})} <= answer.headers.keys(), answer.status
        if answer.status >= 400:
            said, shown = json.loads(answer.content), told["content"][JSON]["example"]
            assert (said["code"], said["data"]) == (shown["code"], shown["data"])
            assert path == STATS or without_what_varies(said) == without_what_varies(shown)
    assert {str(answer.status) for answer in answers} == responses.keys()


def test_the_examples_of_the_reviews_are_as_their_schemas_say(document: dict[str, Any]) -> None:
    tried = 0
    for path in (READ, REVIEWS, STATS):
        content = document["paths"][path]["get"]["responses"]["200"]["content"][JSON]
        schema = {**content["schema"], "components": document["components"]}
        examples = [each["value"] for each in content.get("examples", {}).values()]
        for example in examples or [content["example"]]:
            jsonschema_rs.validate(schema, example)
            tried += 1
    assert tried == 5


def test_the_commands_of_the_docs_get_the_answers_beside_them(site: Site) -> None:
    needs("curl")
    page = site.get("/docs").content.decode()
    shown = [unescape(found) for found in re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.DOTALL)]
    pairs = [(shown[index], shown[index + 1]) for index, text in enumerate(shown) if text.startswith("curl ")]
    assert len(pairs) == 2
    for command, answer in pairs:
        assert site.url in command and "YOUR_TEST_KEY" in command
        command = command.replace("YOUR_TEST_KEY", site.new_shop().test_key)
        done = subprocess.run(
            ["sh", "-c", f"{command} --silent"], capture_output=True, check=True, timeout=20
        )
        assert without_what_varies(json.loads(done.stdout)) == without_what_varies(json.loads(answer))


# To whatever else is sent.


OF_THE_FORM = """
[[operations]]
include-name = "POST /r/{shop}/{token}"
checks.positive_data_acceptance.enabled = false
"""


def test_whatever_is_sent_the_answer_is_as_the_document_says(site: Site, tmp_path: Path) -> None:
    """Schemathesis with all its checks but one: it expects that wrong data is never answered 200. Here each order
    stands alone, so what is wrong with one is told in the body, and its neighbours are imported (the contract). Nor
    does it expect a form to be sent back: that stars need words, and words stars, no schema says."""
    (tmp_path / "schemathesis.toml").write_text(OF_THE_FORM)
    links = site.links(site.keys.private_key, "FUZZ-1")
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{site.url}/openapi.json", "--no-color"]
    command += ["--exclude-checks=negative_data_rejection", f"--max-examples={80 * scale()}"]
    command += ["--seed=1"] if scale() == 1 else []
    shop = Reviewed.new(site)
    for line in range(3):
        shop.review(f"FUZZ-{line}", line, live=False)
    environment = {
        **os.environ,
        "FUZZ_REVIEW": links.review,
        "FUZZ_UNSUBSCRIBE": links.unsubscribe,
        "FUZZ_KEY": shop.member.shown.test_key,
        "FUZZ_PUBLIC_KEY": shop.public_key(live=False),
        "SCHEMATHESIS_HOOKS": "tests.web.ops.fuzzing",
        "PYTHONPATH": str(PROJECT),
    }
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300 * scale()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    imported = "SELECT count(*) FROM orders WHERE shop_id = :shop_id"
    assert site.read(lambda tx: tx.rows(imported, (shop.member.shop.id,)))[0][0] >= 10, (
        "it hardly got past the door"
    )
