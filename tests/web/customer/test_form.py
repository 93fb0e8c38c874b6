"""The customer's form over real HTTP: what it asks, what it keeps, and that one link makes one review."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from afterword.actions.invitations import void_links_of
from afterword.actions.reviews.moderation import answer as reply
from afterword.actions.reviews.moderation import dispute, erase, reject
from afterword.base.errors import ReviewChanged, StoreUnavailable
from afterword.domain.reviews.moderation import REJECTION_REASONS
from afterword.domain.reviews.review import MOST_CHANGES
from afterword.i18n.codes import REASONS_IN_WORDS
from afterword.store.numbers import invitation_ids
from afterword.store.opening import open_sqlite
from afterword.store.shops import change_shop
from afterword.web.server import WebSettings, build_router
from tests.server import Answer
from tests.store.databases import act, closing_now, rows
from tests.store.databases import ask as ask_store
from tests.web.asking import ask
from tests.web.conftest import BODY_LIMIT, NOW, SECRET, Site
from tests.web.customer.conftest import BREAD, HEADERS, ROLLS, Author, new_author, plain, review, typed
from tests.web.customer.forms import FORM, multipart

KIND, GOOD = review(0, 5, "Kind people."), review(1, 4, "Good bread.")
BREADS = [{"id": number, "name": f"Bread {number}"} for number in range(1, 13)]
ZALGO = "g" + "\u0301" * 40 + "ood"


# What it asks.


def test_the_form_says_who_asks_why_and_what_is_shown_of_the_name(site: Site) -> None:
    shop = {"name": "Carla's café", "site": "https://cafe.example/"}
    clara = new_author(site, shop=shop, reference="REF-7")
    page = clara.reads()
    for words in (
        "Carla's café would like to know what you think of your order.",
        "cafe.example",
        "Good or bad, your review is published",
        "Order REF-7 , placed on 1 March 2026",
        "Product Rye bread",
        "Product Seed rolls",
        "This is my own experience, in my own words.",
        "published as Clara N. , with its date and your order date, and nothing else about you.",
        "E-mail me if the shop replies.",
    ):
        assert words in page, words
    content = clara.opens().content.decode()
    assert all(f'href="../../s/{clara.shop.id}#{part}"' in content for part in ("how", "terms"))


@pytest.mark.parametrize("name", [{"lastname": "www.evil.example"}, {"firstname": "@clara"}])
def test_a_name_that_looks_like_an_address_is_not_shown(site: Site, name: dict[str, str]) -> None:
    page = new_author(site, **name).reads()
    assert "published as A customer , with its date" in page and "evil" not in page


def test_a_product_is_asked_about_once_however_many_lines_have_it(site: Site) -> None:
    large = BREAD | {"variant_id": 7, "name": "Rye bread, large"}
    page = new_author(site, BREAD, large, BREAD, ROLLS).opens().content.decode()
    assert re.findall(r'<fieldset class="topic" id="review-(\d)">', page) == ["0", "1", "2", "4"]


def test_an_order_without_products_has_a_form_for_the_shop(site: Site) -> None:
    clara = new_author(site, products=[])
    assert clara.sends(KIND).status == 303 and [*clara.reviews] == [0]


# What is sent.


def test_what_is_sent_is_stored_and_the_page_thanks(clara: Author) -> None:
    kind = review(0, 5, "Kind people.\r\n\r\nCome again.")
    turned = "Good \u202eyllaer\u202c \u2067bread"
    answer = clara.sends(kind, review(1, "", " "), review(2, 2, turned))
    assert (answer.status, answer.headers["location"]) == (303, "?thanks")
    assert {line: (each.rating, each.text, each.state) for line, each in clara.reviews.items()} == {
        0: (5, "Kind people.\n\nCome again.", "published"),
        2: (2, "Good yllaer bread", "published"),
    }
    page = clara.reads("?thanks")
    assert "Thank you!" in page and "Kind people." in page and "Published on" in page
    assert "Review the rest of your order" in page
    assert "Thank you!" not in clara.reads()


def test_emoji_stars_and_five_thousand_characters_are_words(clara: Author) -> None:
    for text in ("🍞", "★★★★★", "👩\u200d👩\u200d👧\u200d👦 \U0001f3f4", "خبز جيد", "é" * 5_000):
        seen = clara.reviews[0].version if clara.reviews else 0
        assert clara.sends(review(0, 5, text, seen)).status == 303
        assert clara.reviews[0].text == text


def test_a_browser_without_multipart_is_understood_too(clara: Author) -> None:
    form = "lived=1&stars-0=5&text-0=Kind%20people."
    assert clara.site.request("POST", clara.links.review, form, {"Content-Type": FORM}).status == 303
    assert clara.reviews[0].text == "Kind people."


def test_the_same_form_sent_again_changes_nothing_but_the_wish_for_a_reply(clara: Author) -> None:
    clara.sends(KIND)
    before = clara.site.rows()
    assert clara.sends(KIND).status == 303
    assert clara.site.rows() == before and not clara.reviews[0].wants_reply
    assert clara.sends(KIND, {"wants_reply": "1"}).status == 303
    assert clara.reviews[0].wants_reply and clara.reviews[0].version == 1


@pytest.mark.parametrize(("live", "mode"), [(True, ""), (False, "/test")])
def test_each_review_has_its_receipt_which_the_page_shows(site: Site, live: bool, mode: str) -> None:
    clara = new_author(site, live=live)
    pages = f'href="../../s/{clara.shop.id}{mode}'
    assert f'{pages}#how"' in clara.opens().content.decode()
    clara.sends(KIND, GOOD)
    page = clara.opens().content.decode()
    assert len(set(re.findall(r"<code>([0-9a-f]{64})</code>", page))) == 2
    assert {each.salt for each in clara.reviews.values()} == set(
        re.findall(r"<code>([0-9a-f]{32})</code>", page)
    )
    assert f"{pages}/verify?receipt=" in page
    assert {each.live for each in clara.reviews.values()} == {live}


def test_of_an_order_with_many_products_ten_are_asked_about_at_once_and_nothing_is_lost(site: Site) -> None:
    clara = new_author(site, *BREADS)
    first = clara.reads()
    assert "Bread 10" in first and "Bread 11" not in first
    more = clara.sends(KIND, review(3, 1, "Mouldy\nbread."), {"more": "10", "from": "0"})
    assert more.status == 200 and clara.reviews == {}
    assert "Bread 10" not in plain(more) and "Bread 11" in plain(more)
    kept = typed(more)
    assert (kept["text-0"], kept["text-3"], kept["lived"]) == ("Kind people.", "Mouldy\nbread.", "1")
    assert clara.sends(kept, review(12, 3, "Fair bread.")).status == 303
    assert [*clara.reviews] == [0, 3, 12]
    assert "Bread 11" in clara.reads("?from=10")
    assert "Bread 11" in clara.reads("?from=9999"), "beyond the end is the last page"
    assert "Bread 10" in clara.reads("?from=x")


def test_what_is_wrong_on_another_page_is_shown_with_this_one(site: Site) -> None:
    clara = new_author(site, *BREADS)
    answer = clara.sends(review(3, "", "Mouldy."), review(12, 5, "Good."), {"from": "10"})
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
        (review(1, 5, "x" * 5_001), "This is too long: the limit is 5,000 characters.", "text-1"),
        (review(1, 5, "Bread! " * 15_000), "This is too long: the limit is 5,000 characters.", "text-1"),
        (review(0, 1, ZALGO), "One letter has more than 8 marks above or below it.", "text-0"),
        (review(0, 1, "Kind\0people"), "Your text contains a character we cannot save.", "text-0"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_every_word_is_kept(
    clara: Author, fields: dict[str, str], says: str, where: str
) -> None:
    fine = review(2, 4, "Fine <rolls> & \"more\"\n\nof 'them'.")
    answer = clara.sends(fields, fine, lived=False)
    page = answer.content.decode()
    assert answer.status == 422 and clara.reviews == {}
    assert says in plain(answer)
    for field in (where, "lived"):
        assert f'<a href="#{field}">' in page and f'id="{field}"' in page
    assert 'aria-describedby="wrong-lived"' in page and 'aria-invalid="true"' in page
    words = {name: value.replace("\0", "\ufffd") for name, value in fields.items() if "text" in name}
    assert (words | fine).items() <= typed(answer).items()


def test_a_form_with_nothing_in_it_is_not_taken(clara: Author) -> None:
    answer = clara.sends()
    assert answer.status == 422 and b'<a href="#stars-0-1">' in answer.content and clara.reviews == {}
    assert "Choose stars and write a few words for the shop or at least one product." in plain(answer)


def test_a_review_that_is_there_is_not_withdrawn_by_emptying_its_fields(clara: Author) -> None:
    clara.sends(KIND)
    answer = clara.sends(review(0, "", "", seen=1))
    assert answer.status == 422 and "or withdraw this review" in plain(answer)
    assert clara.reviews[0].state == "published"


def test_a_form_that_is_too_large_or_no_form_is_refused_with_a_page(clara: Author) -> None:
    answers = [
        clara.sends(review(0, 5, "x" * 2**20)),
        clara.sends(review(0, 5, "x" * 10 * 2**20)),
        clara.sends(KIND, **{"Content-Type": "application/json"}),
        clara.sends(KIND, **{"Content-Type": "multipart/form-data"}),
        clara.sends(KIND, **{"Content-Type": "multipart/form-data; boundary=x"}),
    ]
    assert [answer.status for answer in answers] == [413, 413, 415, 400, 400]
    for answer in answers:
        assert b"<h1>Nothing has been sent yet</h1>" in answer.content
    assert clara.reviews == {}


def test_what_another_sites_page_sends_is_refused(clara: Author) -> None:
    form, kind = multipart({"lived": "1", **KIND}), {"Content-Type": HEADERS["Content-Type"]}
    for theirs in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1.evil.example"},
    ):
        answer = clara.site.request("POST", clara.links.review, form, kind | theirs)
        assert answer.status == 403 and b"another website" in answer.content, theirs
    assert clara.reviews == {}
    for ours in ({}, {"Origin": "null"}, {"Origin": clara.site.url}, {"Sec-Fetch-Site": "none"}):
        assert clara.site.request("POST", clara.links.review, form, kind | ours).status == 303, ours


# Who was quicker.


def test_five_hundred_racing_submissions_of_one_link_are_one_review(clara: Author) -> None:
    texts = ("Kind people.", "Unkind people.")
    with ThreadPoolExecutor(40) as crowd:
        sent = crowd.map(lambda number: clara.sends(review(0, 5, texts[number % 2])).status, range(500))
    answers = [*sent]
    assert [*clara.reviews] == [0] and clara.reviews[0].version == 1
    assert answers.count(303) == answers.count(409) == 250
    values = {"review": clara.reviews[0].id}
    assert rows(clara.site, "SELECT kind FROM messages WHERE review_id = :review", values) == [("receipt",)]
    entries = rows(clara.site, "SELECT kind FROM chain WHERE review_id = :review", values)
    assert sorted(entries) == [("published",), ("written",)]


def test_whoever_was_slower_sees_what_is_there_and_keeps_their_words(clara: Author) -> None:
    clara.sends(KIND)
    unkind = review(0, 1, "Unkind people.", seen=1)
    answer = clara.sends(unkind | {"seen-0": "0"}, GOOD)
    assert answer.status == 409 and [*clara.reviews] == [0]
    assert "The version from the other window: 5 stars: great Kind people." in plain(answer)
    kept = typed(answer)
    assert (unkind | GOOD).items() <= kept.items()
    assert clara.sends(kept).status == 303
    assert clara.reviews[0].text == "Unkind people." and clara.reviews[0].version == 2


# What became of it.


def test_a_change_is_a_new_version_of_which_the_page_shows_the_receipt(clara: Author) -> None:
    clara.sends(KIND)
    first = clara.opens().content
    form = typed(clara.opens("?from=0"))
    assert (KIND | {"seen-0": "1"}).items() <= form.items()
    assert clara.sends(form | {"text-0": "Kind people!"}).status == 303
    found = clara.reviews[0]
    assert (found.version, found.text) == (2, "Kind people!")
    assert found.salt.encode() in clara.opens().content and found.salt.encode() not in first


def test_a_review_that_waits_says_until_when(clara: Author) -> None:
    act(clara.site, change_shop, clara.shop, moderation="by hand")
    clara.sends(KIND)
    page = clara.reads()
    assert "Not published yet" in page
    assert re.search(r"Unless it is rejected, it will be published on \d+ \w+ \d{4} at the latest", page)


def test_a_rejected_review_says_why_and_can_be_sent_again(site: Site) -> None:
    for name in REJECTION_REASONS:
        clara = new_author(site)
        clara.sends(KIND)
        clara.is_moderated(reject, name)
        assert (
            f"Rejected Reason: {REASONS_IN_WORDS[name]} . You can edit it and submit it again."
            in clara.reads()
        )
        assert f"This review was rejected: {REASONS_IN_WORDS[name]} ." in clara.reads("?from=0")
    form = typed(clara.opens("?from=0"))
    assert clara.sends(form | {"text-0": "Legible now."}).status == 303
    assert clara.reviews[0].state == "published"


def test_the_page_shows_the_shops_reply_and_dispute(clara: Author) -> None:
    clara.sends(KIND)
    clara.is_moderated(reply, "We are <sorry>.")
    clara.is_moderated(dispute, "Never here.")
    page = clara.reads()
    assert f"{clara.shop.name} replied on 1 March 2026 : We are <sorry>." in page
    assert f"{clara.shop.name} disputes this review ( 1 March 2026 ): Never here." in page


def test_what_was_erased_is_not_asked_for_again(clara: Author) -> None:
    clara.sends(KIND)
    clara.is_moderated(erase)
    assert "Your words were permanently removed." in clara.reads()
    assert "text-0" not in typed(clara.opens("?from=0"))
    assert clara.sends(KIND, GOOD).status == 303
    assert clara.reviews[0].state == "erased" and clara.reviews[1].text == "Good bread."
    assert clara.sends({"withdraw": "0"}).status == 303 and clara.reviews[0].state == "erased"


def test_a_review_is_withdrawn_by_a_press_of_its_own_and_can_be_written_again(clara: Author) -> None:
    clara.sends(KIND, GOOD)
    before = clara.site.rows()
    assert "Withdraw this review?" in clara.reads("?withdraw=0") and clara.site.rows() == before
    gone = clara.sends({"withdraw": "0"})
    assert (gone.status, gone.headers["location"]) == (303, "?withdrawn")
    assert "Your review is withdrawn." in clara.reads("?withdrawn")
    assert [each.state for each in clara.reviews.values()] == ["withdrawn", "published"]
    before = clara.site.rows()
    assert clara.sends({"withdraw": "0"}).status == clara.sends({"withdraw": "7"}).status == 303
    assert clara.site.rows() == before
    form = typed(clara.opens("?from=0"))
    assert (form["text-0"], form["seen-0"]) == ("", "1")
    assert clara.sends(form | {"stars-0": "3", "text-0": "Fair."}).status == 303
    assert clara.reviews[0].state == "published" and clara.reviews[0].version == 2


def test_after_180_days_a_review_can_be_seen_and_withdrawn_and_not_written(site: Site) -> None:
    clara, late = new_author(site), new_author(site)
    clara.sends(KIND)
    for each in (clara, late):
        each.waits_180_days()
    page = clara.reads("?from=0")
    assert "180 days after our e-mail. That time has passed." in page and "Kind people." in page
    assert "Edit" not in page
    assert "The review period has ended" in late.reads()
    answer = late.sends(review(0, 5, "Too late,\nbut <kind>."))
    assert answer.status == 410 and "but <kind>." in plain(answer) and late.reviews == {}
    assert clara.sends({"withdraw": "0"}).status == 303
    assert clara.reviews[0].state == "withdrawn"


def test_after_twenty_changes_a_day_what_was_typed_is_kept_for_tomorrow(clara: Author) -> None:
    for version in range(MOST_CHANGES + 1):
        assert clara.sends(review(0, 5, f"Version {version}.", seen=version)).status == 303
    last = review(0, 4, "Once more.", seen=MOST_CHANGES + 1)
    answer = clara.sends(last)
    assert answer.status == 429 and "often today" in plain(answer) and last.items() <= typed(answer).items()
    assert clara.reviews[0].text == f"Version {MOST_CHANGES}."
    assert clara.sends(GOOD).status == 303


def test_voided_links_are_unknown_and_the_new_one_opens_the_form(clara: Author) -> None:
    """For a customer whose e-mail came into other hands."""
    clara.sends(KIND)
    number = ask_store(clara.site, invitation_ids).shown(clara.links.order.order_id)
    for _ in range(2):
        old = clara
        link = act(clara.site, void_links_of, number, "https://reviews.example", SECRET)
        clara = clara._replace(
            links=clara.links._replace(review=link.removeprefix("https://reviews.example"))
        )
        for answer in (old.opens(), old.sends(GOOD), old.sends({"withdraw": "0"})):
            assert answer.status == 404
        assert "Kind people." in clara.reads()
    assert clara.sends(review(0, 3, "Fair.", seen=1)).status == 303 and clara.reviews[0].text == "Fair."
    assert clara.site.request("POST", clara.links.unsubscribe).status == 200
    assert clara.site.is_stopped(clara.links)


# A store in trouble.


def answered(clara: Author, form: dict[str, str], error: Exception, *broken: str) -> Answer:
    """What a form is answered while these methods of the database fail."""

    async def fails(work: object) -> None:
        raise error

    with closing_now(open_sqlite(clara.site.database, clara.site.journal)) as database:
        for method in broken:
            setattr(database, method, fails)
        web = build_router(database, lambda: float(NOW), WebSettings(SECRET, BODY_LIMIT, clara.site.data))
        return ask(web, clara.links.review, "POST", headers=HEADERS, content=multipart(form))


@pytest.mark.parametrize("broken", [["write"], ["write", "read"]])
def test_a_store_that_takes_nothing_costs_no_word(clara: Author, broken: list[str]) -> None:
    form = {
        "lived": "1",
        "wants_reply": "1",
        **review(0, 2, "Kind <people>."),
        **review(2, 4, "Good\nrolls."),
    }
    answer = answered(clara, form, StoreUnavailable("disk I/O error"), *broken)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert "still here" in plain(answer) and b"disk" not in answer.content
    assert form.items() <= typed(answer).items()
    assert clara.sends(typed(answer)).status == 303


def test_a_review_that_changes_while_it_is_withdrawn_is_asked_about_again(clara: Author) -> None:
    clara.sends(KIND)
    answer = answered(clara, {"withdraw": "0"}, ReviewChanged(), "write")
    assert answer.status == 409 and "Withdraw this review?" in plain(answer)
