"""The chain: its one spelling, hashes and signatures that must never change, and each place where it can break."""

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from afterword.domain.reviews.chain import (
    FIRST,
    Entry,
    EntryKind,
    Signer,
    canonical,
    commitment,
    committed,
    fixes,
    is_signed_by,
)
from afterword.domain.reviews.verification import (
    START,
    Finding,
    Position,
    read_entry,
    read_line,
    written_line,
)
from tests.domain.reviews.chains import REVIEW, SECRET, chain

KNOWN_HASH = "90514c2811bf879c24231cdebf825548b099ce9b7d29334479b22d1dfe7ed58f"
KNOWN_SIGNATURE = (
    "eed7aea3d0c607f43122031bb4a35cbf311653a8cde7bc0bc0ad9ec44dc13942"
    "cb78dd7e18cf2caccdacccd676b1dbf4b36d968fc24ffe50ef8c7942a17e470f"
)


def read(entries: list[Entry], allowed: set[str] | None = None, at: Position = START) -> list[Finding]:
    found: list[Finding] = []
    for entry in entries:
        at, more = read_entry(at, entry, allowed)
        found += more
    return found


def faults(entries: list[Entry], allowed: set[str] | None = None) -> list[str]:
    return [str(found) for found in read(entries, allowed) if found.is_fault]


# What must never change: whoever has a receipt or a copy of a chain relies on it.


def test_the_canonical_form_is_ascii_sorted_and_without_blanks() -> None:
    value = {"b": ["é\u2028", None, True, 1], "a": {"ü": 'q"\\/\n'}}
    assert canonical(value) == '{"a":{"\\u00fc":"q\\"\\\\/\\n"},"b":["\\u00e9\\u2028",null,true,1]}'


def test_a_known_entry_has_its_known_hash_and_signature() -> None:
    [entry] = chain()
    assert entry.content() == (
        b'{"details":"{\\"public_key\\":\\"342e9a0cc2fa43cd29c71a6b077e0984a80eb943a7ff713770f4fd8f93e2584f\\"}",'
        b'"happened_at":1772374326,"kind":"key","live":true,"previous":"' + b"0" * 64 + b'",'
        b'"review_id":0,"seq":1,"shop_id":7,"version":0}'
    )
    assert (entry.hash, entry.signature) == (KNOWN_HASH, KNOWN_SIGNATURE)


WORDS: dict[str, object] = {"rating": 5, "text": "Très bon\n\U0001f35e"}
KNOWN_COMMITMENT = "1bb756f0fb2d104180054e027f27cdc71f545980bb96fa23ba4daeb9363a5199"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("author", "Diego D."),
        ("experience_date", "2026-02-19"),
        ("imported_from", "elsewhere.example"),
        ("lang", "fr"),
        ("product_name", "Seed rolls"),
        ("rating", 5),
        ("scope", "200"),
        ("text", "Bad bread."),
        ("line", 2),
        ("order_id", 8),
    ],
)
def test_an_entry_commits_to_every_value_that_its_author_gave_or_that_it_is_about(
    name: str, other: object
) -> None:
    """Each alone: what else would find a change may be changed with it."""
    assert getattr(REVIEW, name) != other
    assert committed(replace(REVIEW, **{name: other})) != committed(REVIEW)


def test_known_words_have_their_known_commitment() -> None:
    assert commitment("00112233445566778899aabbccddeeff", WORDS) == KNOWN_COMMITMENT
    assert fixes(KNOWN_COMMITMENT, "00112233445566778899aabbccddeeff", WORDS)


@pytest.mark.parametrize("salt", ["00112233445566778899AABBCCDDEEFF", "", " 00", "0", "x", None, b"00"])
def test_a_salt_in_another_spelling_fixes_nothing(salt: object) -> None:
    assert not fixes(KNOWN_COMMITMENT, salt, WORDS)  # type: ignore[arg-type]


def test_each_shop_has_a_key_of_its_own_and_the_same_each_time() -> None:
    keys = {Signer(secret).public_key(shop) for secret in (SECRET, SECRET[1:]) for shop in (1, 2)}
    assert len(keys) == 4
    assert Signer(SECRET).public_key(7) == json.loads(chain()[0].details)["public_key"]


def test_a_signature_is_of_one_key_and_one_hash_and_has_one_spelling() -> None:
    first, second = chain("written")
    key = Signer(SECRET).public_key(7)
    assert is_signed_by(first, key)
    assert not is_signed_by(first, Signer(SECRET).public_key(8))
    assert not is_signed_by(first, "no key")
    assert not is_signed_by(first._replace(signature=second.signature), key)
    for spelling in (first.signature.upper(), " " + first.signature, first.signature + "\n", "é", ""):
        assert not is_signed_by(first._replace(signature=spelling), key)
    for spelling in (first.hash.upper(), " " + first.hash, first.hash + "\n", "é"):
        assert not is_signed_by(first._replace(hash=spelling), key)


# What is found.


