"""The settings of a shop: what is saved, and that all that is wrong is said at once."""

import re
from typing import Any

from afterword.domain.shops import Shop
from afterword.store.shops import find_shop
from tests.server import Answer
from tests.web.asking import plain
from tests.web.dashboard.conftest import Signed
from tests.web.reviewed import Reviewed


def saves(signed: Signed, **fields: str) -> Answer:
    """Presses the button of the form; `press` has its own use for the name `site`."""
    return signed.press("/settings", **{f"{name}_": value for name, value in fields.items()})


def shop_of(reviewed: Reviewed) -> Shop:
    found = reviewed.site.read(lambda tx: find_shop(tx, str(reviewed.shop.id)))
    assert found
    return found


def typed_in(page: bytes) -> dict[str, str]:
    """What the fields of the page have."""
    html = page.decode()
    inputs = re.findall(r'<input id="\w+" name="(\w+)"[^>]*? value="([^"]*)"', html)
    radios = re.findall(r'<input type="radio"(?: id="\w+")? name="(\w+)" value="([^"]*)" checked>', html)
    chosen = re.findall(r'<select id="\w+" name="(\w+)".*?<option value="([^"]*)" selected>', html)
    return dict(inputs + radios + chosen)


WHOLE: dict[str, Any] = {
    "site": "https://shop.example",
    "email": "hello@shop.example",
    "phones": "+33 1 40 00 00 00",
    "lang": "fr",
    "timezone": "Europe/Rome",
    "delay": "7",
    "moderation": "by-hand",
    "publish_after": "36h",
    "orders": "tolerant",
}


def test_every_setting_is_saved_and_shown_again(owner: Signed, reviewed: Reviewed) -> None:
    name = f"Shop {reviewed.shop.id} & sons"
    pressed = saves(owner, name=name, **WHOLE)
    assert pressed.headers["location"].endswith("/settings?done=saved")
    saved = shop_of(reviewed)
    assert (saved.name, saved.site, saved.email, saved.phones) == (name, *list(WHOLE.values())[:3])
    assert (saved.lang, saved.timezone, saved.delay) == ("fr", "Europe/Rome", 7 * 86_400)
    assert (saved.moderation, saved.publish_after, saved.orders) == ("by hand", 36 * 3_600, "tolerant")
    assert saved.salt == reviewed.shop.salt
    shown = typed_in(owner.get("/settings").content)
    assert shown == WHOLE | {"name": name.replace("&", "&amp;")}
    assert 'event="shop changed"' in reviewed.site.log and "hello@shop.example" not in reviewed.site.log


def test_what_may_be_empty_is_cleared_and_what_is_not_there_is_kept(
    owner: Signed, reviewed: Reviewed
) -> None:
    saves(owner, **WHOLE)
    assert saves(owner, site="", email="", phones=" ").status == 303
    saved = shop_of(reviewed)
    assert (saved.site, saved.email, saved.phones) == (None, None, None)
    assert (saved.name, saved.delay, saved.orders) == (reviewed.shop.name, 7 * 86_400, "tolerant")


def test_all_that_is_wrong_is_said_at_once_and_kept(owner: Signed, reviewed: Reviewed) -> None:
    wrong = {name: f"<{name}>" for name in WHOLE} | {"name": "12345"}
    pressed = saves(owner, **wrong)
    page = pressed.content.decode()
    assert pressed.status == 422 and "Error: Settings" in page and 'role="alert"' in page
    for name in wrong:
        assert f'href="#{name}"' in page and f'id="wrong-{name}"' in page, name
        assert re.search(rf'id="{name}"', page), name
    kept = typed_in(pressed.content)
    for name in ("name", "site", "email", "phones", "timezone", "delay", "publish_after", "lang"):
        assert kept[name] == wrong[name].replace("<", "&lt;").replace(">", "&gt;"), name
    assert shop_of(reviewed) == reviewed.shop


def test_one_thing_that_is_wrong_saves_nothing(owner: Signed, reviewed: Reviewed) -> None:
    pressed = saves(owner, **WHOLE | {"delay": "367"})
    assert pressed.status == 422 and "days up to 366" in plain(pressed.content)
    assert typed_in(pressed.content)["site"] == WHOLE["site"] and shop_of(reviewed) == reviewed.shop


def test_a_name_that_another_shop_has_is_refused_at_its_field(
    owner: Signed, stranger: Signed, reviewed: Reviewed
) -> None:
    pressed = saves(owner, name=stranger.shop.name, delay="3")
    page = pressed.content.decode()
    assert pressed.status == 422 and 'id="wrong-name"' in page and shop_of(reviewed) == reviewed.shop


def test_only_an_owner_sees_and_changes_the_settings(
    moderator: Signed, reader: Signed, stranger: Signed, reviewed: Reviewed
) -> None:
    for signed in (moderator, reader):
        assert signed.get("/settings").status == 403
        assert saves(signed, delay="3").status == 403
    assert saves(stranger.of(reviewed.shop), delay="3").status == 404
    assert shop_of(reviewed) == reviewed.shop


def test_a_form_made_before_another_change_does_not_undo_it(owner: Signed) -> None:
    page = owner.get("/settings").content.decode()
    [made_of] = re.findall(r'name="made_of" value="(\w+)"', page)
    assert owner.press("/settings", made_of=made_of, lang="fr").status == 303
    late = owner.press("/settings", made_of=made_of, lang="en", timezone="UTC")
    assert late.status == 409 and "Someone has changed these settings" in plain(late.content)
    assert owner.site.read(lambda tx: find_shop(tx, str(owner.shop.id))).lang == "fr"  # type: ignore[union-attr]
