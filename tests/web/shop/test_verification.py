"""The public page of a chain, and the chain to download: what they say, at what cost, and that they stay readable."""

import asyncio
import re
from typing import NamedTuple

import pytest
from structlog.testing import capture_logs

from afterword.domain.reviews.chain import is_signed_by
from afterword.domain.reviews.verification import START, read_entry, read_line
from afterword.store.engine.database import Database, Transaction
from afterword.store.reviews.chain import add_entry, entries_from
from afterword.web.shop import verification
from tests.axe import serious
from tests.browser import Browser
from tests.store.cast import NOW, SIGNER, Customer, Member, MovableClock
from tests.web.asking import Watched, ask, ask_at_once, plain, web_on
from tests.web.conftest import Site
from tests.web.reviewed import Reviewed


class Signed(NamedTuple):
    """A shop with two live reviews and a test one, and the receipt of the first."""

    site: Site
    shop: int
    receipt: str


@pytest.fixture(scope="module")
def reviewed(site: Site) -> Signed:
    shop = Reviewed.new(site, name="Alba & daughters")
    about = shop.member.order("V-1", email="clara@mail.example")
    written = shop.clara.writes(about, text="Very good.")
    shop.clara.reviews(about, 1, 1, text="Stale.")
    shop.review("V-1", live=False)
    assert written.entry
    return Signed(site, shop.shop.id, written.entry.hash)


def test_the_page_says_how_the_chain_stands_and_where_it_ends(reviewed: Signed) -> None:
    site, shop, _ = reviewed
    said = plain(site.get(f"/s/{shop}/verify").content)
    entries = site.read(lambda tx: entries_from(tx, shop, live=True))
    assert "The chain is intact. Entries 5 Most recent entries checked 5 Checked at" in said
    assert entries[-1].hash in said and SIGNER.public_key(shop) in said
    test = plain(site.get(f"/s/{shop}/test/verify").content)
    assert "These are test reviews" in test and "Entries 3" in test


def test_a_receipt_says_what_became_of_the_words(reviewed: Signed) -> None:
    site, shop, receipt = reviewed
    said = {
        receipt: "This is entry 2, of",
        f"%20{receipt.upper()}%0a": "The review is published exactly as it was written.",
        "0" * 64: "No author's entry in this chain has this hash.",
        receipt[1:]: "This is not a receipt",
        "%3Cscript%3E%00": "This is not a receipt",
    }
    for asked, words in said.items():
        assert words in plain(site.get(f"/s/{shop}/verify?receipt={asked}").content), asked
    assert "No author's entry" in plain(site.get(f"/s/{shop}/test/verify?receipt={receipt}").content)
    assert b"<script" not in site.get(f"/s/{shop}/verify?receipt=%3Cscript%3E").content


def test_the_page_speaks_the_readers_language(reviewed: Signed) -> None:
    site, shop, receipt = reviewed
    said = plain(site.get(f"/s/{shop}/verify?lang=fr&receipt={receipt}").content)
    assert "La chaîne est intacte." in said and "L’avis est publié exactement tel qu’il a été écrit." in said
    assert "La chaîne est intacte." in plain(
        site.get(f"/s/{shop}/verify", **{"Accept-Language": "fr"}).content
    )


def test_caches_may_keep_the_page_but_not_what_a_receipt_is_about(reviewed: Signed) -> None:
    site, shop, receipt = reviewed
    page, asked = site.get(f"/s/{shop}/verify"), site.get(f"/s/{shop}/verify?receipt={receipt}")
    test, chain = site.get(f"/s/{shop}/test/verify"), site.get(f"/s/{shop}/chain.jsonl")
    assert page.headers["cache-control"] == "public, max-age=60" and "x-robots-tag" not in page.headers
    for answer in (asked, test, chain):
        assert answer.headers["cache-control"] == "no-store" and answer.headers["x-robots-tag"] == "noindex"
    for answer in (page, asked, test, chain):
        assert answer.headers["content-security-policy"].startswith("default-src 'none';")


def test_a_downloaded_chain_is_whole_and_has_no_word_or_name_in_it(reviewed: Signed) -> None:
    site, shop, receipt = reviewed
    answer = site.get(f"/s/{shop}/chain.jsonl")
    assert answer.headers["content-type"] == "application/jsonl"
    entries = [read_line(line) for line in answer.content.splitlines()]
    at, key = START, SIGNER.public_key(shop)
    for entry in entries:
        assert entry is not None and is_signed_by(entry, key)
        at, found = read_entry(at, entry, {key})
        assert not [each for each in found if each.is_fault]
    assert at.seq == len(entries) == 5 and receipt in {entry.hash for entry in entries if entry}
    assert not re.search(rb"good|stale|clara|nunez|mail|V-1", answer.content, re.IGNORECASE)
    assert len(site.get(f"/s/{shop}/test/chain.jsonl").content.splitlines()) == 3
    head = site.request("HEAD", f"/s/{shop}/chain.jsonl")
    assert (head.status, head.content) == (200, b"")


@pytest.mark.parametrize("path", ["verify", "test/verify", "chain.jsonl", "test/chain.jsonl"])
def test_a_shop_that_is_not_there_has_no_chain(site: Site, path: str) -> None:
    for shop in ("99999", "x", "%C2%B2", "1%2F2", "9" * 30):
        assert site.get(f"/s/{shop}/{path}").status == 404


