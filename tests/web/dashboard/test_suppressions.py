"""The do-not-e-mail list: who is on it, and who may put an address on it or take it off."""

import re

from tests.web.asking import plain
from tests.web.dashboard.conftest import Signed
from tests.web.reviewed import Reviewed

NOOR, RAVI = "noor@mail.example", "ravi@post.example"


def test_the_list_says_who_gets_no_emails_and_why_newest_first(reader: Signed, reviewed: Reviewed) -> None:
    assert "Nobody is on the list" in plain(reader.get("/suppressions").content)
    reviewed.member.suppresses(NOOR, reason="unsubscribed", now=1_772_000_000)
    reviewed.member.suppresses(RAVI, reason="bounced", now=1_772_000_001)
    reviewed.member.suppresses("test@mail.example", live=False)
    page = reader.get("/suppressions").content
    assert "ravi@post.example Bounced" in plain(page) and "noor@mail.example Unsubscribed" in plain(page)
    assert page.index(RAVI.encode()) < page.index(NOOR.encode()) and b"test@mail" not in page
    in_test = plain(reader.get("/suppressions", live=False).content)
    assert "Test orders only" in in_test and NOOR in in_test


def test_of_a_long_list_the_latest_are_shown(reader: Signed, reviewed: Reviewed) -> None:
    for number in range(203):
        reviewed.member.suppresses(f"n{number}@mail.example", now=1_772_000_000 + number)
    page = reader.get("/suppressions").content.decode()
    assert "Only the newest 200 are shown" in plain(page) and page.count('<th scope="row">') == 200
    assert "n202@" in page and "n3@" in page and "n2@" not in page


def test_a_moderator_adds_an_address(moderator: Signed, reviewed: Reviewed) -> None:
    pressed = moderator.press("/suppressions", email=f" {NOOR} ")
    assert pressed.headers["location"].endswith("/suppressions?done=suppressed")
    assert reviewed.member.why_not(NOOR) == reviewed.member.why_not(NOOR, live=False) == "by the shop"
    assert moderator.press("/suppressions", email=NOOR).status == 303
    assert NOOR not in reviewed.site.log and 'event="suppression added"' in reviewed.site.log


def test_what_is_no_address_is_kept_in_its_field(moderator: Signed, reviewed: Reviewed) -> None:
    pressed = moderator.press("/suppressions", email='<b>"@')
    page = pressed.content.decode()
    assert pressed.status == 422 and "Write an e-mail address" in page and "Error: Do-not" in page
    assert re.search(r'<input id="email"[^>]* value="&lt;b&gt;&#34;@" aria-invalid="true"', page)
    assert reviewed.member.suppressions() == []


def test_an_owner_removes_an_address_after_asking_again(owner: Signed, reviewed: Reviewed) -> None:
    reviewed.member.suppresses(NOOR, reason="unsubscribed")
    [listed] = reviewed.member.suppressions()
    assert f"suppressions?remove={listed.address_hash}#sure" in owner.get("/suppressions").content.decode()
    asked = plain(owner.get(f"/suppressions?remove={listed.address_hash}").content)
    assert "it is their own wish" in asked and reviewed.member.why_not(NOOR)
    pressed = owner.press("/suppressions/remove", email=NOOR)
    assert pressed.headers["location"].endswith("/suppressions?done=allowed")
    assert reviewed.member.why_not(NOOR) is None
    again = owner.press("/suppressions/remove", email=NOOR)
    assert again.status == 409 and "not on the list any more" in plain(again.content)


def test_another_shop_and_a_lesser_role_remove_nothing(
    stranger: Signed, moderator: Signed, reader: Signed, reviewed: Reviewed
) -> None:
    reviewed.member.suppresses(NOOR)
    assert stranger.press("/suppressions/remove", email=NOOR).status == 409
    assert stranger.of(reviewed.shop).press("/suppressions/remove", email=NOOR).status == 404
    assert NOOR not in stranger.get("/suppressions").content.decode()
    assert moderator.press("/suppressions/remove", email=NOOR).status == 403
    assert "?remove=" not in moderator.get("/suppressions").content.decode()
    assert reader.press("/suppressions", email=RAVI).status == 403
    assert "Add an address" not in reader.get("/suppressions").content.decode()
    assert reviewed.member.why_not(NOOR) and reviewed.member.why_not(RAVI) is None
