import re

from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.shops import find_private_key
from tests.cli.command import Command
from tests.store.cast import Member
from tests.store.databases import ask


def test_a_key_is_shown_once_and_works_in_its_mode(
    afterword: Command, database: SqliteDatabase, alba: Member
) -> None:
    live = afterword.json("key", "add", "Alba's bakery", "--lang", "fr")
    assert (live["id"], live["kind"], live["live"], live["lang"]) == (5, "private", True, "fr")
    assert live["scopes"] == ["orders", "reviews"]
    sentence, test_key = afterword.say("key", "add", "1", "--test").splitlines()
    assert (
        sentence == "Key 6 of Alba's bakery (test, orders, reviews). It is shown only now; it is not stored."
    )
    found = [ask(database, find_private_key, key) for key in (live["key"], test_key)]
    assert [each and (each[1].live, each[1].lang) for each in found] == [(True, "fr"), (False, "en")]


def test_a_key_is_listed_without_its_private_text_and_revoked_once(afterword: Command, alba: Member) -> None:
    said = afterword.say("key", "list", "1")
    assert alba.shown.public_key in said and alba.shown.private_key not in said
    assert afterword.json("key", "revoke", "1")["revoked_at"].endswith("Z")
    assert afterword.say("key", "revoke", "2") == "Key 2 of shop 1 is revoked.\n"
    listed = [(key["revoked_at"] is not None, key["key"]) for key in afterword.json("key", "list", "1")]
    public = [(False, alba.shown.public_key), (False, alba.shown.public_test_key)]
    assert listed == [(True, None), (True, None), *public]
    assert afterword.run("key", "revoke", "1").sentence == "key 1 is already revoked"
    assert afterword.run("key", "revoke", "99").sentence == "there is no key 99"
    assert "not in the range" in afterword.run("key", "revoke", "9" * 30).usage


def test_a_key_has_the_scopes_that_it_was_added_with(afterword: Command, alba: Member) -> None:
    only = afterword.json("key", "add", "1", "--scope", "orders")
    assert only["scopes"] == ["orders"]
    both = ("--scope", "reviews", "--scope", "orders")
    assert "(live, orders, reviews)" in afterword.say("key", "add", "1", *both)
    scopes = [(key["kind"], key["scopes"]) for key in afterword.json("key", "list", "1")]
    old, new = ("private", ["orders", "reviews"]), ("private", ["orders"])
    assert scopes == [old, old, ("public", []), ("public", []), new, old]
    assert "is not one of" in afterword.run("key", "add", "1", "--scope", "manage").usage


def test_commands_about_keys_webhooks_and_addresses_are_logged_without_what_is_secret(
    afterword: Command, database: SqliteDatabase, alba: Member
) -> None:
    found = []
    for words in (
        ("key", "add", "1", "--scope", "orders"),
        ("key", "revoke", "5"),
        ("webhook", "add", "1", "https://hooks.bakery.example/in"),
        ("suppression", "add", "1", "clara@nunez.example"),
    ):
        [line] = afterword.run(*words).err.splitlines()
        found += re.findall(r'timestamp=\S+ level=info event="([^"]+)" module=security (.*)', line)
    assert found == [
        ("key added", "shop=1 key=5 live=true scopes=orders"),
        ("key revoked", "shop=1 key=5 live=true"),
        ("webhook added", "shop=1 webhook=1 live=true"),
        ("suppression added", 'shop=1 reason="by the shop" new=true'),
    ]
