"""Signing in: a link works once, by a press and not by a GET; a session is its owner's, and ends when they say so."""

import asyncio
import re
from urllib.parse import urlsplit

import pytest
from starlette.responses import Response

from afterword.actions.users import MOST_LINKS, link_for, make_owner, send_link
from afterword.base.errors import Refused
from afterword.store.engine.database import Database
from afterword.store.users import LINK_COUNTS_FOR, SESSION_COUNTS_FOR
from afterword.web.dashboard.access import Access
from afterword.web.dashboard.signing_in import MOST_ASKED
from tests.server import Answer
from tests.store.cast import NOW, Member
from tests.store.databases import ask, rows
from tests.web.asking import Watched, ask_at_once, plain, web_on
from tests.web.conftest import SECRET, Site
from tests.web.dashboard.conftest import Signed, clock, cookie_of, press_link, sign_in
from tests.web.reviewed import Reviewed


def link_to(owner: Signed, *, ago: float = 0) -> str:
    """The path of a link for the owner that was made some time ago."""
    email = f"owner{owner.shop.id}@alba.example"
    link = owner.site.write(lambda tx: link_for(tx, email, owner.site.url, SECRET, clock() - ago))
    return urlsplit(link).path.lstrip("/")


def emails_with_links(site: Site) -> list[str]:
    return [each for (each,) in rows(site, "SELECT recipient FROM messages WHERE kind = 'sign_in'")]


def is_asked_to_sign_in(answer: Answer) -> bool:
    return answer.status == 303 and answer.headers["location"].endswith("dashboard/sign-in")


def test_a_link_signs_in_once_and_a_get_leaves_it_as_it_is(owner: Signed) -> None:
    link, nobody = link_to(owner), owner._replace(cookie="")
    for _ in range(3):
        shown = nobody.get(link)
        assert shown.status == 200 and f"owner{owner.shop.id}@alba.example" in plain(shown.content)
        assert "set-cookie" not in shown.headers
    pressed = nobody.press(link)
    assert pressed.status == 303 and cookie_of(pressed)
    assert nobody.press(link).status == 410 and nobody.get(link).status == 410
    assert owner._replace(cookie=cookie_of(pressed)).get("/orders").status == 200


def test_a_link_ends_after_ten_minutes(owner: Signed) -> None:
    nobody = owner._replace(cookie="")
    assert nobody.press(link_to(owner, ago=LINK_COUNTS_FOR - 30)).status == 303
    late = nobody.press(link_to(owner, ago=LINK_COUNTS_FOR + 1))
    assert late.status == 410 and "set-cookie" not in late.headers


@pytest.mark.parametrize("place", [0, 9, 15, 30])
def test_a_forged_link_signs_nobody_in(owner: Signed, place: int) -> None:
    link = link_to(owner)
    token = link.rpartition("/")[2]
    forged = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
    nobody = owner._replace(cookie="")
    for path in (f"dashboard/sign-in/{forged}", "dashboard/sign-in/x", "dashboard/sign-in/" + "A" * 31):
        assert nobody.press(path).status == 404 and nobody.get(path).status == 404


def test_nobody_is_signed_in_by_another_sites_page(owner: Signed) -> None:
    nobody = owner._replace(cookie="")
    link = link_to(owner)
    for site in ("cross-site", "same-site", "none"):
        assert nobody.press(link, site=site).status == 403
    assert nobody.press(link, site="").status == 403
    assert nobody.press(link).status == 303


def test_the_cookie_is_the_browsers_alone(owner: Signed) -> None:
    answer = owner._replace(cookie="").press(link_to(owner))
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(r"session=[\w-]{43}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax", cookie)
    [stored] = rows(owner.site, "SELECT secret FROM sessions ORDER BY session_id DESC LIMIT 1")
    assert cookie_of(answer) not in stored


def test_over_https_no_other_host_can_set_the_cookie(owner: Signed) -> None:
    def cookie(url: str) -> str:
        return Access(Watched(), clock, url).keep(Response(), "token").headers["set-cookie"]  # type: ignore[arg-type]

    assert cookie("https://reviews.example").startswith("__Host-session=token; Path=/;")
    assert cookie("https://reviews.example").endswith("; HttpOnly; SameSite=Lax; Secure")
    assert "Secure" not in cookie("http://127.0.0.1:8000")


def test_a_session_ends_when_its_owner_says_so_and_nobody_ends_anothers(
    owner: Signed, stranger: Signed
) -> None:
    other = press_link(owner.site, owner.shop, "/" + link_to(owner))
    numbers = re.findall(r'name="session" value="(\d+)"', owner.get("dashboard/account").content.decode())
    assert len(numbers) == 2
    for number in numbers:
        assert stranger.press("dashboard/account", session=number).status == 404
    assert other.get("/orders").status == 200
    assert owner.press("dashboard/account", session=max(map(int, numbers))).status == 303
    assert is_asked_to_sign_in(other.get("/orders"))
    left = owner.press("dashboard/sign-out")
    assert left.status == 303 and "session=;" in left.headers["set-cookie"]
    assert is_asked_to_sign_in(owner.get("/orders"))


