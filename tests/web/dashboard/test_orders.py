"""The list of orders, one order, and what a person does with its e-mail."""

import re
from urllib.parse import quote

from tests.server import Answer
from tests.store.databases import rows
from tests.web.asking import plain
from tests.web.dashboard.conftest import Signed
from tests.web.reviewed import HOSTILE, Reviewed


def state_of(reviewed: Reviewed, id_order: str) -> tuple[str, str | None]:
    [found] = rows(
        reviewed.site,
        "SELECT m.state, m.reason FROM messages m JOIN orders o ON o.order_id = m.message_id "
        f"WHERE o.shop_id = {reviewed.shop.id} AND o.id_order = '{id_order}'",
    )
    return found


def orders_on(answer: Answer) -> list[str]:
    assert answer.status == 200, answer
    return re.findall(r'<th scope="row"><a href="[^"]*">([^<]*)</a>', answer.content.decode())


def test_orders_are_listed_newest_first_page_by_page(owner: Signed, reviewed: Reviewed) -> None:
    assert "No orders yet" in plain(owner.get("/orders").content)
    for number in range(60):
        reviewed.member.order(f"N{number}", live=number != 7)
    pages, path = [], "/orders"
    while path:
        answer = owner.get(path)
        pages.append(orders_on(answer))
        older = re.search(r'rel="next" href="([^"]*)"', answer.content.decode())
        path = "/orders" + older[1].replace("&amp;", "&") if older else ""
    assert [len(page) for page in pages] == [25, 25, 9]
    assert [name for page in pages for name in page] == [
        f"N{number}" for number in reversed(range(60)) if number != 7
    ]
    assert orders_on(owner.get("/orders", live=False)) == ["N7"]


def test_an_order_is_found_by_its_number_or_reference(owner: Signed, reviewed: Reviewed) -> None:
    reviewed.member.order("A/1 é", reference="R 1")
    for wanted in ("A/1 é", "R 1", " R 1 "):
        found = owner.press("/orders", q=wanted)
        assert found.status == owner.get(f"/orders?q={quote(wanted)}").status == 303
        page = owner.get(found.headers["location"].partition(f"{owner.shop.id}")[2])
        assert "Order A/1 é" in plain(page.content)
    assert "Nothing found" in plain(owner.press("/orders", q="other").content)


def test_the_orders_of_an_address_are_found_in_any_case(owner: Signed, reviewed: Reviewed) -> None:
    for number in range(3):
        reviewed.member.order(f"C{number}", email="Clara@mail.example")
    reviewed.member.order("D1", email="diego@mail.example")
    reviewed.member.order("T1", email="clara@mail.example", live=False)
    assert orders_on(owner.press("/orders", q="clara@MAIL.example")) == ["C2", "C1", "C0"]
    assert orders_on(owner.press("/orders", live=False, q="clara@mail.example")) == ["T1"]
    assert "Nothing found" in plain(owner.press("/orders", q="noor@mail.example").content)


def test_a_shop_sees_no_order_of_another_and_no_test_order_among_live_ones(
    owner: Signed, stranger: Signed, reviewed: Reviewed
) -> None:
    reviewed.member.order("1")
    reviewed.member.order("2", live=False)
    assert owner.get("/orders/1").status == 200 and owner.get("/orders/1", live=False).status == 404
    assert owner.get("/orders/2").status == 404 and owner.get("/orders/2", live=False).status == 200
    assert stranger.get("/orders/1").status == 404
    for path in ("/cancel", "/move", "/send"):
        pressed = stranger.press(path, order="1", why="test", to="2027-01-01T10:00")
        assert pressed.status == 409 and "has no live order" in plain(pressed.content)
        assert stranger.of(owner.shop).press(path, order="1").status == 404
    assert state_of(reviewed, "1") == ("scheduled", None)


def test_an_email_is_cancelled_with_a_reason_and_sent_again(moderator: Signed, reviewed: Reviewed) -> None:
    reviewed.member.order("1")
    assert moderator.press("/cancel", order="1").status == 409
    assert moderator.press("/cancel", order="1", why="no such reason").status == 409
    assert state_of(reviewed, "1") == ("scheduled", None)
    pressed = moderator.press("/cancel", order="1", why="refunded")
    assert pressed.headers["location"].endswith("/orders/1?done=cancelled")
    assert state_of(reviewed, "1") == ("cancelled", "refunded")
    assert orders_on(moderator.get("/orders?state=cancelled")) == ["1"]
    assert orders_on(moderator.get("/orders?state=failed")) == []
    assert moderator.press("/move", order="1", to="2027-01-01T10:00").status == 409
    assert moderator.press("/send", order="1").status == 303
    assert state_of(reviewed, "1")[0] == "scheduled"


