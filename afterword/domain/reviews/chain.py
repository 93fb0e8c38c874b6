"""The chain: an append-only log of everything that happens to a shop's reviews. Each entry contains the hash of the
entry before it and is signed (Ed25519, RFC 8032), so that no entry can be changed, removed or inserted unnoticed.

Entries contain no text, only commitments to it: a hash of the text and a random salt. When a person's data is erased,
salt and text are deleted; the text cannot be recovered from the commitments, and the chain stays valid.

docs/verifying.md says what the chain proves, and against whom.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from afterword.domain.reviews.review import Review

EntryKind = Literal[
    "key", "written", "imported", "published", "rejected", "withdrawn", "replied", "disputed", "erased"
]

FIRST = "0" * 64
"""The `previous` hash of the first entry."""

_HEX = re.compile("[0-9a-f]+")


class Entry(NamedTuple):
    """One entry. `seq` counts from 1; a shop has one chain per mode. `details` is canonical JSON. `hash` is the
    SHA-256 of `content`, `signature` the Ed25519 signature of that hash (both hex)."""

    shop_id: int
    live: bool
    seq: int
    review_id: int
    version: int
    happened_at: int
    kind: EntryKind
    details: str
    previous: str
    hash: str
    signature: str

    def content(self) -> bytes:
        """The bytes that are hashed: all fields except `hash` and `signature`, as canonical JSON."""
        return canonical(dict(zip(self._fields[:-2], self[:-2], strict=True))).encode("ascii")


class Signer(NamedTuple):
    """Signs entries. Each shop's key is derived from `AFTERWORD_SECRET`."""

    secret: str

    def public_key(self, shop_id: int) -> str:
        """64 hex digits."""
        return _private_key(self.secret, shop_id).public_key().public_bytes_raw().hex()

    def sign(self, shop_id: int, hashed: str) -> str:
        """128 hex digits."""
        return _private_key(self.secret, shop_id).sign(bytes.fromhex(hashed)).hex()


@lru_cache(maxsize=1_024)
def _private_key(secret: str, shop_id: int) -> Ed25519PrivateKey:
    seed = hmac.new(secret.encode(), f"chain/{shop_id}".encode(), hashlib.sha256).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)


def signed(signer: Signer, entry: Entry) -> Entry:
    """The entry with the hash of its content, and the signature of its shop's key."""
    hashed = hashlib.sha256(entry.content()).hexdigest()
    return entry._replace(hash=hashed, signature=signer.sign(entry.shop_id, hashed))


def canonical(value: object) -> str:
    """Canonical JSON: ASCII, sorted names, no white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def is_whole(entry: Entry) -> bool:
    """Whether the entry's hash matches its content."""
    return hashlib.sha256(entry.content()).hexdigest() == entry.hash


def is_signed_by(entry: Entry, public_key: str) -> bool:
    """Whether the entry is signed with this key (hex). Only lower-case hex without spaces is accepted."""
    if not (_HEX.fullmatch(entry.signature) and _HEX.fullmatch(entry.hash)):
        return False
    try:
        _public_key(public_key).verify(bytes.fromhex(entry.signature), bytes.fromhex(entry.hash))
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=1_024)
def _public_key(public_key: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))


def commitment(salt: str, words: Mapping[str, object]) -> str:
    """64 hex digits that commit to the text without revealing it; checking it requires the salt."""
    return hashlib.sha256(bytes.fromhex(salt) + canonical(words).encode("ascii")).hexdigest()


def fixes(hashed: object, salt: str, words: Mapping[str, object]) -> bool:
    """Whether `hashed` is the commitment to this text with this salt; False if the salt is malformed."""
    try:
        return _HEX.fullmatch(salt) is not None and commitment(salt, words) == hashed
    except (TypeError, ValueError):
        return False


def words_of(review: Review) -> dict[str, object]:
    """Everything that an author's entry commits to."""
    return {
        "author": review.author,
        "experience_date": review.experience_date,
        "imported_from": review.imported_from,
        "lang": review.lang,
        "product_name": review.product_name,
        "rating": review.rating,
        "scope": review.scope,
        "text": review.text,
    }


def subject_of(review: Review) -> dict[str, object]:
    """What the review is about; the chain commits to it without revealing it."""
    return {"line": review.line, "order_id": review.order_id}


def committed(review: Review) -> dict[str, object]:
    """The commitments in the entry of a new version: to its text, and to what it is about."""
    return {
        "commitment": commitment(review.salt, words_of(review)),
        "order": commitment(review.salt, subject_of(review)),
    }


def imported_details(review: Review) -> dict[str, object]:
    """The details of an imported review's entry: the commitment, and when the review was written, published and
    replied to elsewhere, where that applies."""
    details: dict[str, object] = {
        **committed(review),
        "published_at": review.published_at,
        "written_at": review.written_at,
    }
    if review.reply is not None:
        replied = commitment(review.salt, {"reply": review.reply})
        details |= {"reply": replied, "replied_at": review.replied_at}
    return details
