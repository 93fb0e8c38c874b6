"""The queue of reviews that wait, and what a moderator decides."""

import re
from html import unescape
from typing import Any

import pytest

from afterword.domain.reviews.checks.flags import FLAGS, Checked
from afterword.domain.reviews.moderation import REJECTION_REASONS
from afterword.domain.reviews.review import Review
from afterword.web.dashboard.moderation import FOUND, MOST_WAITING_SHOWN, REJECTIONS
from tests.server import Answer
from tests.store.cast import NOW, phone_number_found
from tests.web.asking import plain
from tests.web.dashboard.conftest import Signed
from tests.web.reviewed import HOSTILE, Reviewed

WORST = ("<script>alert(1)</script>", "<mark>marked</mark>", '"><form action="/evil">', *HOSTILE)


def waiting(reviewed: Reviewed, id_order: str, **said: Any) -> Review:
    review = reviewed.review(id_order, **{"look": phone_number_found} | said)
    assert review.state == "waiting"
    return review


def decides(client: Signed, review: Review, do: str = "publish", **fields: object) -> Answer:
    sent: dict[str, Any] = {"review": review.id, "version": review.version, "do": do} | fields
    return client.press("/moderation", **sent)


def now(reviewed: Reviewed, review: Review) -> Review:
    return reviewed.member.finds(review)


def main_of(answer: Answer) -> str:
    assert answer.status == 200, answer
    return answer.content.decode().partition("<main")[2].partition("</main>")[0]


def test_every_flag_and_every_reason_has_words() -> None:
    assert set(FOUND) == set(FLAGS)
    assert tuple(code for code, _ in REJECTIONS) == REJECTION_REASONS


def test_nothing_waits_at_first(owner: Signed, reviewed: Reviewed) -> None:
    reviewed.review("A-1")
    page = plain(owner.get("/moderation").content)
    assert "Nothing is waiting" in page and "Everything else is published at once" in page


def test_the_oldest_review_comes_first_and_each_can_be_chosen(owner: Signed, reviewed: Reviewed) -> None:
    second = waiting(reviewed, "A-2", now=NOW + 10)
    first = waiting(reviewed, "A-1", now=NOW)
    elsewhere = waiting(reviewed, "A-3", live=False)
    page = main_of(owner.get("/moderation"))
    assert "2 reviews are waiting" in page and "orders/A-1" in page
    assert [int(each) for each in re.findall(r'<li><a href="\?review=(\d+)"', page)] == [first.id, second.id]
    assert f'<input type="hidden" name="review" value="{first.id}">' in page
    assert f'<input type="hidden" name="version" value="{first.version}">' in page
    assert f'href="?review={second.id}" accesskey="j"' in page
    chosen = main_of(owner.get(f"/moderation?review={second.id}"))
    assert "About A-2." in chosen and "orders/A-2" in chosen and "About A-1." not in chosen
    assert f'href="?review={first.id}" accesskey="k"' in chosen
    assert 'accesskey="j"' not in chosen
    for unknown in (1, elsewhere.id, "x", "9" * 30):
        assert main_of(owner.get(f"/moderation?review={unknown}")) == page


def test_a_review_beyond_the_list_can_be_chosen(owner: Signed, reviewed: Reviewed) -> None:
    each = [waiting(reviewed, f"A-{n}", now=NOW + n) for n in range(MOST_WAITING_SHOWN + 1)]
    page = main_of(owner.get(f"/moderation?review={each[-1].id}"))
    assert f"About A-{MOST_WAITING_SHOWN}." in page and f"{len(each)} reviews are waiting" in page
    assert page.count("<li><a ") == MOST_WAITING_SHOWN


def test_the_stars_of_a_waiting_review_are_nowhere_on_the_page(owner: Signed, reviewed: Reviewed) -> None:
    review = waiting(reviewed, "A-1", rating=1)
    waiting(reviewed, "A-2", rating=1, now=NOW + 1)
    page = owner.get("/moderation").content
    assert b"out of 5" not in page and b'class="stars' not in page
    reviewed.member.executes("UPDATE reviews SET rating = 5 WHERE shop_id = ?", (reviewed.shop.id,))
    assert owner.get("/moderation").content == page
    assert owner.get(f"/moderation?review={review.id}").content == page


@pytest.mark.parametrize("role", ["owner", "moderator"])
def test_publish(role: str, reviewed: Reviewed, request: pytest.FixtureRequest) -> None:
    client: Signed = request.getfixturevalue(role)
    review = waiting(reviewed, "A-1", rating=4)
    answer = decides(client, review)
    assert answer.status == 303
    assert answer.headers["location"].endswith(f"/moderation?done=published&last={review.id}")
    assert now(reviewed, review).state == "published"
    page = main_of(client.get(f"/moderation?done=published&last={review.id}"))
    assert f"Published: {review.author} on {reviewed.shop.name}, 4 stars." in plain(page)
    assert f'/reviews/{review.id}">Reply to it' in page
    assert page.count('role="status"') == 1


def test_reject_for_a_listed_reason(moderator: Signed, reviewed: Reviewed) -> None:
    for number, (code, _) in enumerate(REJECTIONS, 1):
        review = waiting(reviewed, f"A-{number}", rating=5)
        answer = decides(moderator, review, "reject", reason=number)
        assert answer.headers["location"].endswith(f"?done=rejected&last={review.id}")
        assert (now(reviewed, review).state, now(reviewed, review).reason) == ("rejected", code)
    page = plain(moderator.get(f"/moderation?done=rejected&last={review.id}").content)
    assert f"Rejected: {review.author} on {reviewed.shop.name}, 5 stars." in page
    told = "SELECT count(*) FROM messages WHERE shop_id = ? AND kind = 'rejection'"
    assert reviewed.member.rows(told, (reviewed.shop.id,)) == [(len(REJECTIONS),)]