def test_a_session_lasts_thirty_days_from_its_last_use(owner: Signed) -> None:
    def change(column: str, by: int) -> None:
        owner.site.write(lambda tx: tx.run(f"UPDATE sessions SET {column} = {column} + ({by})"))

    change("used_at", -7_200)
    change("expires_at", -7_200)
    prolonged = owner.get("/orders")
    assert prolonged.status == 200 and cookie_of(prolonged) == owner.cookie
    assert "set-cookie" not in owner.get("/orders").headers
    [(used_at, expires_at)] = rows(
        owner.site, "SELECT used_at, expires_at FROM sessions ORDER BY used_at DESC LIMIT 1"
    )
    assert expires_at - used_at == SESSION_COUNTS_FOR and used_at > clock() - 60
    change("expires_at", -SESSION_COUNTS_FOR)
    assert is_asked_to_sign_in(owner.get("/orders"))


@pytest.mark.parametrize("cookie", ["", "x", "A" * 43, "A" * 5_000, "é" * 43])
def test_without_a_session_every_page_leads_to_the_way_in(owner: Signed, cookie: str) -> None:
    nobody = owner._replace(cookie=cookie.encode().decode("latin-1"))
    for path in ("", "/orders", "/orders/1", "dashboard", "dashboard/account"):
        assert is_asked_to_sign_in(nobody.get(path))


def test_who_has_lost_the_last_role_is_out(reader: Signed) -> None:
    assert reader.get("/orders").status == 200
    reader.site.write(lambda tx: tx.run(f"DELETE FROM roles WHERE of_shop = {reader.shop.id}"))
    assert is_asked_to_sign_in(reader.get("/orders"))


def asks_for_a_link(database: Database, *emails: str) -> list[Answer]:
    """The answers of a server that can send e-mails, one after the other."""
    web = web_on(database, clock)

    async def ask_all() -> list[Answer]:
        answers = []
        for email in emails:
            sent = {"data": {"email": email}, "headers": {"Sec-Fetch-Site": "same-origin"}}
            answers += await ask_at_once(web, "/dashboard/sign-in", method="POST", **sent)
        await asyncio.sleep(0.2)  # the e-mail is arranged after the answer
        return answers

    return asyncio.run(ask_all())


@pytest.mark.sqlite
def test_the_answer_does_not_say_whether_an_address_is_known(database: Database, alba: Member) -> None:
    known, unknown = "owner@alba.example", "nobody@alba.example"
    alba.acts(make_owner, alba.shop, known, NOW)
    answers = asks_for_a_link(database, known, unknown, f" {known.upper()} ")
    said = [re.sub("(?i)(owner|nobody)@alba.example", "ADDRESS", plain(each.content)) for each in answers]
    assert [each.status for each in answers] == [200] * 3 and said[0] == said[1] == said[2]
    assert rows(database, "SELECT recipient, state FROM messages WHERE kind = 'sign_in'") == [
        (known, "scheduled"),
        (known, "scheduled"),
    ]
    [wrong] = asks_for_a_link(database, "not an address <b>")
    assert wrong.status == 422 and b'value="not an address &lt;b&gt;"' in wrong.content


@pytest.mark.sqlite
def test_too_many_requests_from_one_place_wait_a_minute(database: Database, alba: Member) -> None:
    alba.acts(make_owner, alba.shop, "owner@alba.example", NOW)
    answers = asks_for_a_link(database, *["nobody@alba.example"] * MOST_ASKED, "owner@alba.example")
    assert [each.status for each in answers] == [200] * MOST_ASKED + [429]
    assert answers[-1].headers["retry-after"] == "60" and b"in a minute" in answers[-1].content


def test_who_asks_again_and_again_gets_few_emails_and_keeps_links_that_work(owner: Signed) -> None:
    email = f"owner{owner.shop.id}@alba.example"

    def asks() -> bool:
        return owner.site.write(lambda tx: send_link(tx, email, clock()))

    first = link_to(owner)
    assert [asks() for _ in range(MOST_LINKS + 3)].count(True) == MOST_LINKS - 2  # two links were made before
    assert emails_with_links(owner.site).count(email) == MOST_LINKS - 2
    assert owner._replace(cookie="").press(first).status == 303


def test_an_address_of_no_shop_gets_nothing(site: Site) -> None:
    assert not site.write(lambda tx: send_link(tx, "nobody@alba.example", clock()))
    with pytest.raises(Refused, match="no shop has a person with the address"):
        site.write(lambda tx: link_for(tx, "nobody@alba.example", site.url, SECRET, clock()))


def test_one_person_may_serve_many_shops_and_sees_no_other(reviewed: Reviewed, stranger: Signed) -> None:
    site, email = reviewed.site, f"agency{reviewed.shop.id}@agency.example"
    agency = sign_in(site, reviewed.shop, email, "reader")
    assert agency.get("dashboard").headers["location"].endswith(f"dashboard/{reviewed.shop.id}")
    second = Reviewed.new(site)
    agency = sign_in(site, second.shop, email, "moderator")
    page = plain(agency.get("dashboard").content)
    assert reviewed.shop.name in page and second.shop.name in page and stranger.shop.name not in page
    assert agency.of(reviewed.shop).get("/orders").status == agency.get("/orders").status == 200
    assert agency.of(stranger.shop).get("/orders").status == 404
    assert agency._replace(shop=ask(site, lambda tx: reviewed.shop)).get("/orders").status == 200
