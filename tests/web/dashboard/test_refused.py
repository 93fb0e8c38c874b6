"""Refused orders: what was wrong with each, and accepting incomplete ones."""

from afterword.store.shops import find_shop
from tests.server import an_order
from tests.web.asking import plain
from tests.web.dashboard.conftest import Signed
from tests.web.reviewed import HOSTILE, Reviewed


def sends(reviewed: Reviewed, *orders: object, live: bool = True) -> None:
    keys = reviewed.member.shown
    assert reviewed.site.post_orders(orders, key=keys.private_key if live else keys.test_key).status in (
        200,
        400,
    )


def rules_of(reviewed: Reviewed) -> str:
    shop = reviewed.site.read(lambda tx: find_shop(tx, str(reviewed.shop.id)))
    assert shop
    return shop.orders


def test_refused_orders_are_listed_with_what_was_wrong(reader: Signed, reviewed: Reviewed) -> None:
    assert "No orders were refused" in plain(reader.get("/refused").content)
    sends(reviewed, an_order("A-1", lastname=""), an_order("A-2", reference="R 2", email="nobody"))
    sends(reviewed, an_order("T-1", order_date="soon"), live=False)
    page = plain(reader.get("/refused").content)
    assert "lastname missing" in page and "email not an e-mail address" in page and "R 2" in page
    assert "Newest first." in page and "T-1" not in page and "nobody" not in page
    in_test = plain(reader.get("/refused", live=False).content)
    assert "order_date not a date and time" in in_test and "A-1" not in in_test


def test_the_latest_hundred_are_shown_and_all_are_counted(reader: Signed, reviewed: Reviewed) -> None:
    sends(reviewed, *(an_order(f"N-{number}", lastname="") for number in range(120)))
    page = reader.get("/refused").content.decode()
    assert "The latest 100 of 120 are shown" in plain(page) and "N-119" in page and "N-19<" not in page
    assert 'class="num">120<' in page


def test_an_owner_accepts_incomplete_orders(owner: Signed, reviewed: Reviewed) -> None:
    sends(reviewed, an_order("A-1", lastname=""))
    assert "Accept incomplete orders" in plain(owner.get("/refused").content)
    assert owner.press("/refused/tolerant").headers["location"].endswith("/refused?done=tolerant")
    assert rules_of(reviewed) == "tolerant"
    page = plain(owner.get("/refused?done=tolerant").content)
    assert "They are on" in page and "Accept incomplete orders" not in page
    sends(reviewed, an_order("A-1", lastname=""))
    assert owner.get("/orders/A-1").status == 200


def test_nobody_else_does(moderator: Signed, reader: Signed, stranger: Signed, reviewed: Reviewed) -> None:
    sends(reviewed, an_order("A-1", lastname=""))
    for signed in (moderator, reader):
        assert signed.press("/refused/tolerant").status == 403
        page = plain(signed.get("/refused").content)
        assert "An owner can accept" in page and "Accept incomplete orders" not in page
    assert stranger.of(reviewed.shop).press("/refused/tolerant").status == 404
    assert "A-1" not in stranger.get("/refused").content.decode()
    assert rules_of(reviewed) == "strict"


def test_whatever_a_refused_order_holds_is_shown_as_text(reader: Signed, reviewed: Reviewed) -> None:
    sends(reviewed, *({"id_order": text[:150], "reference": text[:150]} for text in HOSTILE))
    page = reader.get("/refused").content.decode()
    assert "<script>alert" not in page and "<img src=//evil" not in page and "<svg/onload" not in page
