from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.shops import authenticate
from tests.cli.command import Command
from tests.store.cast import Member
from tests.store.databases import ask


def test_a_key_is_shown_once_and_works_in_its_mode(
    afterword: Command, database: SqliteDatabase, alba: Member
) -> None:
    live = afterword.json("key", "add", "Alba's bakery", "--lang", "fr")
    assert (live["id"], live["kind"], live["live"], live["lang"]) == (5, "private", True, "fr")
    sentence, test_key = afterword.say("key", "add", "1", "--test").splitlines()
    assert sentence == "Key 6 of Alba's bakery (test). It is shown only now; it is not stored."
    found = [ask(database, authenticate, key) for key in (live["key"], test_key)]
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
