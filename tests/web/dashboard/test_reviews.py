"""All reviews, one review with its history, and what a person does with it."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from afterword.actions.users import Visitor
from afterword.base.errors import Refused
from afterword.domain.people.users import Session
from afterword.store.reviews.writing import past_versions
from afterword.web.dashboard.access import Place
from afterword.web.dashboard.frame import Frame
from afterword.web.dashboard.reviews import REVIEWS_ON_A_PAGE, Reviews, compared
from tests.server import Answer
from tests.store.cast import (
    NOW,
    SIGNER,
    Customer,
    closing_now,
    new_member,
    open_database,
    phone_number_found,
    run,
)
from tests.web.asking import plain
from tests.web.dashboard.conftest import Signed
from tests.web.dashboard.test_moderation import WORST, main_of, now, waiting
from tests.web.reviewed import Reviewed


def listed_on(answer: Answer) -> list[int]:
    return [int(each) for each in re.findall(r'<a href="[^"]*/reviews/(\d+)"', main_of(answer))]


def test_reviews_are_listed_last_changed_first_page_by_page(owner: Signed, reviewed: Reviewed) -> None:
    assert "No reviews yet" in plain(owner.get("/reviews").content)
    all_of_them = [reviewed.review(f"A-{n}", now=NOW + n // 2) for n in range(REVIEWS_ON_A_PAGE * 2 + 3)]
    reviewed.review("A-1", live=False)
    pages, path = [], "/reviews"
    while path:
        answer = owner.get(path)
        pages.append(listed_on(answer))
        older = re.search(r'rel="next" href="(\?before=[^"]*)"', answer.content.decode())
        path = f"/reviews{older[1]}" if older else ""
    assert [len(page) for page in pages] == [REVIEWS_ON_A_PAGE, REVIEWS_ON_A_PAGE, 3]
    assert sorted(each for page in pages for each in page) == sorted(review.id for review in all_of_them)
    times = [
        now_of.changed_at for page in pages for each in page for now_of in all_of_them if now_of.id == each
    ]
    assert times == sorted(times, reverse=True)
    reviewed.member.replies(all_of_them[0], now=NOW + 900)
    assert listed_on(owner.get("/reviews"))[0] == all_of_them[0].id
    for nonsense in ("x", "1", "-", "9" * 99, "0-0"):
        assert owner.get(f"/reviews?before={nonsense}").status == 200


def test_the_list_can_be_narrowed_to_a_state(owner: Signed, reviewed: Reviewed) -> None:
    published, rejected, withdrawn, erased = (reviewed.review(f"A-{n}") for n in range(4))
    waits = waiting(reviewed, "A-9")
    reviewed.member.rejects(rejected)
    reviewed.clara.withdraws(withdrawn)
    reviewed.member.erases(erased)
    each = {"published": published, "waiting": waits, "rejected": rejected, "withdrawn": withdrawn}
    for state, review in each.items():
        answer = owner.get(f"/reviews?state={state}")
        assert listed_on(answer) == [review.id]
        assert f'<a href="?state={state}" aria-current="true">' in main_of(answer)
    assert set(listed_on(owner.get("/reviews?state=other"))) == {
        *(one.id for one in each.values()),
        erased.id,
    }
    reviewed.member.publishes(waits)
    assert "None of these" in plain(owner.get("/reviews?state=waiting").content)


def test_stars_of_waiting_reviews_are_on_no_page(owner: Signed, reviewed: Reviewed) -> None:
    about = reviewed.member.order("A-1")
    reviewed.clara.reviews(about, rating=2, look=phone_number_found)
    review = reviewed.clara.reviews(about, rating=1, text="Other words.", seen=1, look=phone_number_found)
    paths = ("/reviews", "/reviews?state=waiting", f"/reviews/{review.id}")
    pages = [owner.get(path).content for path in paths]
    assert not any(b"out of 5" in page for page in pages)
    reviewed.member.executes("UPDATE reviews SET rating = 5 WHERE shop_id = ?", (reviewed.shop.id,))
    reviewed.member.executes("UPDATE past_versions SET rating = 5 WHERE shop_id = ?", (reviewed.shop.id,))
    assert [owner.get(path).content for path in paths] == pages
    reviewed.member.publishes(now(reviewed, review))
    assert all(b"5 out of 5 stars" in owner.get(path).content for path in (paths[0], paths[2]))


def test_one_review_with_its_history(reader: Signed, reviewed: Reviewed) -> None:
    about = reviewed.member.order("A/1 ä")
    reviewed.clara.reviews(about, 1, rating=3, text="It came five days late.")
    review = reviewed.clara.reviews(about, 1, rating=2, text="It came four days late.", seen=1)
    reviewed.member.replies(review, "We are sorry.")
    page = main_of(reader.get(f"/reviews/{review.id}"))
    assert "2 out of 5 stars" in page and "Version 2" in page and str(review.product_name) in page
    assert "It came <del>five</del> <ins>four</ins> days late." in page
    assert "/orders/A%2F1%20%C3%A4" in page and str(review.id) in page and "English" in page
    words = plain(page)
    steps = ("Written", "Published by the checks", "Changed by its author", "Replied")
    places = [words.index(step) for step in steps]
    assert places == sorted(places)
    assert "We are sorry." in words and "Nothing found" in words
    assert "<form" not in page and "<textarea" not in page


def test_reply(moderator: Signed, reviewed: Reviewed) -> None:
    review = reviewed.review("A-1")
    path = f"/reviews/{review.id}"
    answer = moderator.press(f"{path}/reply", version=1, text=" Thank you,\r\nClara! ", do="save")
    assert answer.status == 303 and answer.headers["location"].endswith(f"{path}?done=replied")
    assert now(reviewed, review).reply == "Thank you,\nClara!"
    page = moderator.get(f"{path}?done=replied").content.decode()
    assert 'role="status"' in page and "\nThank you,\nClara!</textarea>" in page
    for text, why in (("", "few words"), ("x" * 5_001, "the limit is 5,000"), ("\ud7ff\ufffe", "few words")):
        answer = moderator.press(f"{path}/reply", version=1, text=text)
        assert answer.status == 409 and why in plain(answer.content)
    assert now(reviewed, review).reply == "Thank you,\nClara!"
    answer = moderator.press(f"{path}/reply", version=1, text="left in the field", do="remove")
    assert answer.headers["location"].endswith("?done=unreplied")
    assert now(reviewed, review).reply is None
    assert moderator.press(f"{path}/reply", version=1, do="remove").status == 409


def test_dispute_reject_and_publish(moderator: Signed, reviewed: Reviewed) -> None:
    review = reviewed.review("A-1")
    path = f"/reviews/{review.id}"

    def presses(what: str, **fields: Any) -> str:
        answer = moderator.press(f"{path}/{what}", version=1, **fields)
        assert answer.status == 303, answer
        return answer.headers["location"].partition("?done=")[2]

    assert presses("dispute", text="There was no such order.") == "disputed"
    assert now(reviewed, review).dispute == "There was no such order."
    assert now(reviewed, review).state == "published"
    assert "There was no such order." in plain(moderator.get(path).content)
    assert moderator.press(f"{path}/dispute", version=1, text=" ").status == 409
    assert moderator.press(f"{path}/reject", version=1).status == 409
    assert presses("reject", reason=3) == "rejected"
    assert (now(reviewed, review).state, now(reviewed, review).reason) == ("rejected", "off topic")
    assert "Rejected: not about this shop" in plain(moderator.get(path).content)
    assert presses("publish") == "published"
    assert now(reviewed, review).state == "published"
    assert moderator.press(f"{path}/publish", version=1).status == 409


FORMS: dict[str, dict[str, Any]] = {
    "reply": {"text": "Thank you!"},
    "dispute": {"text": "There was no such order."},
    "reject": {"reason": 1},
    "publish": {},
    "erase": {"sure": "erase"},
}


def press_each(client: Signed, path: str, **fields: Any) -> set[int]:
    """How each of the buttons of a review's page answers."""
    return {client.press(f"{path}/{what}", **form | fields).status for what, form in FORMS.items()}


