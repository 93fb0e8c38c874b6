"""Guarantee 8: a key opens its own shop, and only until it is revoked."""

import hashlib
import subprocess
import sys

import apsw
import psycopg
import pytest

from afterword.base.errors import Refused
from afterword.domain.shops import DEFAULT_DELAY
from afterword.store.engine.database import Database
from afterword.store.shops import (
    KeyUse,
    add_private_key,
    cache_key_of,
    current_public_key,
    find_private_key,
    find_public_key,
    find_shop,
    list_keys,
    list_shops,
    note_uses,
    public_keys,
    revoke_key,
)
from afterword.web.orders_api.intake import Posted, import_posted
from tests.server import PROJECT
from tests.store.cast import NOW, Member, new_member

REVOKE = """
import sys
from pathlib import Path
from afterword.store.shops import revoke_key
from tests.store.databases import open_database
open_database(Path(sys.argv[1])).write_now(lambda tx: revoke_key(tx, int(sys.argv[2]), 1))
"""


def test_a_shop_has_a_live_and_a_test_key_that_look_as_clients_expect(alba: Member) -> None:
    for shown, key, live in (
        (alba.shown.private_key, alba.live, True),
        (alba.shown.test_key, alba.test, False),
    ):
        shop_id, lang, secret = shown.split("/")
        assert (shop_id, lang, len(bytes.fromhex(secret))) == (str(alba.shop.id), "en", 32)
        assert alba.asks(find_private_key, shown) == (alba.shop, key)
        assert (key.live, key.kind) == (live, "private")


def test_no_private_key_is_in_the_database(alba: Member) -> None:
    stored = str(alba.rows("SELECT secret FROM keys"))
    for shown in (alba.shown.private_key, alba.shown.test_key):
        assert shown not in stored and shown.split("/")[2] not in stored
        assert hashlib.sha256(shown.encode()).hexdigest() in stored


def test_a_key_of_one_shop_opens_no_other(alba: Member, bruno: Member) -> None:
    key = alba.shown.private_key
    secret = key.partition("/")[2]
    nearly = (
        f"{bruno.shop.id}/{secret}",
        secret,
        key[:-1],
        key + "0",
        key.replace("/en/", "/fr/"),
        f"0{key}",
    )
    for presented in (*nearly, "", "/", "1/en/\ud800", f"{'9' * 30}/en/0", "²/en/0"):
        assert alba.asks(find_private_key, presented) is None


def test_a_public_key_does_not_open_the_private_api(alba: Member) -> None:
    for public in (alba.shown.public_key, alba.shown.public_test_key):
        for presented in (public, f"{alba.shop.id}/{public}", f"{alba.shop.id}/en/{public}"):
            assert alba.asks(find_private_key, presented) is None


def test_a_public_key_says_whose_reviews_may_be_read_and_in_which_mode(alba: Member, bruno: Member) -> None:
    for shop, shown, live in (
        (alba.shop, alba.shown.public_key, True),
        (alba.shop, alba.shown.public_test_key, False),
        (bruno.shop, bruno.shown.public_key, True),
    ):
        found = alba.asks(find_public_key, shown)
        assert found is not None
        assert (found[0], found[1].kind, found[1].live) == (shop, "public", live)
        assert alba.asks(current_public_key, shop, live=live) == shown
        assert (alba.asks(cache_key_of, alba.shop.id, shown) is None) is (shop != alba.shop)


def test_a_private_a_wrong_or_a_revoked_key_is_no_public_key(alba: Member) -> None:
    hashed = hashlib.sha256(alba.shown.private_key.encode()).hexdigest()
    for presented in (alba.shown.private_key, hashed, "0" * 32, "", alba.shown.public_key.upper()):
        assert alba.asks(find_public_key, presented) is None
    [key, *_] = alba.asks(public_keys, alba.shop)
    alba.acts(revoke_key, key, NOW)
    for is_live, shown in ((True, alba.shown.public_key), (False, alba.shown.public_test_key)):
        assert (alba.asks(find_public_key, shown) is None) is is_live
        assert (alba.asks(cache_key_of, alba.shop.id, shown) is None) is is_live
        assert alba.asks(current_public_key, alba.shop, live=is_live) == (None if is_live else shown)


