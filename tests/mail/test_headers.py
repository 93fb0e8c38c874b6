import email
import email.header
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterword.domain.orders.email import check_address, has_odd_dots
from afterword.mail.headers import (
    AddressError,
    HeaderError,
    check_header,
    date_field,
    mailbox_field,
    parse_mailbox,
    text_field,
    wire_address,
)
from tests.needs import scale

DISGUISED_BCC = "=?utf-8?q?=0d=0aBcc:_e=40x.example?="

NAMES = [
    "Clara",
    "Clara Nunez-O'Hara",
    "Nunez, Clara",
    'Clara "Lala" Nunez',
    "Clara \\ Nunez",
    'Clara \\" Nunez',
    "Clara (the baker) Nunez; Co: <x@y.example>",
    "J. R. R. Tolkien",
    "Clara Núñez",
    "Clara 👩‍🍳 Núñez",
    "Clara Nu\u0301n\u0303ez a\u0301\u0302\u0303",
    "王" * 100,
    "👩‍👩‍👧‍👦" * 20,
    "a" * 200,
    "Clara " * 30 + "Nunez",
    DISGUISED_BCC,
    "Clara =?utf-8?b?QmNj?= Nunez",
]

names = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=200)


def parsed(field: str) -> email.message.EmailMessage:
    return email.message_from_bytes(field.encode() + b"\r\n\r\n", policy=email.policy.default)


def decoded(value: str) -> str:
    """Read by the older of the two parsers, which many mail programs resemble."""
    return str(email.header.make_header(email.header.decode_header(value)))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back_as_it_was(name: str) -> None:
    field = mailbox_field("To", name, "clara@nunez.example")

    assert parsed(field).keys() == ["To"]
    [address] = parsed(field)["To"].addresses
    assert address.addr_spec == "clara@nunez.example"
    if field.count("=?utf-8?b?") <= 1:
        assert address.display_name == name
    else:  # Python 3.11's newer parser puts spaces between the encoded words of a name
        assert decoded(field.removeprefix("To: ").partition("<")[0].strip()) == name


@pytest.mark.parametrize("text", NAMES)
def test_a_subject_comes_back_as_it_was(text: str) -> None:
    assert parsed(text_field("Subject", text))["Subject"] == text


@settings(max_examples=300 * scale(), deadline=None)
@given(names)
def test_any_name_comes_back_from_lines_that_are_short_enough(name: str) -> None:
    name = " ".join(name.split(" ")).strip() or "Clara"
    field = mailbox_field("To", name, "clara@nunez.example")

    assert field.isascii()
    assert all(len(line) <= 76 for line in field.split("\r\n"))
    assert all(line.startswith(" ") and line.strip() for line in field.split("\r\n")[1:])
    [address] = parsed(field)["To"].addresses
    assert address.addr_spec == "clara@nunez.example"
    if "=?" in field:
        words = field.removeprefix("To: ").rpartition("<")[0].strip()
        assert decoded(words) == name


@settings(max_examples=300 * scale(), deadline=None)
@given(st.text(max_size=300))
def test_no_text_makes_a_second_field_or_hides_a_line_end(text: str) -> None:
    field = text_field("Subject", text)

    check_header(field.encode(), (b"Subject",))
    shown = decoded(field.removeprefix("Subject: ").replace("\r\n ", " "))
    assert not set(shown) & set("\r\n\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")


@pytest.mark.parametrize("text", ["é" * 100, "王" * 100, "😀" * 60, "aé王😀" * 20])
def test_no_encoded_word_splits_a_character_or_is_too_long(text: str) -> None:
    words = text_field("Subject", text).removeprefix("Subject: ").split("\r\n ")

    assert len(words) > 1
    for word in words:
        assert len(word) <= 75
        [(octets, charset)] = email.header.decode_header(word)
        assert charset == "utf-8"
        assert octets.decode("utf-8") in text


def test_a_disguised_header_is_shown_and_not_decoded() -> None:
    field = mailbox_field("To", DISGUISED_BCC, "clara@nunez.example")

    assert "=0d=0a" not in field
    assert decoded(field.removeprefix("To: ").partition(" <")[0]) == DISGUISED_BCC


def test_plain_names_are_left_readable() -> None:
    assert mailbox_field("To", "Clara Nunez", "c@n.example") == "To: Clara Nunez <c@n.example>"
    assert mailbox_field("To", "Nunez, Clara", "c@n.example") == 'To: "Nunez, Clara" <c@n.example>'
    assert mailbox_field("To", "", "c@n.example") == "To: c@n.example"


