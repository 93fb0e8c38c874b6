import os

import pytest

from afterword.actions import keys, shops
from afterword.base.errors import Refused
from afterword.store.engine.database import Database
from tests.store.cast import NOW, Member
from tests.store.databases import act, ask


@pytest.mark.parametrize("name", ["Clara", "99", "9" * 30, "", os.fsdecode(b"\xff")])
def test_a_shop_that_is_not_there_is_refused(database: Database, alba: Member, name: str) -> None:
    assert ask(database, shops.named, str(alba.shop.id)) == ask(database, shops.named, "Alba's bakery")
    with pytest.raises(Refused, match=r"^there is no shop .+; list the shops with: afterword shop list$"):
        ask(database, shops.named, name)


def test_a_change_keeps_what_another_has_changed_since(database: Database, alba: Member) -> None:
    act(database, shops.change, alba.shop, NOW, site="https://alba.example")
    changed = act(database, shops.change, alba.shop, NOW, lang="fr")
    assert (changed.site, changed.lang) == ("https://alba.example", "fr")
    assert ask(database, shops.listed) == [changed]


def test_a_new_key_has_the_language_of_its_shop_unless_it_has_its_own(
    database: Database, alba: Member
) -> None:
    ours, _ = act(database, keys.add, alba.shop, None, NOW, live=True)
    french, text = act(database, keys.add, alba.shop, "fr", NOW, live=False)
    assert (ours.lang, french.lang, text.split("/")[1]) == ("en", "fr", "fr")
    assert [each.key for each in ask(database, keys.listed, alba.shop)][-2:] == [ours, french]
