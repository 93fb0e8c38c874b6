"""The public page of a chain, and the chain to download: what they say, at what cost, and that they stay readable."""

import asyncio
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from afterword.actions.reviews.moderation import reject
from afterword.base.errors import StoreUnavailable
from afterword.domain.reviews.chain import Signer, is_signed_by
from afterword.domain.reviews.verification import START, read_entry, read_line
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.opening import open_sqlite
from afterword.store.orders import order_of
from afterword.store.reviews.chain import add_entry, entries_from
from afterword.web.server import WebSettings, build_router
from afterword.web.shop import verification
from tests.axe import serious
from tests.browser import Browser
from tests.server import Answer
from tests.store.cast import NOW, Member, MovableClock, order
from tests.store.reviews.reviewing import LINES, SIGNER, reviewed_order, write
from tests.web.conftest import SECRET, Site


class Reviewed(NamedTuple):
    """A shop with two live reviews and a test one, and the receipt of the first."""

    site: Site
    shop: int
    receipt: str


@pytest.fixture(scope="module")
def reviewed(site: Site) -> Iterator[Reviewed]:
    shop, keys = site.new_shop(name="Alba & daughters", timezone="Europe/Paris")
    site.links(keys.private_key, "V-1")
    site.links(keys.test_key, "V-1")
    database = open_sqlite(site.database, site.journal)

    def work(tx: Transaction) -> str:
        signer = Signer(SECRET)
        numbers = "SELECT order_id, live FROM orders WHERE shop_id = :shop ORDER BY live DESC"
        (live, _), (test, _) = tx.rows(numbers, {"shop": shop.id})
        about, other = (order_of(tx, shop, number) for number in (live, test))
        assert about and other
        written = write(tx, about, text="Very good.", signer=signer)
        write(tx, about, 1, 1, "Stale.", signer=signer)
        write(tx, other, signer=signer)
        assert written.entry
        return written.entry.hash

    receipt = database.write_now(work)
    database.close_now()
    yield Reviewed(site, shop.id, receipt)