def test_a_whole_chain_has_no_fault_and_its_end_is_known() -> None:
    entries = chain("written", "published", "rejected")
    at = START
    for entry in entries:
        at, found = read_entry(at, entry)
        assert found == []
    assert at == (4, entries[-1].hash, Signer(SECRET).public_key(7), entries[-1].happened_at)


def test_every_changed_byte_of_an_entry_is_found_where_it_is() -> None:
    """Of an entry of every kind."""
    at = START
    for entry in chain(*get_args(EntryKind)[1:]):
        for name in ("details", "previous", "hash", "signature"):
            text: str = getattr(entry, name)
            for place, character in enumerate(text):
                changed = text[:place] + chr(ord(character) ^ 1) + text[place + 1 :]
                _, found = read_entry(at, entry._replace(**{name: changed}))
                assert any(each.is_fault and each.place == f"entry {entry.seq}" for each in found), name
        at, _ = read_entry(at, entry)


@pytest.mark.parametrize("name", Entry._fields)
def test_a_field_with_another_value_or_of_another_kind_is_a_fault(name: str) -> None:
    entries = chain("written", "published")
    value = getattr(entries[1], name)
    others = [None, b"x", 1.5, [], value + "0" if isinstance(value, str) else value + 1, "", -1]
    for other in others:
        if other != value:
            assert faults([entries[0], entries[1]._replace(**{name: other}), entries[2]]), other


@pytest.mark.parametrize(
    "details", ["", "x", "[]", '{"a": 1}', '{"b":1,"a":1}', '{"a":NaN}', "[" * 10_000, "é"]
)
def test_details_that_are_not_canonical_are_a_fault_even_if_they_are_signed(details: str) -> None:
    entry = chain()[0]
    assert any("canonical" in words for words in faults([entry._replace(details=details)]))


def test_what_is_missing_or_stands_elsewhere_is_told_with_its_place() -> None:
    one, two, three, four = chain("written", "published", "replied")
    assert faults([one, three, four])[0] == "entry 2: is missing"
    assert faults([one, four])[0] == "entry 2: is missing, and so is everything up to entry 3"
    assert "entry 2: follows entry 3" in faults([one, three, two, four])
    assert "entry 2: follows entry 2" in faults([one, two, two, three])
    assert faults([two, three])[0] == "entry 1: is missing"


def test_one_wrong_entry_is_told_and_those_after_it_are_not() -> None:
    entries = chain("written", "published", "replied", "withdrawn")
    entries[1] = entries[1]._replace(happened_at=entries[1].happened_at + 1)
    assert faults(entries) == ["entry 2: its hash is not that of its content"]


def test_an_entry_before_which_no_key_was_introduced_is_a_fault() -> None:
    entry = chain("written")[1]._replace(seq=1, previous=FIRST)
    assert "entry 1: no key was introduced before it" in faults([entry])


def test_a_key_that_did_not_sign_its_own_entry_is_a_fault() -> None:
    entries = chain("written")
    details = canonical({"public_key": Signer("another secret, as long as it").public_key(7)})
    assert "entry 1: is not signed with the key in use" in faults([entries[0]._replace(details=details)])


def test_another_key_is_noted_and_is_a_fault_where_keys_are_named() -> None:
    secrets = (SECRET, "another secret, as long as it is")
    entries = chain("written", secrets=secrets)
    old, new = (Signer(secret).public_key(7) for secret in secrets)
    assert read(entries) == [Finding("entry 3", f"another key signs from here on, {new}", is_fault=False)]
    assert faults(entries, {old, new}) == []
    assert faults(entries, {old}) == [f"entry 3: introduces a key that may not sign here, {new}"]
    assert faults(entries, {new}) == [f"entry 1: introduces a key that may not sign here, {old}"]


def test_an_old_key_signs_no_more_once_another_was_introduced() -> None:
    entries = chain("written", secrets=(SECRET, "another secret, as long as it is"))
    late = Signer(SECRET).sign(7, entries[3].hash)
    assert faults([*entries[:3], entries[3]._replace(signature=late)]) == [
        "entry 4: is not signed with the key in use"
    ]


def test_time_that_runs_backwards_is_noted() -> None:
    """Clocks are set; that alone proves nothing."""
    entries = chain("written")
    at, _ = read_entry(START, entries[0])
    later = at._replace(happened_at=at.happened_at + 61)
    assert read([entries[1]], at=later) == [
        Finding("entry 2", "is 60 s earlier than the entry before it", is_fault=False)
    ]


# As it is downloaded.


def test_a_line_is_read_as_it_was_written() -> None:
    for entry in chain("written"):
        assert read_line(written_line(entry).encode()) == entry


@given(st.binary(max_size=80) | st.text().map(str.encode))
def test_what_is_no_entry_is_not_read_as_one(line: bytes) -> None:
    assert read_line(line) is None


@pytest.mark.parametrize("change", [{"seq": "1"}, {"live": 1}, {"hash": None}, {"more": 1}])
def test_a_line_of_another_shape_is_no_entry(change: dict[str, object]) -> None:
    fields = chain()[0]._asdict() | change
    assert read_line(json.dumps(fields).encode()) is None
