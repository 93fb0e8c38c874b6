"""People and privacy: one person's data on one page, as a file, and erased."""

import json

from tests.store.cast import NOW
from tests.web.asking import plain
from tests.web.dashboard.conftest import Signed
from tests.web.reviewed import Reviewed

CLARA = "clara.privacy@mail.example"


def orders_and_review(reviewed: Reviewed) -> None:
    about = reviewed.member.order("A-1", email=CLARA, firstname="Klarissa")
    reviewed.clara.reviews(about, 0, 4, text="First words.")
    reviewed.clara.reviews(about, 0, 5, text="Second words.", seen=1)
    reviewed.member.sends("T-1", email=CLARA, live=False)


def test_all_that_is_kept_of_a_person_is_on_one_page(moderator: Signed, reviewed: Reviewed) -> None:
    orders_and_review(reviewed)
    assert "Find a person by their address" in plain(moderator.get("/people").content)
    page = plain(moderator.press("/people", email=f" {CLARA.upper()} ").content)
    assert "Orders 2" in page and "Reviews 1" in page and "Past versions 1" in page
    assert "1 review of order A-1" in page and "Test order T-1" in page
    assert "Export all of it" not in page
    assert "Nothing is kept of" in plain(moderator.press("/people", email="noor@mail.example").content)


def test_the_address_is_in_no_link_and_no_log(owner: Signed, reviewed: Reviewed) -> None:
    orders_and_review(reviewed)
    owner.press("/people", email=CLARA)
    owner.press("/people/export", email=CLARA)
    owner.press("/people/erase", email=CLARA, sure=CLARA)
    assert CLARA not in reviewed.site.log
    assert 'event="person exported"' in reviewed.site.log and 'event="person erased"' in reviewed.site.log


def test_what_is_no_address_is_kept_in_its_field(owner: Signed) -> None:
    answer = owner.press("/people", email="clara")
    assert answer.status == 422
    assert b'value="clara"' in answer.content and "Write an e-mail address" in plain(answer.content)


def test_an_owner_takes_all_of_it_as_a_file(owner: Signed, moderator: Signed, reviewed: Reviewed) -> None:
    orders_and_review(reviewed)
    answer = owner.press("/people/export", email=CLARA)
    assert answer.headers["content-disposition"] == 'attachment; filename="person.json"'
    exported = json.loads(answer.content)
    assert [order["id_order"] for order in exported["orders"]] == ["A-1", "T-1"]
    assert owner.press("/people/export", email="noor@mail.example").status == 409
    assert moderator.press("/people/export", email=CLARA).status == 403


def test_a_person_is_erased_when_the_address_is_typed_again(owner: Signed, reviewed: Reviewed) -> None:
    orders_and_review(reviewed)
    refused = owner.press("/people/erase", email=CLARA, sure="yes")
    assert refused.status == 409 and "Nothing was erased" in plain(refused.content)
    assert "Orders 2" in plain(owner.press("/people", email=CLARA).content)
    pressed = owner.press("/people/erase", email=CLARA, sure=CLARA.upper())
    assert "/people?done=person-erased" in pressed.headers["location"]
    page = plain(owner.press("/people", email=CLARA).content)
    assert "Orders 0" in page and "Do-not-e-mail list erased" in page
    order = plain(owner.get("/orders/A-1").content)
    assert "Customer Erased" in order and "Klarissa" not in order and "The e-mail As it would" not in order
    assert "Erased" in plain(owner.get("/orders").content)
    assert reviewed.member.why_not(CLARA) == "erased"


def test_the_links_of_an_erased_person_lead_nowhere(owner: Signed, reviewed: Reviewed) -> None:
    orders_and_review(reviewed)
    owner.press("/people/erase", email=CLARA, sure=CLARA)
    assert owner.get("/emails/A-1").status == 404


def test_how_long_orders_are_kept_is_chosen(owner: Signed, reviewed: Reviewed) -> None:
    assert b'<option value="730d" selected>2 years' in owner.get("/people").content
    assert owner.press("/people/keep", keep_for="1095d").status == 303
    assert b'<option value="1095d" selected>3 years' in owner.get("/people").content
    assert owner.press("/people/keep", keep_for="9d").status == 422
    reviewed.member.changes(keep_for=400 * 86_400)
    assert b'<option value="400d" selected>400 days' in owner.get("/people").content


def test_until_when_an_order_is_kept_is_said(owner: Signed, reviewed: Reviewed) -> None:
    reviewed.member.sends("A-1", email=CLARA, at=NOW)
    assert "29 February 2028" in plain(owner.press("/people", email=CLARA).content)