def test_a_long_plain_subject_is_folded_before_spaces() -> None:
    text = "How was your order from " + "the finest bakery of the whole coast " * 3 + "?"
    field = text_field("Subject", text)

    assert "=?" not in field
    assert field.replace("\r\n", "") == f"Subject: {text}"


def test_a_domain_goes_as_a_labels() -> None:
    assert wire_address("clara@bäckerei.example") == "clara@xn--bckerei-5wa.example"
    assert wire_address("clara@faß.example") == "clara@xn--fa-hia.example"
    assert wire_address("clára@bäckerei.example") == "clára@xn--bckerei-5wa.example"
    assert wire_address("clara+a'b=c@nunez.example") == "clara+a'b=c@nunez.example"


HALVES = ["", "clara", "@nunez.example", "clara@"]
LINE_ENDS = ["clara@nunez.example\r\nBcc: e@x.example", "clara\n@nunez.example", "cla\u2028ra@nunez.example"]
SIGNS = ["clara@nunez.example>", "<clara@nunez.example", "clara, diego@nunez.example", "a@b@nunez.example"]
NOT_PRINTED = ["cla\ud800ra@nunez.example", "cla\u202era@nunez.example", "clara@nu\udc00nez.example"]


@pytest.mark.parametrize("address", [*HALVES, *LINE_ENDS, *SIGNS, *NOT_PRINTED, "clara@nu ñez.example"])
def test_an_address_that_could_break_a_header_is_refused(address: str) -> None:
    with pytest.raises(AddressError):
        wire_address(address)


def is_taken_at_the_door(address: str) -> bool:
    try:
        return check_address(address) == address
    except ValueError:
        return False


signs = st.sampled_from("aZ0-_.+'=?é\u0301ß王ñ\u00ad\u200d\u200c。．@\u202eи")
taken = (
    st.tuples(st.text(signs, min_size=1, max_size=6), st.text(signs, min_size=1, max_size=8))
    .map(lambda parts: f"{parts[0]}@{parts[1]}.example")
    .filter(is_taken_at_the_door)
)


@settings(max_examples=200 * scale(), deadline=None)
@given(taken)
def test_every_address_that_the_door_takes_can_be_written_to(address: str) -> None:
    local, _, domain = wire_address(address).rpartition("@")

    sent = address.rpartition("@")[0]
    assert local == (f'"{sent}"' if has_odd_dots(sent) else sent)
    assert domain.isascii()


def test_dots_where_an_atom_has_none_are_quoted() -> None:
    for local in ("a..b", "clara.", ".clara"):
        assert wire_address(f"{local}@docomo.example") == f'"{local}"@docomo.example'
    assert mailbox_field("To", "", wire_address("a..b@docomo.example")) == 'To: "a..b"@docomo.example'


def test_a_sender_is_read_with_or_without_a_name() -> None:
    assert parse_mailbox("reviews@afterword.example") == ("", "reviews@afterword.example")
    assert parse_mailbox("Reviews <reviews@afterword.example>") == ("Reviews", "reviews@afterword.example")
    assert parse_mailbox('"Alba \\"B\\", baker" <a@alba.example>') == ('Alba "B", baker', "a@alba.example")
    assert parse_mailbox(" <reviews@afterword.example> ") == ("", "reviews@afterword.example")


@pytest.mark.parametrize(
    "text", ["", "Reviews", "a@b.example, c@d.example", "A <a@b.example> <c@d.example>", "A <a>"]
)
def test_a_sender_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_mailbox(text)


def test_a_date_is_in_utc() -> None:
    assert date_field(1_772_374_326) == "Date: Sun, 01 Mar 2026 14:12:06 +0000"


@pytest.mark.parametrize(
    "header",
    [
        b"To: c@n.example\r\nSubject: x\r\nBcc: e@x.example",
        b"To: c@n.example\r\n\r\nSubject: x",
        b"Subject: x\r\nTo: c@n.example",
        b"To: c@n.example",
        b"To: c@n.example\r\nSubject: x\nBcc: e@x.example",
        b"To: c@n.example\r\nSubject: x\rBcc: e@x.example",
        b"To: c@n.example\r\nSubject: x\0",
        b"To: c@n.example\r\nSubject : x",
        b"To: c@n.example\r\nSubject: x\r\n",
        b"To: c@n.example\r\nSubject: x\r\nSubject: y",
    ],
)
def test_a_header_with_anything_else_in_it_is_not_let_out(header: bytes) -> None:
    check_header(b"To: c@n.example\r\nSubject: x\r\n y", (b"To", b"Subject"))

    with pytest.raises(HeaderError):
        check_header(header, (b"To", b"Subject"))
