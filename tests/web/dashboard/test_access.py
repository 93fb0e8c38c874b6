"""Every page and button of the dashboard, whichever there are: who is refused, and that nothing changes then."""

import socket
import time
from urllib.parse import urlsplit

import pytest

from afterword.domain.reviews.chain import Signer
from afterword.web.dashboard.access import Button, Page, Question
from afterword.web.dashboard.routes import pages_of
from tests.server import read_answer
from tests.store.databases import rows
from tests.web.asking import Watched, plain
from tests.web.dashboard.conftest import Signed
from tests.web.reviewed import Reviewed

EVERY = pages_of(Watched(), "http://x.example", Signer("0" * 64), None, (), None)  # type: ignore[arg-type]
PAGES = sorted({each.path for each in EVERY if isinstance(each, Page)})
BUTTONS = [each for each in EVERY if isinstance(each, Button)]
QUESTIONS = [each for each in EVERY if isinstance(each, Question)]

each_form = pytest.mark.parametrize("button", [*BUTTONS, *QUESTIONS], ids=lambda form: form.path)
each_button = pytest.mark.parametrize("button", BUTTONS, ids=lambda button: button.path)
each_mode = pytest.mark.parametrize("live", [True, False])


def named(path: str) -> str:
    """The address of a page of things that are there: an order, a review."""
    return path.replace("{order:path}", "1").replace("{review}", "1")


@each_mode
@each_form
def test_a_button_is_refused_without_a_session_across_sites_and_in_another_shop(
    button: Button | Question, live: bool, owner: Signed, stranger: Signed, reviewed: Reviewed
) -> None:
    reviewed.member.order("1", live=live)
    before, path = reviewed.site.rows(), named(button.path)
    nobody = owner._replace(cookie="")
    assert nobody.press(path, live=live).status == 303  # to the way in
    for site in ("cross-site", "same-site", "none", ""):
        assert owner.press(path, live=live, site=site).status == 403
    assert stranger.of(reviewed.shop).press(path, live=live).status == 404
    assert reviewed.site.rows() == before


@each_mode
@each_button
def test_a_button_needs_its_role(
    button: Button, live: bool, reader: Signed, moderator: Signed, reviewed: Reviewed
) -> None:
    lesser = [reader] if button.needs == "moderator" else [reader, moderator]
    assert button.needs != "reader"
    before = reviewed.site.rows()
    for signed in lesser:
        pressed = signed.press(named(button.path), live=live)
        assert pressed.status == 403 and "owner of the shop may do this" in plain(pressed.content)
    assert reviewed.site.rows() == before


@each_mode
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.path)
@pytest.mark.parametrize("wanted", ["1", "clara@nunez.example", "nothing"])
def test_a_question_changes_nothing(
    question: Question, wanted: str, live: bool, owner: Signed, reviewed: Reviewed
) -> None:
    reviewed.member.order("1", live=live)
    before = reviewed.site.rows()
    assert owner.press(question.path, live=live, q=wanted, email=wanted).status < 500
    assert reviewed.site.rows() == before


@each_form
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x" * 200_000, "application/x-www-form-urlencoded", 413),
        (b"a=1&" * 5_000, "application/x-www-form-urlencoded", 400),
        (b"{}", "text/plain", 415),
    ],
)
def test_a_button_takes_no_form_that_is_none(
    button: Button | Question, body: bytes, kind: str, status: int, owner: Signed
) -> None:
    headers = {"Content-Type": kind, "Sec-Fetch-Site": "same-origin"}
    assert owner.request("POST", named(button.path), body.decode(), headers).status == status


@each_form
def test_a_button_takes_any_nonsense_in_its_fields(button: Button | Question, owner: Signed) -> None:
    names = (
        "order",
        "review",
        "version",
        "key",
        "webhook",
        "email",
        "q",
        "sure",
        "keep_for",
        "name",
        "why",
        "do",
        "reason",
        "text",
    )
    fields = dict.fromkeys(names, "\0\ud7ff\U0001f600" + "9" * 40)
    assert owner.press(named(button.path), **fields).status < 500


def test_who_has_lost_the_role_while_the_form_was_on_its_way_does_nothing(
    owner: Signed, reviewed: Reviewed
) -> None:
    body = b"email=accomplice%40x.example&role=owner"
    head = (
        f"POST /{owner.base()}/team HTTP/1.1\r\nHost: {urlsplit(owner.site.url).netloc}\r\n"
        f"Cookie: session={owner.cookie}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", owner.site.port), 20) as line:
        line.sendall(head.encode() + body[:5])
        time.sleep(0.5)
        owner.site.write(lambda tx: tx.run(f"DELETE FROM roles WHERE of_shop = {owner.shop.id}"))
        line.sendall(body[5:])
        assert read_answer(line).startswith(b"HTTP/1.1 303")
    assert rows(reviewed.site, f"SELECT user_id FROM roles WHERE of_shop = {owner.shop.id}") == []


@each_mode
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_those_of_its_shop(path: str, live: bool, owner: Signed, stranger: Signed) -> None:
    answer = owner.get(named(path), live=live)
    assert answer.status == 200 or ("{" in path and answer.status == 404)
    assert stranger.of(owner.shop).get(named(path), live=live).status == 404
    assert answer.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in answer.headers["content-security-policy"] or answer.status == 404
