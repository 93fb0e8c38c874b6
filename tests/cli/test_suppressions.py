import pytest

from tests.cli.command import Command


@pytest.fixture(autouse=True)
def shops(afterword: Command) -> None:
    for name in ("Alba's bakery", "Bruno's books"):
        afterword.json("shop", "add", name)


def test_diego_is_suppressed_at_albas_and_not_at_brunos(afterword: Command) -> None:
    added = afterword.json(
        "suppression", "add", "Alba's bakery", "Diego@mail.example", "--reason", "complained"
    )
    assert added == {"shop_id": 1, "address": "Diego@mail.example", "reason": "complained", "new": True}
    [row] = afterword.json("suppression", "list", "1")
    assert (row["address"], row["reason"], row["live"]) == ("Diego@mail.example", "complained", True)
    assert "Diego@mail.example  complained" in afterword.say("suppression", "list", "1")
    assert afterword.json("suppression", "list", "Bruno's books") == []
    assert afterword.say("suppression", "list", "2") == "Nobody is suppressed.\n"


def test_the_first_reason_stays(afterword: Command) -> None:
    assert afterword.say("suppression", "add", "1", "diego@mail.example").endswith(
        "no more to diego@mail.example.\n"
    )
    assert "the first reason stays" in afterword.say("suppression", "add", "1", "DIEGO@mail.example")
    assert [row["reason"] for row in afterword.json("suppression", "list", "1")] == ["by the shop"]


def test_a_suppression_is_taken_back_once_whatever_the_letter_case(afterword: Command) -> None:
    afterword.say("suppression", "add", "1", "diego@mail.example")
    removed = afterword.json("suppression", "remove", "1", "Diego@Mail.example")
    assert removed == {"shop_id": 1, "address": "Diego@Mail.example", "removed": True}
    assert afterword.json("suppression", "list", "1") == []
    refused = afterword.run("suppression", "remove", "1", "diego@mail.example")
    assert refused.sentence == "diego@mail.example is not suppressed at Alba's bakery"


def test_only_an_address_and_a_listed_reason_are_taken(afterword: Command) -> None:
    assert "not an e-mail address" in afterword.run("suppression", "add", "1", "diego").usage
    assert (
        "is not one of"
        in afterword.run("suppression", "add", "1", "d@mail.example", "--reason", "rude").usage
    )