def test_a_form_of_an_older_version_changes_nothing(owner: Signed, reviewed: Reviewed) -> None:
    about = reviewed.member.order("A-1")
    reviewed.clara.reviews(about, look=phone_number_found)
    review = reviewed.clara.reviews(about, text="Other words.", seen=1, look=phone_number_found)
    before = reviewed.site.rows()
    assert press_each(owner, f"/reviews/{review.id}", version=1) == {409}
    assert press_each(owner, f"/reviews/{review.id}") <= {400, 409}
    assert reviewed.site.rows() == before


def test_reviews_of_other_shops_and_modes_do_not_exist(
    owner: Signed, stranger: Signed, reviewed: Reviewed
) -> None:
    review, test_review = waiting(reviewed, "A-1"), waiting(reviewed, "A-2", live=False)
    before = reviewed.site.rows()
    for client, wrong in ((stranger, review.id), (owner, test_review.id), (owner, 1), (owner, "x")):
        assert client.get(f"/reviews/{wrong}").status == 404
        statuses = press_each(client, f"/reviews/{wrong}", version=1)
        assert statuses == {404}
    assert stranger.of(reviewed.shop).get(f"/reviews/{review.id}").status == 404
    assert reviewed.site.rows() == before
    assert owner.get(f"/reviews/{test_review.id}", live=False).status == 200


