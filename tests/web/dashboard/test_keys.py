"""The keys of a shop: a new one is shown once and works, and a revoked one is refused."""

import re
from typing import Any

from tests.server import Answer
from tests.web.asking import plain
from tests.web.dashboard.conftest import Signed
from tests.web.reviewed import Reviewed


def key_on(answer: Answer) -> str:
    """The text of the new key."""
    assert answer.status == 200 and answer.headers["cache-control"] == "no-store"
    [found] = re.findall(r'readonly value="([^"]*)"', answer.content.decode())
    return str(found)


def numbers_of(signed: Signed, *, live: bool = True) -> list[str]:
    """The keys that can be revoked."""
    return re.findall(r"keys\?revoke=(\d+)#", signed.get("/keys", live=live).content.decode())


def is_accepted(reviewed: Reviewed, key: str) -> bool:
    """Whether orders can be sent with it."""
    status = reviewed.site.post_orders([], key=key).status
    assert status in (200, 400, 401)
    return status != 401


def test_a_new_key_is_shown_once_and_works(owner: Signed, reviewed: Reviewed) -> None:
    pressed = owner.press("/keys", orders="on", lang="fr")
    key = key_on(pressed)
    assert "shown only now" in plain(pressed.content) and key.startswith(f"{reviewed.shop.id}/fr/")
    assert is_accepted(reviewed, key)
    page = owner.get("/keys").content
    assert key not in page.decode() and "Sends orders" in plain(page) and "French" in plain(page)
    assert f"key={max(map(int, numbers_of(owner)))}" in reviewed.site.log and key not in reviewed.site.log


def test_a_key_is_for_what_was_chosen(owner: Signed, reviewed: Reviewed) -> None:
    only_reviews = key_on(owner.press("/keys", reviews="on", lang="en"))
    assert not is_accepted(reviewed, only_reviews)
    wrong = owner.press("/keys", lang="fr")
    page = wrong.content.decode()
    assert wrong.status == 422 and "Error: API keys" in page and "Choose at least one" in page
    assert '<option value="fr" selected>' in page and 'aria-invalid="true"' in page
    assert owner.press("/keys", orders="on", lang="not a language").status == 422


def test_a_revoked_key_is_refused(owner: Signed, reviewed: Reviewed) -> None:
    key = key_on(owner.press("/keys", orders="on", lang="en"))
    number = max(map(int, numbers_of(owner)))
    asked = owner.get(f"/keys?revoke={number}")
    assert f"Revoke key {number}?" in plain(asked.content) and is_accepted(reviewed, key)
    assert owner.press("/keys/revoke", key=number).headers["location"].endswith("/keys?done=revoked")
    assert not is_accepted(reviewed, key)
    assert str(number) not in numbers_of(owner) and "Revoked" in plain(owner.get("/keys").content)
    assert owner.press("/keys/revoke", key=number).status == 409


def test_public_keys_are_shown_whole_and_cannot_be_revoked(owner: Signed, reviewed: Reviewed) -> None:
    live, test = reviewed.public_key(), reviewed.public_key(live=False)
    assert live in owner.get("/keys").content.decode() and test not in owner.get("/keys").content.decode()
    assert test in owner.get("/keys", live=False).content.decode()
    [(number,)] = reviewed.member.rows(
        "SELECT key_id FROM keys WHERE shop_id = :shop_id AND kind = 'public' AND live = 1",
        {"shop_id": reviewed.shop.id},
    )
    assert owner.press("/keys/revoke", key=number).status == 404


def test_each_mode_and_each_shop_has_its_own_keys(
    owner: Signed, stranger: Signed, reviewed: Reviewed
) -> None:
    [live], [test] = numbers_of(owner), numbers_of(owner, live=False)
    assert live != test
    for pressed in (
        owner.press("/keys/revoke", key=test),
        owner.press("/keys/revoke", key=live, live=False),
        stranger.press("/keys/revoke", key=live),
        *(owner.press("/keys/revoke", key=wrong) for wrong in ("", "x", "0", "9" * 30)),
    ):
        assert pressed.status == 404
    assert numbers_of(owner) == [live] and numbers_of(owner, live=False) == [test]


def test_only_an_owner_sees_keys_and_changes_them(moderator: Signed, reader: Signed) -> None:
    fields: dict[str, Any] = {"orders": "on", "lang": "en", "key": 1}
    for signed in (moderator, reader):
        assert signed.get("/keys").status == 403
        assert signed.press("/keys", **fields).status == 403
        assert signed.press("/keys/revoke", **fields).status == 403