def test_an_email_is_moved_in_the_shops_own_time(moderator: Signed, reviewed: Reviewed) -> None:
    reviewed.member.order("1")
    for wrong in (
        *("", "soon", "2027-13-01T10:00", "99999999"),
        *("9999-12-31T23:59", "0001-01-01T00:00", "2020-01-01T10:00"),
    ):
        assert moderator.press("/move", order="1", to=wrong).status == 409
    assert moderator.press("/move", order="1", to="2027-01-01T10:00").status == 303
    [(due_at,)] = rows(
        reviewed.site, f"SELECT due_at FROM messages WHERE shop_id = {reviewed.shop.id} AND queue = 0"
    )
    assert due_at == 1_798_794_000  # 10:00 in Paris
    assert "1 January 2027, 10:00" in plain(moderator.get("/orders/1").content)


def test_a_doubt_is_settled_by_a_person(moderator: Signed, reviewed: Reviewed) -> None:
    for id_order, said, state in (
        ("1", "sent", "sent"),
        ("2", "again", "scheduled"),
    ):
        reviewed.member.order(id_order)
        page = plain(moderator.get(f"/orders/{id_order}").content)
        assert "Did this e-mail arrive?" not in page
        reviewed.site.write(
            lambda tx: tx.run("UPDATE messages SET state = 'in_doubt' WHERE state = 'scheduled'")
        )
        assert orders_on(moderator.get("/orders?state=in_doubt")) == [id_order]
        assert "Did this e-mail arrive?" in plain(moderator.get(f"/orders/{id_order}").content)
        assert "1 e-mail is in doubt" in plain(moderator.get().content)
        assert moderator.press("/settle", order=id_order).status == 409
        assert moderator.press("/settle", order=id_order, settle=said).status == 303
        assert state_of(reviewed, id_order)[0] == state
        for again in ("sent", "again"):
            assert moderator.press("/settle", order=id_order, settle=again).status == 409
            assert state_of(reviewed, id_order)[0] == state


def test_an_email_is_shown_with_links_that_act_for_nobody(
    reader: Signed, stranger: Signed, reviewed: Reviewed
) -> None:
    reviewed.member.order("A/1", firstname="Amara <b>", live=False)
    shown = reader.get("/emails/A%2F1", live=False)
    assert shown.status == 200 and "Amara &lt;b&gt;" in shown.content.decode()
    links = set(re.findall(r'href="([^"]*)"', shown.content.decode()))
    assert links <= {f"{reader.site.url}/s/{reader.shop.id}", reviewed.shop.site}
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert reader.get("/emails/A%2F1").status == stranger.get("/emails/A%2F1", live=False).status == 404
    assert f'src="../../../../{reader.base(live=False)}/emails/A%2F1"' in (
        reader.get("/orders/A%2F1", live=False).content.decode()
    )


def test_a_reader_sees_all_and_presses_nothing(reader: Signed, reviewed: Reviewed) -> None:
    reviewed.member.order("1")
    page = reader.get("/orders/1").content.decode()
    assert "Change the e-mail" not in page
    for path in ("/cancel", "/move", "/send"):
        pressed = reader.press(path, order="1", why="refunded", to="2027-01-01T10:00")
        assert pressed.status == 403 and "Only a moderator or an owner" in plain(pressed.content)
    assert state_of(reviewed, "1") == ("scheduled", None)


def test_whatever_an_order_holds_is_shown_as_text(owner: Signed, reviewed: Reviewed) -> None:
    for number, text in enumerate(HOSTILE):
        clean = text.replace("\x00", "").replace("\x07", "").replace("\r\n", " ")
        reviewed.member.order(f"H{number}", firstname=clean[:60], lastname="<b>")
        page = owner.get(f"/orders/H{number}").content.decode()
        assert "<script>alert" not in page and "<img src=//evil" not in page and "<svg/onload" not in page
    assert owner.get("/orders").status == 200