@pytest.mark.sqlite
def test_a_revoked_key_is_refused_at_once_even_when_another_process_revoked_it(
    database: Database, alba: Member
) -> None:
    def is_admitted(shown: str) -> bool:
        """Asks the writer, as the server does for the orders of a request."""
        [answer] = alba.acts(import_posted, [Posted(shown, b"[]", False, NOW)])
        assert isinstance(answer, tuple) or "wrong or was revoked" in str(answer)
        return isinstance(answer, tuple)

    for shown in (alba.shown.private_key, alba.shown.test_key):
        assert is_admitted(shown) and is_admitted(shown)
    line = [sys.executable, "-c", REVOKE, str(database.journal.address.parent), str(alba.live.id)]
    subprocess.run(line, cwd=PROJECT, check=True, timeout=60)
    assert not is_admitted(alba.shown.private_key)
    assert is_admitted(alba.shown.test_key)
    alba.acts(revoke_key, alba.test.id, NOW)
    assert not is_admitted(alba.shown.test_key)


def test_a_keys_use_is_written_once_an_hour_and_only_when_it_is_one(alba: Member, bruno: Member) -> None:
    shown = alba.shown.private_key
    moments = (NOW, NOW + 3_599, NOW + 3_600, NOW + 10)
    assert [alba.acts(note_uses, [KeyUse(shown, at)]) for at in moments] == [[True], [False], [True], [False]]
    for unknown in (alba.shown.public_key, bruno.shown.private_key.replace("2/", "1/"), "9/en/0"):
        assert alba.acts(note_uses, [KeyUse(unknown, NOW)]) == [False]
    used = {key.id: key.used_at for shop in (alba.shop, bruno.shop) for key in alba.asks(list_keys, shop)}
    assert used == dict.fromkeys(used) | {alba.live.id: NOW + 3_600}


def test_a_key_has_a_language_of_its_own(alba: Member) -> None:
    number, shown = alba.acts(add_private_key, alba.shop, live=True, lang="fr", now=NOW)
    found = alba.asks(find_private_key, shown)
    assert found is not None
    assert (found[1].id, found[1].lang, found[0].lang) == (number, "fr", "en")
    assert [key.id for key in alba.asks(list_keys, alba.shop)][-1] == number


def test_a_key_is_revoked_once_and_only_when_there_is_one(alba: Member) -> None:
    assert alba.acts(revoke_key, alba.live.id, NOW).revoked_at == NOW
    for number, sentence in ((alba.live.id, "is already revoked"), (999, "there is no key 999")):
        with pytest.raises(Refused, match=sentence):
            alba.acts(revoke_key, number, NOW)


def test_two_shops_never_have_one_name(database: Database, alba: Member, bruno: Member) -> None:
    with pytest.raises(Refused, match="there is already a shop named "):
        new_member(database, "Alba's bakery")
    with pytest.raises(Refused):
        bruno.changes(name="Alba's bakery")
    assert [shop.name for shop in alba.asks(list_shops)] == ["Alba's bakery", "Bruno's books"]


def test_a_shop_is_found_by_its_number_or_its_name(alba: Member) -> None:
    for id_or_name in (str(alba.shop.id), "Alba's bakery"):
        assert alba.asks(find_shop, id_or_name) == alba.shop
    for unknown in ("", "2", "alba", "²", "9" * 40, "1 "):
        assert alba.asks(find_shop, unknown) is None


def test_each_shop_has_a_salt_of_its_own_which_no_change_touches(alba: Member, bruno: Member) -> None:
    assert alba.shop.salt != bruno.shop.salt
    changed = alba.changes(name="Alba & sons", lang="fr").shop
    assert (changed.salt, changed.delay, changed.name) == (alba.shop.salt, DEFAULT_DELAY, "Alba & sons")
    assert alba.asks(find_shop, str(alba.shop.id)) == changed


def test_one_number_of_a_key_is_one_key(alba: Member, bruno: Member) -> None:
    numbers = [key.id for shop in (alba.shop, bruno.shop) for key in alba.asks(list_keys, shop)]
    assert len(set(numbers)) == len(numbers) == 8
    with pytest.raises((apsw.ConstraintError, psycopg.IntegrityError)):
        alba.executes("UPDATE keys SET secret = 'x' WHERE shop_id = 1")
