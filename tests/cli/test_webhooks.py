from tests.cli.command import Command
from tests.store.cast import Member
from tests.webhooks.receiver import Receiver, status

ALLOW = {"AFTERWORD_WEBHOOK_ALLOW": "127.0.0.0/8, ::1"}


def test_a_webhook_is_added_listed_tested_and_removed(afterword: Command, alba: Member) -> None:
    assert afterword.say("webhook", "list", "1").startswith("No webhooks. ")
    with Receiver(status(204), status(500)) as receiver:
        added = afterword.json("webhook", "add", "Alba's bakery", receiver.url, "--test", **ALLOW)
        assert added["secret"].startswith("whsec_") and not added["live"]
        tested = afterword.json("webhook", "test", "1", **ALLOW)
        assert tested == {"id": 1, "accepted": True, "says": "it answered 204"}
        failed = afterword.run("webhook", "test", "1", **ALLOW)
    assert (failed.code, failed.out) == (1, "Webhook 1 did not accept the test: it answered 500.\n")
    [listed] = afterword.json("webhook", "list", "Alba's bakery")
    assert listed["url"] == receiver.url and listed["answered_at"] and listed["stopped"] is None
    assert (listed["waiting"], listed["failed"]) == (0, 0)
    assert added["secret"] not in afterword.say("webhook", "list", "Alba's bakery")
    assert afterword.say("webhook", "remove", "1") == "Webhook 1 of shop 1 is removed.\n"
    assert afterword.run("webhook", "test", "1").sentence == "there is no webhook 1"


def test_a_wrong_url_or_setting_is_one_sentence(afterword: Command, alba: Member) -> None:
    url = "http://127.0.0.1:8000/"
    assert "AFTERWORD_WEBHOOK_ALLOW" in afterword.run("webhook", "add", "1", url).sentence
    wrong = afterword.run("webhook", "add", "1", url, AFTERWORD_WEBHOOK_ALLOW="here").sentence
    assert "is not a list of networks" in wrong
