import json
import re

import pytest

from afterword.actions.shops import language_warning
from tests.cli.command import Command

PRIVATE_KEY = re.compile(r"1/(en|fr)/[0-9a-f]{64}")
PUBLIC_KEY = re.compile(r"[0-9a-f]{32}")


def test_a_shop_needs_only_a_name_which_is_its_alone(afterword: Command) -> None:
    assert afterword.say("shop", "list") == "No shops. Add one with: afterword shop add NAME\n"
    assert (
        "check AFTERWORD_DATA and" in afterword.run("shop", "set", "Alba's bakery", "--lang", "fr").sentence
    )
    shop = afterword.json("shop", "add", "Alba's bakery")
    assert PRIVATE_KEY.fullmatch(shop.pop("private_key"))
    assert PRIVATE_KEY.fullmatch(shop.pop("test_key"))
    assert PUBLIC_KEY.fullmatch(shop.pop("public_key"))
    assert PUBLIC_KEY.fullmatch(shop.pop("public_test_key"))
    usual = {"lang": "en", "site": None, "phones": None, "timezone": "UTC", "email": None, "delay": "10d"}
    moderation = {"moderation": "checks", "publish_after": "7d", "orders": "strict", "keep_for": "730d"}
    assert shop == {"id": 1, "name": "Alba's bakery", **usual, **moderation}
    assert afterword.json("shop", "list") == [shop]
    taken = 'there is already a shop named "Alba\'s bakery"'
    assert afterword.run("shop", "add", "Alba's bakery").sentence == taken


def test_a_shop_is_added_with_all_its_options_and_its_keys_are_shown_once(afterword: Command) -> None:
    options = {
        "lang": "fr",
        "site": "https://alba.example",
        "phones": "+33 1 40 00 00 00, 0800 123 456",
        "timezone": "Europe/Paris",
        "email": "alba@bakery.example",
        "delay": "36h",
        "moderation": "by-hand",
        "orders": "tolerant",
        "keep_for": "1095d",
        "publish_after": "2d",
    }
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
    said = afterword.say("shop", "add", "Alba's bakery", *words)
    assert len(PRIVATE_KEY.findall(said)) == 2 and "shown only now" in said
    assert afterword.json("shop", "list") == [{"id": 1, "name": "Alba's bakery", **options}]
    assert PRIVATE_KEY.search(afterword.say("shop", "list")) is None


def test_only_given_settings_change_and_an_empty_text_clears(afterword: Command) -> None:
    afterword.json("shop", "add", "Alba's bakery", "--site", "https://alba.example", "--delay", "7d")
    changed = afterword.json("shop", "set", "Alba's bakery", "--site", "", "--name", "Alba")
    assert (changed["name"], changed["site"], changed["delay"]) == ("Alba", None, "7d")
    said = afterword.say("shop", "set", "1", "--delay", "5s", "--moderation", "by-hand")
    assert "applies to later orders" in said and "applies to later reviews" in said
    assert afterword.json("shop", "list") == [changed | {"delay": "5s", "moderation": "by-hand"}]
    assert "at least one option" in afterword.run("shop", "set", "1").usage
    unknown = afterword.run("shop", "set", "Clara", "--lang", "fr").sentence
    assert unknown == "there is no shop 'Clara'; list the shops with: afterword shop list"


@pytest.mark.parametrize(("lang", "name"), [("de", "German"), ("pt-br", "Portuguese (Brazil)"), ("xx", "xx")])
def test_a_language_without_a_catalogue_is_set_and_warned_of(
    afterword: Command, lang: str, name: str
) -> None:
    said = f"Note: e-mails are in English; there is no {name} catalogue yet\n"
    added = afterword.run("shop", "add", "Alba's bakery", "--lang", lang, "--json")
    assert (added.code, added.err, json.loads(added.out)["lang"]) == (0, said, lang)
    assert afterword.run("key", "add", "1", "--lang", lang).err.startswith(said)
    assert afterword.run("shop", "set", "1", "--lang", lang).err == said
    assert afterword.run("shop", "set", "1", "--delay", "1d").err == ""


@pytest.mark.parametrize("lang", ["fr", "fr-ca", "fr-be", "en-gb"])
def test_a_variety_of_a_language_has_its_catalogue(lang: str) -> None:
    assert language_warning(lang) is None


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--moderation", "never", "'never' is"),
        ("--publish-after", "soon", "'soon' is not a delay"),
        ("--delay", "367d", "'367d' is longer than the longest delay"),
        ("--timezone", "Paris", "'Paris' is not a time zone"),
        ("--lang", "français", "'français' is not a language"),
        ("--site", "javascript:alert(1)", ""),
        ("--email", "alba", "not an e-mail address"),
        ("--phones", "0140000000, 3030", "'3030' is not a telephone number"),
        ("--phones", "call us", "'call us' is not a telephone number"),
    ],
)
def test_a_wrong_option_is_a_usage_error_that_names_it(
    afterword: Command, option: str, value: str, why: str
) -> None:
    usage = afterword.run("shop", "add", "Alba's bakery", option, value).usage
    assert usage.startswith(f"Invalid value for '{option}': {why}")


def test_a_name_of_digits_or_control_characters_is_a_usage_error(afterword: Command) -> None:
    for name, why in (("7", "digits only"), ("Alba\x1b[2J", "printable"), ("Alba\udcff", "printable")):
        assert why in afterword.run("shop", "add", name).usage
