"""The address of a mail server, as AFTERWORD_SMTP gives it."""

import traceback

import pytest

from afterword.mail.smtp_address import SmtpAddress, parse_smtp_url


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("smtp://relay.example", SmtpAddress("relay.example")),
        ("smtp://relay.example:465", SmtpAddress("relay.example", 465, "starttls")),
        ("smtp://relay.example?tls=tls", SmtpAddress("relay.example", 587, "tls")),
        ("smtp://127.0.0.1:25/?tls=none", SmtpAddress("127.0.0.1", 25, "none")),
        ("smtp://[::1]:25?tls=none", SmtpAddress("::1", 25, "none")),
        (" smtp://relay.example\n", SmtpAddress("relay.example")),
        (
            "smtp://alba%40bakery.example:p%2Fa%3Fs%23s%40%3A%25%C3%A9@relay.example",
            SmtpAddress("relay.example", 587, "starttls", "alba@bakery.example", "p/a?s#s@:%é"),
        ),
    ],
)
def test_an_address_is_read_with_its_defaults(text: str, address: SmtpAddress) -> None:
    assert parse_smtp_url(text) == address


NO_HOST = ["", "@", "@relay.example:0", "@relay.example:65536", "@relay.example:smtp"]
OPTIONS = ["tls=maybe", "tls=", "tls=none&tls=tls", "sesame=1"]
NOT_QUOTED = ["12/sesame", "12?sesame", "12#sesame", "ses/ame", "[sesame", "ses ame", "ses\tame"]
NOT_TEXT = ["sesame\N{ACCOUNT OF}", "%FFsesame", "%00sesame"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "relay.example", "smtp://", "smtp://alba@relay.example", "smtp://:sesame@relay.example"),
        *(f"{scheme}://alba:sesame@relay.example" for scheme in ("http", "smtps")),
        *(f"smtp://alba:sesame{rest}" for rest in NO_HOST),
        *(f"smtp://alba:{password}@relay.example" for password in (*NOT_QUOTED, *NOT_TEXT)),
        *(f"smtp://alba:sesame@relay.example?{options}" for options in OPTIONS),
    ],
)
def test_a_wrong_address_is_refused_with_a_sentence_that_keeps_the_password(text: str) -> None:
    with pytest.raises(ValueError, match="SMTP address") as refusal:
        parse_smtp_url(text)
    shown = "".join(traceback.format_exception(refusal.value))
    told = f"{refusal.value!r} {refusal.value.__context__!r} {shown.splitlines()[-1]}"
    assert "sesame" not in told
    assert "ame@" not in told


def test_another_scheme_of_tls_is_refused_with_what_to_write() -> None:
    with pytest.raises(ValueError, match=r"for smtps://, write smtp://user:password@host:465\?tls=tls$"):
        parse_smtp_url("smtps://alba:sesame@relay.example")


def test_the_password_is_in_no_repr() -> None:
    address = parse_smtp_url("smtp://alba:open-sesame@relay.example")
    assert address.password == "open-sesame"
    assert "sesame" not in f"{address!r} {address!s} {address}"
    assert "relay.example" in repr(address)
