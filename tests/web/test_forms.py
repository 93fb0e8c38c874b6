"""The forms that programs and browsers write, and those that nothing can be made of."""

import pytest

from afterword.web.forms import MOST_FIELDS, MULTIPART, MalformedBody, read_fields

CURL, KEY = b'Content-Disposition: form-data; name="api_key"', b"7/fr/00"


def read(body: bytes, parameters: bytes = b"; boundary=xYx") -> dict[str, bytes]:
    return read_fields(MULTIPART, MULTIPART.encode() + parameters, body, ("api_key",))


def a_form(*heads: bytes, value: bytes = KEY) -> bytes:
    return b"".join(b"--xYx\r\n%b\r\n\r\n%b\r\n" % (head, value) for head in heads) + b"--xYx--\r\n"


@pytest.mark.parametrize(
    "head",
    [
        CURL,
        CURL + b"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit",
        b"Content-Length: 7\r\n" + CURL,
        b'Content-Type: text/plain\r\ncontent-disposition:form-data;name="api_key"',
        b"Content-Disposition: form-data; name=api_key",
        b'CONTENT-DISPOSITION: FORM-DATA; filename="key"; name="api_key"',
    ],
)
@pytest.mark.parametrize("boundary", [b'"xYx"', b"xYx; charset=utf-8", b"xYx"])
def test_a_field_is_known_by_its_name_however_the_sender_writes_it(head: bytes, boundary: bytes) -> None:
    for parameters in (b"; boundary=", b";BOUNDARY=", b"; a=b ; boundary="):
        assert read(a_form(head), parameters + boundary) == {"api_key": KEY}


@pytest.mark.parametrize("value", [b"", b"\r\n", b"\r\n\r\n[1]", b"--", b"--xY", b"\xff\0", b'name="orders"'])
def test_a_value_is_taken_byte_by_byte(value: bytes) -> None:
    assert read(b"preamble\r\n" + a_form(CURL, value=value) + b"epilogue") == {"api_key": value}


def test_a_repeated_field_has_one_value() -> None:
    assert read(a_form(CURL, CURL)) == {"api_key": KEY}
    with pytest.raises(
        MalformedBody, match=r"^the form has the field 'api_key' twice, with different values$"
    ):
        read(a_form(CURL)[:-9] + a_form(CURL, value=b"last"))


def test_a_form_has_as_many_fields_as_a_review_of_the_largest_order() -> None:
    heads = [b'Content-Disposition: form-data; name="text-%d"' % n for n in range(MOST_FIELDS)]
    assert len(read(a_form(*heads))) == MOST_FIELDS
    with pytest.raises(MalformedBody, match="more than 4,096 fields"):
        read(a_form(*heads, CURL))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"api_key=7",
        a_form(CURL)[:-4],
        a_form(CURL).replace(b"\r\n", b"\n"),
        a_form(b"Content-Type: text/plain"),
        a_form(b'Content-Disposition: attachment; name="api_key"'),
        b"--xYx\r\n" + CURL + b"\r\n--xYx--\r\n",
    ],
)
def test_a_body_that_is_not_a_form_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody, match=r"^the form cannot be read: "):
        read(body)
