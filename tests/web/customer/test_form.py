"""The customer's form over real HTTP: what it asks, what it keeps, and that one link makes one review."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from afterword.actions.reviews.moderation import answer as reply
from afterword.actions.reviews.moderation import dispute, erase, reject
from afterword.base.errors import StoreUnavailable
from afterword.domain.reviews.moderation import REJECTION_REASONS
from afterword.i18n.codes import REASONS_IN_WORDS
from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.journal.place import send_journal
from afterword.store.shops import change_shop
from afterword.web.server import WebSettings, build_router
from tests.server import Answer
from tests.store.databases import act, rows
from tests.web.conftest import BODY_LIMIT, SECRET, Links, Site
from tests.web.customer.forms import FORM, multipart
from tests.web.customer.reviewing import (
    BREAD,
    HEADERS,
    ROLLS,
    moderate,
    plain,
    review,
    send,
    typed,
    wait_180_days,
    written,
)

ZALGO = "g" + "\u0301" * 40 + "ood"


def new_links(site: Site, id_order: str, *products: dict[str, Any], **changes: Any) -> Links:
    """The links of an order at a bakery of its own, where nobody has written the same words before."""
    _, keys = site.new_shop(name=f"Bakery of {id_order}")
    return site.links(keys.private_key, id_order, products=[*(products or (BREAD, ROLLS))], **changes)


# What it asks.


def test_the_form_says_who_asks_why_and_what_is_shown_of_the_name(site: Site) -> None:
    _, keys = site.new_shop(name="Carla's café", site="https://cafe.example/")
    links = site.links(keys.private_key, "F-1", products=[BREAD, ROLLS])
    page = plain(site.get(links.review))
    for words in (
        "Carla's café would like to know what you think of your order.",
        "cafe.example",
        "Good or bad, your review is published",
        "Order F-1 , placed on 1 March 2026",
        "Product Rye bread",
        "Product Seed rolls",
        "This is my own experience, in my own words.",
        "published as Clara N. , with its date and your order date, and nothing else about you.",
        "E-mail me if the shop replies.",
    ):
        assert words in page, words
    shop = links.review.split("/")[2]
    content = site.get(links.review).content.decode()
    assert f'href="../../s/{shop}#how"' in content and f'href="../../s/{shop}#terms"' in content


@pytest.mark.parametrize("name", [{"lastname": "www.evil.example"}, {"firstname": "@clara"}])
def test_a_name_that_looks_like_an_address_is_not_shown(site: Site, name: dict[str, str]) -> None:
    links = new_links(site, f"F-2-{[*name]}", **name)
    page = plain(site.get(links.review))
    assert "published without a name" in page and "evil" not in page


def test_a_product_is_asked_about_once_however_many_lines_have_it(site: Site) -> None:
    twice = {"id": 100, "name": "Rye bread"}
    large = twice | {"variant_id": 7, "name": "Rye bread, large"}
    page = site.get(new_links(site, "F-3", twice, large, twice, ROLLS).review).content.decode()
    assert re.findall(r'<fieldset class="topic" id="review-(\d)">', page) == ["0", "1", "2", "4"]


def test_an_order_without_products_has_a_form_for_the_shop(site: Site) -> None:
    links = site.links(site.keys.private_key, "F-4", products=[])
    assert send(site, links, review(0, 4, "Kind people.")).status == 303
    assert [*written(site, links)] == [0]


# What is sent.


def test_what_is_sent_is_stored_and_the_page_thanks(site: Site) -> None:
    links = new_links(site, "S-1")
    answer = send(
        site,
        links,
        review(0, 5, "Kind people.\r\n\r\nCome again."),
        review(1, "", " "),
        review(2, 2, "Stale."),
    )
    assert (answer.status, answer.headers["location"]) == (303, "?thanks")
    found = written(site, links)
    assert {line: (each.rating, each.text, each.state) for line, each in found.items()} == {
        0: (5, "Kind people.\n\nCome again.", "published"),
        2: (2, "Stale.", "published"),
    }
    page = plain(site.get(links.review + "?thanks"))
    assert "Thank you!" in page and "Kind people." in page and "Published on" in page
    assert "Review the rest of your order" in page
    assert "Thank you!" not in plain(site.get(links.review))


def test_a_browser_without_multipart_is_understood_too(site: Site) -> None:
    links = new_links(site, "S-2")
    answer = site.request(
        "POST", links.review, "lived=1&stars-0=5&text-0=Kind%20people.", {"Content-Type": FORM}
    )
    assert answer.status == 303 and written(site, links)[0].text == "Kind people."


def test_the_same_form_sent_again_changes_nothing_but_the_wish_for_a_reply(site: Site) -> None:
    links = new_links(site, "S-3")
    fields = review(0, 5, "Kind people.")
    send(site, links, fields)
    before = site.rows()
    assert send(site, links, fields).status == 303
    assert site.rows() == before and not written(site, links)[0].wants_reply
    assert send(site, links, fields, {"wants_reply": "1"}).status == 303
    assert written(site, links)[0].wants_reply and written(site, links)[0].version == 1


def test_each_review_has_its_receipt_which_the_page_shows(site: Site) -> None:
    links = new_links(site, "S-4")
    send(site, links, review(0, 5, "Kind people."), review(1, 4, "Good bread."))
    page = site.get(links.review).content.decode()
    assert len(set(re.findall(r"<code>([0-9a-f]{64})</code>", page))) == 2
    assert {each.salt for each in written(site, links).values()} == set(
        re.findall(r"<code>([0-9a-f]{32})</code>", page)
    )
    assert f'href="../../s/{links.review.split("/")[2]}/verify?receipt=' in page


def test_of_a_test_order_the_pages_are_those_of_test_reviews(site: Site) -> None:
    shop, keys = site.new_shop(name="Bakery of tests")
    links = site.links(keys.test_key, "S-4", products=[BREAD])
    assert f'href="../../s/{shop.id}/test#how"' in site.get(links.review).content.decode()
    send(site, links, review(0, 5, "Kind people."))
    assert not written(site, links)[0].live
    assert f'href="../../s/{shop.id}/test/verify?receipt=' in site.get(links.review).content.decode()


def test_of_an_order_with_many_products_ten_are_asked_about_at_once_and_nothing_is_lost(site: Site) -> None:
    links = new_links(site, "S-5", *({"id": number, "name": f"Bread {number}"} for number in range(1, 13)))
    first = site.get(links.review)
    assert "Bread 10" in plain(first) and "Bread 11" not in plain(first)
    more = send(
        site,
        links,
        review(0, 5, "Kind people."),
        review(3, 1, "Mouldy\nbread."),
        {"more": "10", "from": "0"},
    )
    assert more.status == 200 and written(site, links) == {}
    assert "Bread 10" not in plain(more) and "Bread 11" in plain(more)
    kept = typed(more)
    assert (kept["text-0"], kept["text-3"], kept["lived"]) == (
        "Kind people.",
        "Mouldy\r\nbread.".replace("\r", ""),
        "1",
    )
    kept |= review(12, 3, "Fair bread.")
    assert send(site, links, {name: value for name, value in kept.items() if name != "more"}).status == 303
    assert [*written(site, links)] == [0, 3, 12]
    assert "Bread 11" in plain(site.get(links.review + "?from=10"))
    assert "Bread 11" in plain(site.get(links.review + "?from=9999")), "beyond the end is the last page"
    assert "Bread 10" in plain(site.get(links.review + "?from=x"))


def test_what_is_wrong_on_another_page_is_shown_with_this_one(site: Site) -> None:
    links = new_links(site, "S-6", *({"id": number, "name": f"Bread {number}"} for number in range(1, 13)))
    answer = send(site, links, review(3, "", "Mouldy."), review(12, 5, "Good."), {"from": "10"})
    assert answer.status == 422 and "Bread 3 – Choose 1 to 5 stars." in plain(answer)
    assert typed(answer)["text-3"] == "Mouldy." and typed(answer)["text-12"] == "Good."


# What is wrong.


@pytest.mark.parametrize(
    ("fields", "says", "where"),
    [
        (review(0, "", "Kind people."), "Choose 1 to 5 stars.", "stars-0-1"),
        (review(0, 9, "Kind people."), "Choose 1 to 5 stars.", "stars-0-1"),
        (review(1, 5, ""), "Write a few words.", "text-1"),
        (review(1, 5, "\u200b \u00a0"), "Write a few words.", "text-1"),
        (review(1, 5, "x" * 5_001), "at most 5,000 characters", "text-1"),
        (review(1, 5, "Bread! " * 15_000), "at most 5,000 characters", "text-1"),
        (review(0, 1, ZALGO), "too many marks", "text-0"),
        (review(0, 1, "Kind\0people"), "a sign in this text that is no writing", "text-0"),
        ({}, "to one product at least", "stars-0-1"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_every_word_is_kept(
    site: Site, fields: dict[str, str], says: str, where: str
) -> None:
    links = new_links(site, f"W-{says}-{len(str(fields))}")
    answer = send(site, links, fields, review(2, 4, "Fine <rolls> & \"more\"\n\nof 'them'."), lived=False)
    if not fields:
        answer = send(site, links)
    page = answer.content.decode()
    assert answer.status == 422 and written(site, links) == {}
    assert says in plain(answer) and f'<a href="#{where}">' in page and f'id="{where}"' in page
    kept = typed(answer)
    if fields:
        assert kept["text-2"] == "Fine <rolls> & \"more\"\n\nof 'them'." and kept["stars-2"] == "4"
        assert {
            name: value.replace("\0", "\ufffd") for name, value in fields.items() if "text" in name
        }.items() <= kept.items()
        assert '<a href="#lived">' in page and 'aria-describedby="wrong-lived"' in page
        assert 'aria-invalid="true"' in page


def test_turned_directions_are_taken_out_and_the_rest_is_kept(site: Site) -> None:
    links = new_links(site, "W-9")
    assert send(site, links, review(0, 3, "Good \u202eyllaer\u202c \u2067bread")).status == 303
    assert written(site, links)[0].text == "Good yllaer bread"


def test_a_review_that_is_there_is_not_withdrawn_by_emptying_its_fields(site: Site) -> None:
    links = new_links(site, "W-10")
    send(site, links, review(0, 5, "Kind people."))
    answer = send(site, links, review(0, "", "", seen=1))
    assert answer.status == 422 and "or withdraw this review" in plain(answer)
    assert written(site, links)[0].state == "published"


def test_a_form_that_is_too_large_or_no_form_is_refused_with_a_page(site: Site) -> None:
    links = new_links(site, "W-11")
    answers = [
        send(site, links, review(0, 5, "x" * 2**20)),
        send(site, links, review(0, 5, "x" * 10 * 2**20)),
        site.request("POST", links.review, b"{}", {"Content-Type": "application/json"}),
        site.request("POST", links.review, b"--x\r\nnothing", {"Content-Type": "multipart/form-data"}),
        site.request("POST", links.review, b"a", {"Content-Type": "multipart/form-data; boundary=x"}),
    ]
    assert [answer.status for answer in answers] == [413, 413, 415, 400, 400]
    for answer in answers:
        assert b"<h1>Nothing has been sent yet</h1>" in answer.content
    assert written(site, links) == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1.evil.example"},
    ],
)
def test_what_another_sites_page_sends_is_refused(site: Site, headers: dict[str, str]) -> None:
    links = new_links(site, f"X-{headers}")
    own = {name: value for name, value in HEADERS.items() if name == "Content-Type"}
    form = multipart({"lived": "1", **review(0, 1, "Forged.")})
    answer = site.request("POST", links.review, form, own | headers)
    assert answer.status == 403 and b"another website" in answer.content and written(site, links) == {}
    for ours in ({}, {"Origin": "null"}, {"Origin": site.url}, {"Sec-Fetch-Site": "none"}):
        assert site.request("POST", links.review, form, own | ours).status == 303


def test_nobodys_link_writes_nothing(site: Site) -> None:
    _, bruno = site.new_shop()
    links, other = new_links(site, "X-9"), site.links(bruno.private_key, "X-9")
    token, shop = links.review.rpartition("/")[2], other.review.split("/")[2]
    before = site.rows()
    for path in (f"/r/{shop}/{token}", links.review[:-1] + "-", links.unsubscribe.replace("/u/", "/r/")):
        assert send(site, links._replace(review=path), review(0, 1, "Forged.")).status == 404
    assert site.rows() == before


# Who was quicker.


def test_five_hundred_racing_submissions_of_one_link_are_one_review(site: Site) -> None:
    links = new_links(site, "R-1")
    texts = ("Kind people.", "Unkind people.")
    with ThreadPoolExecutor(40) as crowd:
        answers = list(
            crowd.map(lambda number: send(site, links, review(0, 5, texts[number % 2])).status, range(500))
        )
    found = written(site, links)
    assert [*found] == [0] and found[0].version == 1
    assert answers.count(303) == answers.count(409) == 250
    values = {"review": found[0].id}
    assert rows(site, "SELECT kind FROM messages WHERE review_id = :review", values) == [("receipt",)]
    entries = rows(site, "SELECT kind FROM chain WHERE review_id = :review", values)
    assert sorted(entries) == [("published",), ("written",)]


def test_whoever_was_slower_sees_what_is_there_and_keeps_their_words(site: Site) -> None:
    links = new_links(site, "R-2")
    send(site, links, review(0, 5, "Kind people."))
    answer = send(site, links, review(0, 1, "Unkind people."), review(1, 4, "Good bread."))
    assert answer.status == 409 and [*written(site, links)] == [0]
    assert "The version from the other window: 5 stars: great Kind people." in plain(answer)
    kept = typed(answer)
    assert (kept["text-0"], kept["stars-0"], kept["seen-0"], kept["text-1"]) == (
        "Unkind people.",
        "1",
        "1",
        "Good bread.",
    )
    assert send(site, links, kept).status == 303
    assert written(site, links)[0].text == "Unkind people." and written(site, links)[0].version == 2


# What became of it.


def test_a_change_is_a_new_version_of_which_the_page_shows_the_receipt(site: Site) -> None:
    links = new_links(site, "C-1")
    send(site, links, review(0, 5, "Kind people."))
    first = site.get(links.review).content
    form = typed(site.get(links.review + "?from=0"))
    assert (form["text-0"], form["stars-0"], form["seen-0"]) == ("Kind people.", "5", "1")
    assert send(site, links, form | {"text-0": "Kind people!"}).status == 303
    found = written(site, links)[0]
    assert (found.version, found.text) == (2, "Kind people!")
    page = site.get(links.review).content
    assert found.salt.encode() in page and found.salt.encode() not in first


def test_a_review_that_waits_says_until_when(site: Site) -> None:
    shop, keys = site.new_shop()
    act(site, change_shop, shop, moderation="by hand")
    links = site.links(keys.private_key, "C-2")
    send(site, links, review(0, 5, "Kind people."))
    page = plain(site.get(links.review))
    assert "Not published yet" in page and re.search(
        r"Unless it is rejected, it will be published on \d+ \w+ \d{4} at the latest", page
    )


def test_a_rejected_review_says_why_and_can_be_sent_again(site: Site) -> None:
    for name in REJECTION_REASONS:
        links = new_links(site, f"C-3-{name}")
        send(site, links, review(0, 5, f"Kind people, {name}."))
        moderate(site, links, reject, name)
        page = plain(site.get(links.review))
        assert f"Rejected Reason: {REASONS_IN_WORDS[name]} . You can edit it and submit it again." in page
    form = typed(site.get(links.review + "?from=0#review-0"))
    assert "This review was rejected: unreadable ." in plain(site.get(links.review + "?from=0"))
    assert send(site, links, form | {"text-0": "Legible now."}).status == 303
    assert written(site, links)[0].state == "published"


def test_the_page_shows_the_shops_reply_and_dispute(site: Site) -> None:
    links = new_links(site, "C-4")
    send(site, links, review(0, 2, "Unkind people."))
    moderate(site, links, reply, "We are <sorry>.")
    moderate(site, links, dispute, "Never here.")
    page = plain(site.get(links.review))
    assert "Bakery of C-4 replied on 1 March 2026 : We are <sorry>." in page
    assert "Bakery of C-4 disputes this review ( 1 March 2026 ): Never here." in page


def test_what_was_erased_is_not_asked_for_again(site: Site) -> None:
    links = new_links(site, "C-5")
    send(site, links, review(0, 2, "Unkind people."))
    moderate(site, links, erase)
    assert "Your words were permanently removed." in plain(site.get(links.review))
    assert "text-0" not in typed(site.get(links.review + "?from=0"))
    assert send(site, links, review(0, 5, "Again."), review(1, 5, "Good bread.")).status == 303
    assert written(site, links)[0].state == "erased" and written(site, links)[1].text == "Good bread."
    assert send(site, links, {"withdraw": "0"}).status == 303 and written(site, links)[0].state == "erased"


def test_a_review_is_withdrawn_by_a_press_of_its_own_and_can_be_written_again(site: Site) -> None:
    links = new_links(site, "C-6")
    send(site, links, review(0, 2, "Unkind people."), review(1, 5, "Good bread."))
    before = site.rows()
    question = site.get(links.review + "?withdraw=0")
    assert "Withdraw this review?" in plain(question) and site.rows() == before
    gone = send(site, links, {"withdraw": "0"})
    assert (gone.status, gone.headers["location"]) == (303, "?withdrawn")
    assert "Your review is withdrawn." in plain(site.get(links.review + "?withdrawn"))
    assert {line: each.state for line, each in written(site, links).items()} == {
        0: "withdrawn",
        1: "published",
    }
    before = site.rows()
    assert send(site, links, {"withdraw": "0"}).status == send(site, links, {"withdraw": "7"}).status == 303
    assert site.rows() == before
    form = typed(site.get(links.review + "?from=0"))
    assert (form["text-0"], form["seen-0"]) == ("", "1")
    assert send(site, links, form | {"stars-0": "3", "text-0": "Fair."}).status == 303
    assert written(site, links)[0].state == "published" and written(site, links)[0].version == 2


def test_after_180_days_a_review_can_be_seen_and_withdrawn_and_not_written(site: Site) -> None:
    links, late = new_links(site, "C-7"), new_links(site, "C-8")
    send(site, links, review(0, 2, "Unkind people."))
    for each in (links, late):
        wait_180_days(site, each)
    page = plain(site.get(links.review + "?from=0"))
    assert "180 days after our e-mail. That time has passed." in page and "Unkind people." in page
    assert "Edit" not in page
    assert "The review period has ended" in plain(site.get(late.review))
    answer = send(site, late, review(0, 5, "Too late,\nbut <kind>."))
    assert answer.status == 410 and "but <kind>." in plain(answer) and written(site, late) == {}
    assert send(site, links, {"withdraw": "0"}).status == 303
    assert written(site, links)[0].state == "withdrawn"


# A store in trouble.


class FailingDatabase(SqliteDatabase):
    """A real one that can be read, until `is_silent`, and not written to."""

    is_silent = False

    async def read(self, work: Any) -> Any:
        if self.is_silent:
            raise StoreUnavailable("disk I/O error")
        return await super().read(work)

    async def write(self, work: Any) -> Any:
        raise StoreUnavailable("disk I/O error")


@pytest.fixture
def failing(site: Site) -> Iterator[FailingDatabase]:
    database = FailingDatabase(site.database, send_journal(site.journal))
    yield database
    database.close_now()


def test_a_store_that_takes_nothing_costs_no_word(site: Site, failing: FailingDatabase) -> None:
    links = new_links(site, "T-1")
    form = {
        "lived": "1",
        "wants_reply": "1",
        **review(0, 2, "Kind <people>."),
        **review(2, 4, "Good\nrolls."),
    }
    web = build_router(failing, lambda: 1_772_374_400.0, WebSettings(SECRET, BODY_LIMIT, site.data, site.url))

    async def post() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url=site.url) as client:
            return await client.post(links.review, content=multipart(form), headers=HEADERS)

    for failing.is_silent in (False, True):
        found = asyncio.run(post())
        assert (found.status_code, found.headers["retry-after"]) == (503, "5")
        answer = Answer(503, {}, found.content)
        assert "still here" in plain(answer) and "disk" not in found.text
        kept = typed(answer)
        assert kept["text-0"] == "Kind <people>." and kept["text-2"] == "Good\nrolls.", failing.is_silent
        assert form.items() <= kept.items()
        links = links if failing.is_silent else new_links(site, "T-2")
    assert send(site, links, kept).status == 303