def test_a_reader_changes_nothing_and_only_an_owner_erases(
    reader: Signed, moderator: Signed, reviewed: Reviewed
) -> None:
    review = waiting(reviewed, "A-1")
    path, before = f"/reviews/{review.id}", reviewed.site.rows()
    assert press_each(reader, path, version=1) == {403}
    assert moderator.press(f"{path}/erase", version=1, sure="erase").status == 403
    assert "Erase" not in plain(main_of(moderator.get(path)))
    assert reviewed.site.rows() == before


@pytest.mark.parametrize("number", range(len(WORST)))
def test_what_people_write_is_text(number: int, owner: Signed, reviewed: Reviewed) -> None:
    text = WORST[number]
    texts = dict.fromkeys(("text", "author", "product_name", "imported_from", "reply", "dispute"), text)
    moments = dict.fromkeys(("replied_at", "disputed_at"), NOW)
    review = reviewed.foreign(number, **texts, **moments)
    reviewed.imports(review)
    for path in ("/reviews", f"/reviews/{review.id}"):
        page = main_of(owner.get(path))
        for wrong in ("<script", "<img", "<svg/", 'action="/evil"', "<mark", "</textarea></title>"):
            assert wrong not in page


def test_an_imported_review_has_no_order(owner: Signed, reviewed: Reviewed) -> None:
    review = reviewed.foreign(1, order_id=0, imported_from="Elsewhere", text="")
    reviewed.imports(review)
    page = plain(main_of(owner.get(f"/reviews/{review.id}")))
    assert "Imported from Elsewhere" in page and "No words, only stars." in page and "Customer" not in page


def place_of(member: Any, review_id: int, **form: str) -> Place:
    path = {"review": str(review_id)}
    scope = {"type": "http", "method": "POST", "path": "/x", "headers": [], "path_params": path}
    visitor = Visitor(Session(1, 1, "", 0, 0, "owner@alba.example"), {member.shop: "owner"})
    return Place(Request(scope), visitor, member.shop, "owner", True, form, NOW + 90)


def test_erase(tmp_path: Path) -> None:
    with closing_now(open_database(tmp_path)) as database:
        alba = new_member(database, "Alba's bakery")
        about = alba.order("A-1", email="clara@mail.example")
        write = partial(Customer(database).reviews, about)
        write(text="First words.")
        review = write(text="Other words.", seen=1)
        outbox = tmp_path / "outbox"
        outbox.mkdir()
        (outbox / "A-1-0123456789abcdef.eml").write_text("To: clara@mail.example\n\nOther words.")
        reviews = Reviews(database, Frame(database), SIGNER, outbox)
        for form in ({}, {"sure": "yes"}, {"sure": "erase", "version": "1"}):
            with pytest.raises(Refused):
                run(reviews.erase(place_of(alba, review.id, **{"version": "2"} | form)))
        elsewhere = Reviews(database, Frame(database), SIGNER)
        with pytest.raises(Refused, match=f"afterword review erase {review.id}"):
            run(elsewhere.erase(place_of(alba, review.id, version="2", sure="erase")))
        assert alba.finds(review) == review and list(outbox.iterdir())
        answer = run(reviews.erase(place_of(alba, review.id, version="2", sure=" Erase ")))
        assert answer.headers["location"].endswith(f"/reviews/{review.id}?done=erased")
        erased = alba.finds(review)
        assert (erased.state, erased.text, erased.author) == ("erased", "", "")
        assert [each.text for each in alba.asks(past_versions, erased)] == [""]
        assert not list(outbox.iterdir())
        assert b"First words." not in (tmp_path / "afterword.db").read_bytes()


def test_an_erased_review_has_no_forms(owner: Signed, reviewed: Reviewed) -> None:
    review = reviewed.review("A-1")
    reviewed.member.erases(review)
    page = main_of(owner.get(f"/reviews/{review.id}"))
    assert "are erased" in page and "<form" not in page and "About A-1." not in page


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "New words."),
        ("All of it goes.", ""),
        ("One, two.\n\nThree", "One. Two\nthree"),
        ("a b " * 400, "b a c " * 300),
        ("word " * 900, "other " * 900),
        ("مرحبا بالعالم", "مرحبا"),
    ],
)
def test_compared_versions_have_all_words_of_both(before: str, after: str) -> None:
    pieces = compared(before, after)

    def without(left_out: str) -> str:
        return "".join("".join(text.split()) for kind, text in pieces if kind != left_out)

    assert without("ins") == "".join(before.split())
    assert without("del") == "".join(after.split())
