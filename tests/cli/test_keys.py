from afterword.store.shops import authenticate
from tests.cli.command import Command


def test_a_key_is_shown_once_and_opens_its_own_world(afterword: Command) -> None:
    afterword.json("shop", "add", "Alba's bakery")
    live = afterword.json("key", "add", "Alba's bakery", "--lang", "fr")
    assert (live["id"], live["shop_id"], live["live"], live["lang"]) == (5, 1, True, "fr")
    said = afterword.say("key", "add", "1", "--test").splitlines()
    assert said[0] == "Key 6 of Alba's bakery, test. It is shown only now; it is not kept."
    database = afterword.database()
    worlds = [database.read_now(lambda tx, key=key: authenticate(tx, key)) for key in (live["key"], said[1])]
    database.close_now()
    assert [found and (found[1].live, found[1].lang) for found in worlds] == [(True, "fr"), (False, "en")]


def test_a_list_shows_public_keys_and_no_private_ones(afterword: Command) -> None:
    shop = afterword.json("shop", "add", "Alba's bakery")
    keys = afterword.json("key", "list", "1")
    shown = {(key["kind"], key["live"]): key["key"] for key in keys}
    assert shown == {
        ("private", True): None,
        ("private", False): None,
        ("public", True): shop["public_key"],
        ("public", False): shop["public_test_key"],
    }
    assert keys[0].keys() >= {"id", "shop_id", "kind", "live", "lang", "created_at", "revoked_at"}
    assert shop["private_key"] not in afterword.say("key", "list", "1")


def test_a_revoked_key_stays_in_the_list_and_is_revoked_once(afterword: Command) -> None:
    afterword.json("shop", "add", "Alba's bakery")
    assert afterword.json("key", "revoke", "1")["revoked_at"].endswith("Z")
    assert afterword.say("key", "revoke", "2") == "Key 2 of shop 1 is revoked.\n"
    assert [key["revoked_at"] is None for key in afterword.json("key", "list", "1")] == [
        False,
        False,
        True,
        True,
    ]
    assert afterword.run("key", "revoke", "1").sentence == "key 1 is already revoked"
    assert afterword.run("key", "revoke", "99").sentence == "there is no key 99"
    assert "not in the range" in afterword.run("key", "revoke", "9" * 30).usage