@pytest.mark.parametrize(("width", "dark"), [(375, False), (375, True), (1000, False), (1000, True)])
def test_the_page_is_legible_and_asks_nobody_else(
    reviewed: Signed, browser: Browser, width: int, dark: bool
) -> None:
    site, shop, receipt = reviewed
    for asked in ("", f"?lang=fr&receipt={receipt}", f"?receipt={'0' * 64}"):
        seen = browser.open(f"{site.url}/s/{shop}/verify{asked}", width=width, dark=dark)
        assert seen.violations == [] and all(url.startswith(f"{site.url}/") for url in seen.requests)
        assert browser.evaluate("document.documentElement.scrollWidth") == width
        assert browser.evaluate("document.scripts.length") == 0
        assert serious(browser) == []


def test_a_receipt_is_checked_without_a_mouse(reviewed: Signed, browser: Browser) -> None:
    site, shop, receipt = reviewed
    browser.open(f"{site.url}/s/{shop}/verify?lang=fr", width=375)
    browser.evaluate(f"document.querySelector('#hash').value = '{receipt}'")
    seen = browser.press("button")
    assert seen.violations == []
    assert "tel qu’il a été écrit" in browser.evaluate("document.querySelector('[role=status]').innerText")


# What it costs, and what it says when something is wrong.


@pytest.fixture
def long_chain(database: Database, alba: Member, clara: Customer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of a chain with more entries than are looked at, in more pages than one."""
    monkeypatch.setattr(verification, "ENTRIES_CHECKED", 40)
    monkeypatch.setattr(verification, "A_PAGE", 20)
    review = clara.reviews(alba.order())

    def work(tx: Transaction) -> None:
        for _ in range(100):
            add_entry(tx, SIGNER, review, "replied", {"commitment": None}, now=NOW)

    database.write_now(work)
    return f"/s/{alba.shop.id}"


@pytest.mark.sqlite
def test_a_view_looks_at_the_end_alone_and_once_for_all_who_come(database: Database, long_chain: str) -> None:
    watched = Watched(database)
    answers = asyncio.run(ask_at_once(web_on(watched), *[f"{long_chain}/verify"] * 20))
    assert {answer.status for answer in answers} == {200} and watched.asked == 20 + 1
    assert len({answer.content for answer in answers}) == 1
    assert b"<dt>Most recent entries checked</dt><dd>40</dd>" in answers[0].content


@pytest.mark.sqlite
def test_a_fault_is_shown_within_a_minute(database: Database, long_chain: str, clock: MovableClock) -> None:
    web = web_on(database, clock)

    async def story() -> list[bytes]:
        pages = []
        for seconds in (0, 59, 1):
            clock.step(seconds)
            pages += await ask_at_once(web, f"{long_chain}/verify")
            database.write_now(lambda tx: tx.run("UPDATE chain SET happened_at = 1 WHERE seq = 90"))
        return [page.content for page in pages]

    *before, after = asyncio.run(story())
    assert all(b"The chain is intact." in page for page in before)
    assert b"Something is wrong." in after
    assert b'<code lang="en">entry 90: its hash is not that of its content</code>' in after


@pytest.mark.sqlite
def test_a_chain_in_pieces_is_still_a_page(database: Database, long_chain: str) -> None:
    for harm in (
        "DELETE FROM chain WHERE seq = 63",
        "DELETE FROM chain WHERE kind = 'key'",
        "UPDATE chain SET details = x'00', happened_at = 'never' WHERE seq > 70",
        "UPDATE chain_heads SET seq = 'odd'",
        "DELETE FROM chain_heads",
        "DELETE FROM chain",
    ):
        database.write_now(lambda tx, harm=harm: tx.run(harm))
        page = ask(web_on(database), f"{long_chain}/verify?receipt={'0' * 64}")
        assert page.status == 200, harm
        assert b"Something is wrong." in page.content or harm.startswith("DELETE FROM chain"), harm


@pytest.mark.sqlite
def test_a_long_chain_is_downloaded_in_pages_up_to_where_it_ended(
    database: Database, long_chain: str
) -> None:
    watched = Watched(database)
    answer = ask(web_on(watched), f"{long_chain}/chain.jsonl")
    entries = [read_line(line) for line in answer.content.splitlines()]
    assert [entry.seq for entry in entries if entry] == [*range(1, 104)]
    assert watched.asked == 2 + 6


@pytest.mark.sqlite
def test_a_download_that_breaks_off_is_told_in_the_log(database: Database, long_chain: str) -> None:
    with capture_logs() as lines, pytest.raises(RuntimeError, match="response already started"):
        ask(web_on(Watched(database, answers=4)), f"{long_chain}/chain.jsonl")
    assert [line["event"] for line in lines] == ["download interrupted"]


def test_a_rejected_review_is_told_on_the_page_of_its_receipt(
    database: Database, alba: Member, clara: Customer
) -> None:
    written = clara.writes(alba.order())
    assert written.entry is not None
    path = f"/s/{alba.shop.id}/verify?receipt={written.entry.hash}"
    alba.rejects(written.review)
    assert b"The review was rejected." in ask(web_on(database), path).content
    alba.executes("UPDATE reviews SET text = 'Other words.'")
    assert b"The review is no longer what was written then." in ask(web_on(database), path).content
