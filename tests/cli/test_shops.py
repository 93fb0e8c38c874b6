import os
import re

import pytest

from afterword.store.shops import list_shops
from tests.cli.command import Command

PRIVATE_KEY = re.compile(r"1/(en|fr)/[0-9a-f]{64}")
PUBLIC_KEY = re.compile(r"[0-9a-f]{32}")


def test_a_shop_needs_only_a_name(afterword: Command) -> None:
    shop = afterword.json("shop", "add", "Alba's bakery")
    assert PRIVATE_KEY.fullmatch(shop.pop("private_key"))
    assert PRIVATE_KEY.fullmatch(shop.pop("test_key"))
    assert PUBLIC_KEY.fullmatch(shop.pop("public_key"))
    assert PUBLIC_KEY.fullmatch(shop.pop("public_test_key"))
    usual = {"lang": "en", "site": None, "timezone": "UTC", "email": None, "delay": "10d"}
    moderation = {"moderation": "checks", "publish_after": "7d"}
    assert shop == {"id": 1, "name": "Alba's bakery", **usual, **moderation}
    assert afterword.json("shop", "list") == [shop]


def test_a_shop_is_added_with_all_its_options_and_a_person_sees_its_keys_once(afterword: Command) -> None:
    site, email = "https://alba.example", "alba@bakery.example"
    options = (
        "--lang",
        "fr",
        "--site",
        site,
        "--timezone",
        "Europe/Paris",
        "--delay",
        "36h",
        "--email",
        email,
    )
    said = afterword.say("shop", "add", "Alba's bakery", *options)
    assert len(PRIVATE_KEY.findall(said)) == 2
    assert "shown only now" in said
    [shop] = afterword.json("shop", "list")
    assert (shop["lang"], shop["site"], shop["timezone"]) == ("fr", site, "Europe/Paris")
    assert (shop["delay"], shop["email"]) == ("36h", email)
    assert PRIVATE_KEY.search(afterword.say("shop", "list")) is None


def test_what_is_not_named_stays_and_an_empty_text_clears(afterword: Command) -> None:
    afterword.json("shop", "add", "Alba's bakery", "--site", "https://alba.example", "--delay", "7d")
    changed = afterword.json("shop", "set", "Alba's bakery", "--site", "", "--name", "Alba")
    assert (changed["name"], changed["site"], changed["delay"]) == ("Alba", None, "7d")
    assert "orders to come" in afterword.say("shop", "set", "1", "--delay", "5s")
    assert afterword.json("shop", "list") == [changed | {"delay": "5s"}]


def test_a_shop_may_have_a_person_look_at_all_of_its_reviews(afterword: Command) -> None:
    shop = afterword.json("shop", "add", "Alba's bakery", "--moderation", "by-hand", "--publish-after", "36h")
    assert (shop["moderation"], shop["publish_after"]) == ("by-hand", "36h")
    database = afterword.database()
    [stored] = database.read_now(list_shops)
    database.close_now()
    assert (stored.moderation, stored.publish_after) == ("by hand", 36 * 3_600)
    assert "reviews to come" in afterword.say("shop", "set", "1", "--moderation", "checks")
    assert afterword.json("shop", "list")[0]["publish_after"] == "36h"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--moderation", "never"), "Invalid value for '--moderation': 'never' is not a way to moderate"),
        (("--publish-after", "soon"), "Invalid value for '--publish-after': 'soon' is not a delay"),
        (("--delay", "ten days"), "Invalid value for '--delay': 'ten days' is not a delay"),
        (("--delay", "367d"), "Invalid value for '--delay': '367d' is longer than the longest delay"),
        (("--timezone", "Paris"), "Invalid value for '--timezone': 'Paris' is not a time zone"),
        (("--lang", "français"), "Invalid value for '--lang': 'français' is not a language"),
        (("--site", "javascript:alert(1)"), "Invalid value for '--site'"),
        (("--email", "alba"), "Invalid value for '--email': not an e-mail address"),
    ],
)
def test_a_wrong_option_is_a_usage_error_that_names_it(
    afterword: Command, options: tuple[str, str], sentence: str
) -> None:
    assert afterword.run("shop", "add", "Alba's bakery", *options).usage.startswith(sentence)


def test_a_name_of_digits_or_control_signs_is_no_name(afterword: Command) -> None:
    assert "digits only" in afterword.run("shop", "add", "7").usage
    assert "printable" in afterword.run("shop", "add", "Alba\x1b[2J").usage
    assert "printable" in afterword.run("shop", "add", os.fsdecode(b"Alba\xff")).usage


def test_two_shops_have_two_names_and_nobody_else_answers_to_one(afterword: Command) -> None:
    afterword.json("shop", "add", "Alba's bakery")
    afterword.json("shop", "add", "Bruno's books")
    taken = 'there is a shop named "Alba\'s bakery" already'
    assert afterword.run("shop", "add", "Alba's bakery").sentence == taken
    assert afterword.run("shop", "set", "2", "--name", "Alba's bakery").sentence == taken
    unknown = afterword.run("shop", "set", "Clara", "--lang", "fr").sentence
    assert unknown == "there is no shop 'Clara': afterword shop list shows them"
    assert "no shop" in afterword.run("key", "list", os.fsdecode(b"\xff")).sentence
    assert "at least one option" in afterword.run("shop", "set", "1").usage


def test_no_shop_yet_is_an_empty_array_and_a_hint(afterword: Command) -> None:
    assert afterword.json("shop", "list") == []
    assert afterword.say("shop", "list") == "There is no shop yet: afterword shop add NAME\n"
