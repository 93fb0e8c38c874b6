"""Guarantee 7, for every kind of e-mail: whatever is in its values, nothing is added to it."""

import email
import email.policy

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from afterword.domain.messages import Message, Recipient
from afterword.domain.orders.order import OrderLine
from afterword.domain.shops import Shop
from afterword.mail.transport import ComposedMessage
from tests.mail.conftest import (
    ALBA,
    COMPOSER,
    KINDS,
    LINKS,
    NOW,
    Page,
    check_wire,
    compose,
    example,
    fields_of,
    read,
)
from tests.needs import scale

# fmt: off
TRICKS = [
    "\r\nBcc: eve@evil.example", "\r\n\r\n<html>", "\nFrom: a@b.example", "\rX: y", "\x00",
    "\x0b\x0c\x1c\x1d\x1e", "\x85", "\u2028Bcc: x", "\u2029", "\ud800", "\udfff", "\u202e", "\u2066",
    "=?utf-8?q?=0d=0aBcc:_eve=40evil.example?=", "=?utf-8?b?DQpCY2M6IHhAeQ==?=", "=?", '"', "\\",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', '"><a href="https://evil.example">',
    "</bdi></td></table>", "<!--", "]]>", "{{ 7 * 7 }}", "{% raw %}", "[[ _ ]]", "%(shop)s", "--=_",
    "\r\n.\r\n", "\r\n--=_", "&lt;b&gt;", "&#13;&#10;", "王" * 40, "👩‍👩‍👧‍👦", "e" + "\u0301" * 300, "\ufeff",
    "\U0010ffff", "x" * 2000, " " * 90,
]
# fmt: on
hostile = st.lists(st.sampled_from(TRICKS) | st.text(max_size=30), min_size=1, max_size=6).map("".join)
shops = st.builds(
    Shop,
    id=st.just(1),
    name=hostile,
    lang=st.just("en"),
    site=st.none() | hostile | hostile.map("https://".__add__),
    timezone=st.just("UTC"),
    email=st.none() | hostile | st.just("hello@alba.example"),
    delay=st.just(1),
    salt=st.just(ALBA.salt),
)
order_lines = st.lists(
    st.builds(OrderLine, id=st.just(1), name=hostile, qty=st.none() | st.integers(0, 2**63 - 1)), max_size=13
).map(tuple)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """The example of any kind, with every text in it replaced."""
    found = example(draw(st.sampled_from(KINDS)))
    lang = draw(st.sampled_from(["en", "fr", "pt-br"]) | hostile)
    recipient = Recipient("clara@nunez.example", lang, draw(hostile), draw(hostile))
    order = found.order and replace(
        found.order,
        id_order=draw(hostile),
        reference=draw(st.none() | hostile),
        order_date=draw(hostile | st.just("2026-02-18 10:00:00")),
        lines=draw(order_lines),
    )
    reviews = tuple(
        replace(one, product_name=draw(st.none() | hostile), text=draw(hostile), reply=draw(hostile))
        for one in found.reviews
    )
    return replace(found, recipient=recipient, order=order, reviews=reviews)


@settings(max_examples=400 * scale(), deadline=None)
@given(messages(), shops)
def test_any_values_give_a_message_with_nothing_added(message: Message, shop: Shop) -> None:
    """Guarantee 7: there are no poison orders, and no poison reviews."""
    composed = COMPOSER.compose(message, shop, LINKS, NOW)

    check_wire(composed)
    has_reply_to = b"\r\nReply-To:" in composed.content
    check_structure(composed, fields_of(message.kind, "" if has_reply_to else "Reply-To"))
    check_page(Page(composed), Page(compose(message.kind)), shop)


def check_structure(composed: ComposedMessage, fields: list[str]) -> None:
    for policy in (email.policy.default, email.policy.compat32):
        message = email.message_from_bytes(composed.content, policy=policy)
        assert message.keys() == fields
        assert not message.defects
        parts = message.get_payload()
        assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
        assert [part.keys() for part in parts] == [fields[-2:]] * 2
        assert not any(part.defects for part in parts)
    assert [address.addr_spec for address in read(composed)["To"].addresses] == ["clara@nunez.example"]
    assert not set(str(read(composed)["Subject"])) & set("\r\n\0\u2028\u2029")


def check_page(page: Page, usual: Page, shop: Shop) -> None:
    assert set(page.tags) <= set(usual.tags) | {"p", "bdi"}
    assert page.attributes <= usual.attributes | {"colspan"}
    assert page.links in (usual.links, [*usual.links[:-1], shop.site], usual.links[:-1])
    assert not set(page.words) & set("\u202e\u2066\0")