def text(answer: Answer) -> str:
    """What a page says, as one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def test_the_page_says_how_the_chain_stands_and_where_it_ends(reviewed: Reviewed) -> None:
    site, shop, _ = reviewed
    said = text(site.get(f"/s/{shop}/verify"))
    entries = site.read(lambda tx: entries_from(tx, shop, live=True))
    assert "The chain is intact. Entries 5 Most recent entries checked 5 Checked at" in said
    assert entries[-1].hash in said and Signer(SECRET).public_key(shop) in said
    test = text(site.get(f"/s/{shop}/test/verify"))
    assert "These are test reviews" in test and "Entries 3" in test


def test_a_receipt_says_what_became_of_the_words(reviewed: Reviewed) -> None:
    site, shop, receipt = reviewed
    said = {
        receipt: "This is entry 2 , of",
        f"%20{receipt.upper()}%0a": "The review is published exactly as it was written.",
        "0" * 64: "No author's entry in this chain has this hash.",
        receipt[1:]: "This is not a receipt",
        "%3Cscript%3E%00": "This is not a receipt",
    }
    for asked, words in said.items():
        assert words in text(site.get(f"/s/{shop}/verify?receipt={asked}")), asked
    assert "No author's entry" in text(site.get(f"/s/{shop}/test/verify?receipt={receipt}"))
    assert b"<script" not in site.get(f"/s/{shop}/verify?receipt=%3Cscript%3E").content


def test_the_page_speaks_the_readers_language(reviewed: Reviewed) -> None:
    site, shop, receipt = reviewed
    said = text(site.get(f"/s/{shop}/verify?lang=fr&receipt={receipt}"))
    assert "La chaîne est intacte." in said and "L’avis est publié exactement tel qu’il a été écrit." in said
    assert "La chaîne est intacte." in text(site.get(f"/s/{shop}/verify", **{"Accept-Language": "fr"}))


def test_caches_may_keep_the_page_but_not_what_a_receipt_is_about(reviewed: Reviewed) -> None:
    site, shop, receipt = reviewed
    page, asked = site.get(f"/s/{shop}/verify"), site.get(f"/s/{shop}/verify?receipt={receipt}")
    test, chain = site.get(f"/s/{shop}/test/verify"), site.get(f"/s/{shop}/chain.jsonl")
    assert page.headers["cache-control"] == "public, max-age=60" and "x-robots-tag" not in page.headers
    for answer in (asked, test, chain):
        assert answer.headers["cache-control"] == "no-store" and answer.headers["x-robots-tag"] == "noindex"
    for answer in (page, asked, test, chain):
        assert answer.headers["content-security-policy"].startswith("default-src 'none';")


def test_a_downloaded_chain_is_whole_and_has_no_word_or_name_in_it(reviewed: Reviewed) -> None:
    site, shop, receipt = reviewed
    answer = site.get(f"/s/{shop}/chain.jsonl")
    assert answer.headers["content-type"] == "application/jsonl"
    entries = [read_line(line) for line in answer.content.splitlines()]
    at, key = START, Signer(SECRET).public_key(shop)
    for entry in entries:
        assert entry is not None and is_signed_by(entry, key)
        at, found = read_entry(at, entry, {key})
        assert not [each for each in found if each.is_fault]
    assert at.seq == len(entries) == 5 and receipt in {entry.hash for entry in entries if entry}
    assert not re.search(rb"good|stale|clara|n\\u00fa|mail|V-1", answer.content, re.IGNORECASE)
    assert len(site.get(f"/s/{shop}/test/chain.jsonl").content.splitlines()) == 3
    head = site.request("HEAD", f"/s/{shop}/chain.jsonl")
    assert (head.status, head.content) == (200, b"")


@pytest.mark.parametrize("path", ["verify", "test/verify", "chain.jsonl", "test/chain.jsonl"])
def test_a_shop_that_is_not_there_has_no_chain(site: Site, path: str) -> None:
    for shop in ("99999", "x", "%C2%B2", "1%2F2", "9" * 30):
        assert site.get(f"/s/{shop}/{path}").status == 404


@pytest.mark.parametrize(("width", "dark"), [(375, False), (375, True), (1000, False), (1000, True)])
def test_the_page_is_legible_and_asks_nobody_else(
    reviewed: Reviewed, browser: Browser, width: int, dark: bool
) -> None:
    site, shop, receipt = reviewed
    for asked in ("", f"?lang=fr&receipt={receipt}", f"?receipt={'0' * 64}"):
        seen = browser.open(f"{site.url}/s/{shop}/verify{asked}", width=width, dark=dark)
        assert seen.violations == [] and all(url.startswith(f"{site.url}/") for url in seen.requests)
        assert browser.evaluate("document.documentElement.scrollWidth") == width
        assert browser.evaluate("document.scripts.length") == 0
        assert serious(browser) == []


def test_a_receipt_is_checked_without_a_mouse(reviewed: Reviewed, browser: Browser) -> None:
    site, shop, receipt = reviewed
    browser.open(f"{site.url}/s/{shop}/verify?lang=fr", width=375)
    browser.evaluate(f"document.querySelector('#hash').value = '{receipt}'")
    seen = browser.press("button")
    assert seen.violations == []
    assert "tel qu’il a été écrit" in browser.evaluate("document.querySelector('[role=status]').innerText")


# What it costs, and what it says when something is wrong.


class Counting:
    """A database that counts how often its rows are read."""

    def __init__(self, database: EngineDatabase) -> None:
        self._database = database
        self.reads: list[object] = []

    async def read(self, work: object) -> object:
        self.reads.append(work)
        return await self._database.read(work)  # type: ignore[arg-type]


def ask(database: object, clock: MovableClock, folder: Path, *paths: str) -> list[httpx.Response]:
    """Answers to these requests, which come at the same time."""
    web = build_router(database, clock, WebSettings(SECRET, 1, folder))  # type: ignore[arg-type]

    async def asked() -> list[httpx.Response]:
        transport = httpx.ASGITransport(web, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test.example") as client:
            return await asyncio.gather(*(client.get(path) for path in paths))

    return asyncio.run(asked())


@pytest.fixture
def long_chain(database: EngineDatabase, alba: Member, monkeypatch: pytest.MonkeyPatch) -> int:
    """A chain with more entries than are looked at, in more pages than one."""
    monkeypatch.setattr(verification, "ENTRIES_CHECKED", 40)
    monkeypatch.setattr(verification, "A_PAGE", 20)

    def work(tx: Transaction) -> None:
        review = write(tx, reviewed_order(tx, alba, order("A-1", lines=LINES))).review
        for _ in range(100):
            add_entry(tx, SIGNER, review, "replied", {"commitment": None}, now=NOW)

    database.write_now(work)
    return alba.shop.id


@pytest.mark.sqlite
def test_a_view_looks_at_the_end_alone_and_once_for_all_who_come(
    database: EngineDatabase, long_chain: int, tmp_path: Path, clock: MovableClock
) -> None:
    counting = Counting(database)
    answers = ask(counting, clock, tmp_path, *[f"/s/{long_chain}/verify"] * 20)
    assert {answer.status_code for answer in answers} == {200} and len(counting.reads) == 20 + 1
    assert len({answer.text for answer in answers}) == 1
    assert "<dt>Most recent entries checked</dt><dd>40</dd>" in answers[0].text


@pytest.mark.sqlite
def test_a_fault_is_shown_within_a_minute(
    database: EngineDatabase, long_chain: int, tmp_path: Path, clock: MovableClock
) -> None:
    pages = verification.VerificationPages(database, clock)
    shop = asyncio.run(pages._database.read(lambda tx: verification.find_shop(tx, str(long_chain))))
    assert shop is not None

    async def look() -> int:
        return len((await pages._check(shop, True)).faults)

    async def story() -> list[int]:
        first = await look()
        database.write_now(lambda tx: tx.run("UPDATE chain SET happened_at = 1 WHERE seq = 90"))
        clock.step(59)
        second = await look()
        clock.step(1)
        return [first, second, await look()]

    assert asyncio.run(story()) == [0, 0, 1]
    [page] = ask(database, clock, tmp_path, f"/s/{long_chain}/verify")
    assert "Something is wrong." in page.text
    assert '<code lang="en">entry 90: its hash is not that of its content</code>' in page.text


@pytest.mark.sqlite
def test_a_chain_in_pieces_is_still_a_page(
    database: EngineDatabase, long_chain: int, tmp_path: Path, clock: MovableClock
) -> None:
    for harm in (
        "DELETE FROM chain WHERE seq = 63",
        "DELETE FROM chain WHERE kind = 'key'",
        "UPDATE chain SET details = x'00', happened_at = 'never' WHERE seq > 70",
        "UPDATE chain_heads SET seq = 'odd'",
        "DELETE FROM chain_heads",
        "DELETE FROM chain",
    ):
        database.write_now(lambda tx, harm=harm: tx.run(harm))
        [page] = ask(database, clock, tmp_path, f"/s/{long_chain}/verify?receipt={'0' * 64}")
        assert page.status_code == 200, harm
        assert "Something is wrong." in page.text or harm.startswith("DELETE FROM chain"), harm


@pytest.mark.sqlite
def test_a_long_chain_is_downloaded_in_pages_up_to_where_it_ended(
    database: EngineDatabase, long_chain: int, tmp_path: Path, clock: MovableClock
) -> None:
    counting = Counting(database)
    [answer] = ask(counting, clock, tmp_path, f"/s/{long_chain}/chain.jsonl")
    assert [entry.seq for line in answer.iter_lines() if (entry := read_line(line.encode()))] == [
        *range(1, 104)
    ]
    assert len(counting.reads) == 2 + 6


class Failing(Counting):
    """A database that fails in the midst of a download."""

    async def read(self, work: object) -> object:
        if len(self.reads) == 4:
            raise StoreUnavailable("disk I/O error")
        return await super().read(work)


@pytest.mark.sqlite
def test_a_download_that_breaks_off_is_told_in_the_log(
    database: EngineDatabase,
    long_chain: int,
    tmp_path: Path,
    clock: MovableClock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Exception, match=r"already started|I/O"):
        web = build_router(Failing(database), clock, WebSettings(SECRET, 1, tmp_path))  # type: ignore[arg-type]

        async def asked() -> None:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://t") as client:
                await client.get(f"/s/{long_chain}/chain.jsonl")

        asyncio.run(asked())
    told = capsys.readouterr()
    assert "download interrupted" in told.err + told.out


def test_a_rejected_review_is_told_on_the_page_of_its_receipt(
    database: EngineDatabase, alba: Member, tmp_path: Path, clock: MovableClock
) -> None:
    written = database.write_now(lambda tx: write(tx, reviewed_order(tx, alba, order("A-2"))))
    assert written.entry is not None
    path = f"/s/{alba.shop.id}/verify?receipt={written.entry.hash}"
    database.write_now(lambda tx: reject(tx, written.review, "abuse", SIGNER, NOW))
    assert "The review was rejected." in ask(database, clock, tmp_path, path)[0].text
    database.write_now(lambda tx: tx.run("UPDATE reviews SET text = 'Other words.'"))
    assert "The review is no longer what was written then." in ask(database, clock, tmp_path, path)[0].text