@pytest.mark.parametrize("fields", [{}, {"reason": 0}, {"reason": 8}, {"reason": "abuse"}, {"do": "erase"}])
def test_reject_for_no_listed_reason(
    fields: dict[str, object], moderator: Signed, reviewed: Reviewed
) -> None:
    review = waiting(reviewed, "A-1")
    before = reviewed.site.rows()
    answer = decides(moderator, review, **{"do": "reject"} | fields)  # type: ignore[arg-type]
    assert answer.status == 409 and "Choose one of the listed reasons." in plain(answer.content)
    assert reviewed.site.rows() == before


def test_a_review_that_has_changed_or_is_decided_is_refused(moderator: Signed, reviewed: Reviewed) -> None:
    about = reviewed.member.order("A-1")
    review = reviewed.clara.reviews(about, look=phone_number_found)
    changed = reviewed.clara.reviews(about, text="Other words.", seen=1, look=phone_number_found)
    before = reviewed.site.rows()
    for do in ("publish", "reject"):
        answer = decides(moderator, review, do, reason=1)
        assert answer.status == 409 and "has changed since you read it" in plain(answer.content)
    assert decides(moderator, review, version="").status == 400
    assert reviewed.site.rows() == before
    reviewed.member.rejects(changed)
    before = reviewed.site.rows()
    assert decides(moderator, changed).status == 409
    assert reviewed.site.rows() == before


def test_reviews_of_other_shops_and_modes_are_unknown(
    owner: Signed, stranger: Signed, reviewed: Reviewed
) -> None:
    review, test_review = waiting(reviewed, "A-1"), waiting(reviewed, "A-2", live=False)
    before = reviewed.site.rows()
    assert decides(stranger, review).status == 404
    assert decides(stranger.of(owner.shop), review).status == 404
    assert decides(owner, test_review).status == 404
    for unknown in (1, "", "x"):
        assert owner.press("/moderation", review=unknown, version=1, do="publish").status == 404
    assert reviewed.site.rows() == before
    for path in ("?review", "?done=published&last"):
        page = stranger.get(f"/moderation{path}={review.id}")
        assert "Nothing is waiting" in plain(page.content) and review.author not in plain(page.content)
    fields: dict[str, Any] = {"review": test_review.id, "version": 1, "do": "publish"}
    assert owner.press("/moderation", live=False, **fields).status == 303


def test_a_reader_sees_the_queue_and_decides_nothing(reader: Signed, reviewed: Reviewed) -> None:
    review = waiting(reviewed, "A-1")
    other = waiting(reviewed, "A-2", now=NOW + 1)
    page = main_of(reader.get("/moderation"))
    assert "About A-1." in page and "<form" not in page and "<button" not in page
    assert f'href="?review={other.id}" accesskey="j"' in page
    before = reviewed.site.rows()
    assert decides(reader, review).status == 403
    assert reviewed.site.rows() == before


@pytest.mark.parametrize("number", range(len(WORST)))
def test_what_customers_write_is_text(number: int, owner: Signed, reviewed: Reviewed) -> None:
    text = WORST[number]
    review = reviewed.foreign(
        number, state="waiting", published_at=None, text=text, author=text, product_name=text
    )
    reviewed.imports(review)
    reviewed.member.executes(
        "UPDATE reviews SET flags = 'link,e-mail address,abuse' WHERE review_id = ?", (review.id,)
    )
    page = main_of(owner.get("/moderation"))
    for wrong in ("<script", "<img", "<svg/", 'action="/evil"', "<mark>marked"):
        assert wrong not in page
    words = re.search(r'<p class="words"[^>]*>(.*?)</p>', page, re.DOTALL)
    assert words and printable(unescape(re.sub("</?mark>", "", words[1]))) == printable(text)


def printable(text: str) -> str:
    return "".join(filter(str.isprintable, text))


@pytest.mark.parametrize(
    ("text", "flag", "found"),
    [
        ("Write to karl@inbox.example, please.", "e-mail address", ["karl@inbox.example"]),
        ("Écrivez à (karl@inbox.example).", "e-mail address", ["karl@inbox.example"]),
        ("Call me: 06 12 34 56 78! Or not, 3 or 4 times.", "phone number", ["06 12 34 56 78"]),
        ("See shop (dot) com today", "link", ["shop (dot) com"]),
        ("Good bread.", "phone number", []),
    ],
)
def test_what_the_checks_found_is_marked(
    text: str, flag: str, found: list[str], owner: Signed, reviewed: Reviewed
) -> None:
    def look(_: Checked) -> tuple[str, ...]:
        return (flag,)

    waiting(reviewed, "A-1", text=text, look=look)
    page = main_of(owner.get("/moderation"))
    assert re.findall("<mark>(.*?)</mark>", page) == found
    assert f"{FOUND[flag][0]}. {FOUND[flag][1]}" in plain(page).replace(" .", ".")
    assert ("is marked above" in page) == bool(found)


def test_the_other_copy_of_a_copied_text_is_shown(owner: Signed, reviewed: Reviewed) -> None:
    text = "The best bakery that I have ever ordered from, and everything was fresh."
    first = reviewed.review("A-1", text=text, rating=5)
    waiting(reviewed, "A-2", text=text, look=lambda _: ())
    page = main_of(owner.get("/moderation"))
    assert "The same words are in another review" in plain(page)
    assert f"/reviews/{first.id}" in page and "orders/A-1" in page and page.count(text) == 2
    assert "out of 5" not in page
