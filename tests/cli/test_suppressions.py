from tests.cli.command import Command
from tests.store.cast import Member


def test_an_address_is_suppressed_listed_and_allowed_again(afterword: Command, alba: Member) -> None:
    assert afterword.say("suppression", "list", "1") == "No suppressed addresses.\n"
    words = ("Alba's bakery", "Diego@mail.example", "--reason", "complained")
    added = afterword.json("suppression", "add", *words)
    assert added == {"shop_id": 1, "address": "Diego@mail.example", "reason": "complained", "new": True}
    again = afterword.say("suppression", "add", "1", "DIEGO@mail.example")
    assert again == "DIEGO@mail.example was already suppressed for Alba's bakery; the first reason stays.\n"
    [row] = afterword.json("suppression", "list", "1")
    assert (row["address"], row["reason"], row["live"]) == ("Diego@mail.example", "complained", True)
    assert "Diego@mail.example  complained" in afterword.say("suppression", "list", "1")
    said = afterword.say("suppression", "remove", "1", "diego@mail.example")
    assert said.startswith("Alba's bakery may write to diego@mail.example again")
    refused = afterword.run("suppression", "remove", "1", "diego@mail.example").sentence
    assert refused == "diego@mail.example is not suppressed for Alba's bakery"


def test_only_an_address_and_a_listed_reason_are_taken(afterword: Command) -> None:
    assert "not an e-mail address" in afterword.run("suppression", "add", "1", "diego").usage
    words = ("1", "d@mail.example", "--reason", "rude")
    assert "is not one of" in afterword.run("suppression", "add", *words).usage
