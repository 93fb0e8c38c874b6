"""The webhooks of a shop: one is added with a secret, tested, and removed."""

import re

import pytest

from afterword.store.webhooks import Webhook, add_webhook, stop_webhook, webhooks_of
from tests.store.cast import NOW
from tests.web.asking import plain
from tests.web.dashboard.conftest import Signed
from tests.web.reviewed import Reviewed

URL = "https://hook.invalid/reviews"


def hooks_of(reviewed: Reviewed) -> list[Webhook]:
    return reviewed.site.read(lambda tx: webhooks_of(tx, reviewed.shop.id))


def added(reviewed: Reviewed, url: str = URL, *, live: bool = True) -> Webhook:
    """One that is there without a check of its address."""
    return reviewed.site.write(
        lambda tx: add_webhook(tx, reviewed.shop, url, "whsec_c2VjcmV0", live=live, now=NOW)
    )


def test_a_webhook_is_added_and_its_secret_is_shown_once(owner: Signed, reviewed: Reviewed) -> None:
    assert "No webhooks yet" in plain(owner.get("/webhooks").content)
    pressed = owner.press("/webhooks", url=f" {URL} ")
    [hook] = hooks_of(reviewed)
    assert hook.url == URL and hook.live
    assert pressed.status == 200 and pressed.headers["cache-control"] == "no-store"
    assert re.findall(r'readonly value="([^"]*)"', pressed.content.decode()) == [hook.secret]
    page = owner.get("/webhooks").content.decode()
    assert URL in page and "Not used yet" in page and hook.secret not in page
    assert hook.secret not in reviewed.site.log and f"webhook={hook.id}" in reviewed.site.log


@pytest.mark.parametrize(
    "url", ["", "nowhere", "http://127.0.0.1/hook", "ftp://hook.invalid/", "https://a b/"]
)
def test_an_address_to_which_nothing_may_be_sent_is_refused_and_kept(
    owner: Signed, reviewed: Reviewed, url: str
) -> None:
    pressed = owner.press("/webhooks", url=url)
    page = pressed.content.decode()
    assert pressed.status == 422 and hooks_of(reviewed) == []
    assert "cannot be a webhook" in page and "Error: Webhooks" in page and 'href="#url"' in page
    assert re.search(f'<input id="url"[^>]* value="{re.escape(url)}"[^>]* aria-invalid="true"', page)


def test_there_is_a_limit(owner: Signed, reviewed: Reviewed) -> None:
    for number in range(20):
        added(reviewed, f"https://hook.invalid/{number}")
    pressed = owner.press("/webhooks", url=URL)
    assert pressed.status == 422 and "which is the limit" in plain(pressed.content)


def test_a_stopped_webhook_says_why_and_a_test_says_what_came_back(owner: Signed, reviewed: Reviewed) -> None:
    hook = added(reviewed, "http://127.0.0.1:9/hook")
    reviewed.site.write(lambda tx: stop_webhook(tx, hook.shop_id, hook.id, "it answered 410", since=NOW))
    assert "Stopped it answered 410" in plain(owner.get("/webhooks").content)
    pressed = owner.press("/webhooks/test", webhook=hook.id)
    assert pressed.status == 200 and "did not accept the test" in plain(pressed.content)
    assert f"/webhooks?remove={hook.id}#sure" in pressed.content.decode()
    assert hooks_of(reviewed)[0].stopped == "it answered 410"


def test_a_webhook_is_removed_after_asking_again(owner: Signed, reviewed: Reviewed) -> None:
    hook = added(reviewed)
    assert f"Remove {URL}?" in plain(owner.get(f"/webhooks?remove={hook.id}").content)
    assert hooks_of(reviewed) == [hook]
    assert owner.press("/webhooks/remove", webhook=hook.id).headers["location"].endswith("?done=unhooked")
    assert hooks_of(reviewed) == []
    assert owner.press("/webhooks/remove", webhook=hook.id).status == 404


def test_each_mode_and_each_shop_has_its_own_webhooks(
    owner: Signed, stranger: Signed, reviewed: Reviewed
) -> None:
    live, test = (
        added(reviewed, "https://live.invalid/"),
        added(reviewed, "https://test.invalid/", live=False),
    )
    assert "test.invalid" not in owner.get("/webhooks").content.decode()
    assert "live.invalid" not in owner.get("/webhooks", live=False).content.decode()
    for path in ("/webhooks/remove", "/webhooks/test"):
        assert owner.press(path, webhook=test.id).status == 404
        assert owner.press(path, webhook=live.id, live=False).status == 404
        assert stranger.press(path, webhook=live.id).status == 404
    assert hooks_of(reviewed) == [live, test]


def test_only_an_owner_sees_webhooks_and_changes_them(
    moderator: Signed, reader: Signed, reviewed: Reviewed
) -> None:
    hook = added(reviewed)
    for signed in (moderator, reader):
        assert signed.get("/webhooks").status == 403
        for path in ("/webhooks", "/webhooks/remove", "/webhooks/test"):
            assert signed.press(path, url=URL, webhook=hook.id).status == 403
    assert hooks_of(reviewed) == [hook]
