"""The chain: what became of a shop's reviews, in one list that is only ever added to. Each entry has the hash of the
one before it and is signed (Ed25519, RFC 8032), so that nothing can be changed, taken out or put in unseen.

Entries hold no words, only commitments to them: a hash of the words and of a random salt. When a person's data is
erased, salt and words go, nobody can find the words from what is left, and the chain stays whole.

What is proved against whom is in docs/verifying.md.
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

Kind = Literal[
    "key", "written", "imported", "published", "rejected", "withdrawn", "replied", "doubted", "erased"
]

FIRST = "0" * 64
"""What the first entry names as the hash before it."""

_HEX = re.compile("[0-9a-f]+")


class Entry(NamedTuple):
    """One entry. `seq` counts from 1 in the chain of its shop's live, or test, reviews. `details` is canonical JSON;
    `hash` is the SHA-256 of `content`, and `signature` an Ed25519 signature of that hash (both hex)."""

    shop_id: int
    live: bool
    seq: int
    review_id: int
    version: int
    happened_at: int
    kind: Kind
    details: str
    previous: str
    hash: str
    signature: str

    def content(self) -> bytes:
        """What is hashed: every field but the last two, as canonical JSON."""
        return canonical(dict(zip(self._fields[:-2], self[:-2], strict=True))).encode("ascii")


class Signer(NamedTuple):
    """Signs a shop's entries, with keys made from `AFTERWORD_SECRET`: one for each shop."""

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


def signed_entry(
    signer: Signer,
    *,
    shop_id: int,
    live: bool,
    seq: int,
    review: Review | None,
    happened_at: int,
    kind: Kind,
    details: Mapping[str, object],
    previous: str,
) -> Entry:
    """The entry that follows `previous`; `review` is None for what is about no review."""
    about = (review.id, review.version) if review else (0, 0)
    entry = Entry(shop_id, live, seq, *about, happened_at, kind, canonical(details), previous, "", "")
    hashed = hashlib.sha256(entry.content()).hexdigest()
    return entry._replace(hash=hashed, signature=signer.sign(shop_id, hashed))


def canonical(value: object) -> str:
    """JSON in its one spelling: ASCII, sorted names, no blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def is_whole(entry: Entry) -> bool:
    """Whether its hash is that of its content."""
    return hashlib.sha256(entry.content()).hexdigest() == entry.hash


def is_signed_by(entry: Entry, public_key: str) -> bool:
    """Whether this key (hex) signed it. Hex digits have one spelling: that of small letters, without blanks."""
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
    """64 hex digits that fix the words without telling them; whoever has the salt can check."""
    return hashlib.sha256(bytes.fromhex(salt) + canonical(words).encode("ascii")).hexdigest()


def fixes(hashed: object, salt: str, words: Mapping[str, object]) -> bool:
    """Whether `hashed` is the commitment to these words with this salt, whatever is given for a salt."""
    try:
        return _HEX.fullmatch(salt) is not None and commitment(salt, words) == hashed
    except (TypeError, ValueError):
        return False


def words_of(review: Review) -> dict[str, object]:
    """All that an author's entry commits to."""
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
    """What it is a review of, which the chain fixes and does not show."""
    return {"line": review.line, "order_id": review.order_id}


def committed(review: Review) -> dict[str, object]:
    """What the entry of new words fixes: the words, and what they are about."""
    return {
        "commitment": commitment(review.salt, words_of(review)),
        "order": commitment(review.salt, subject_of(review)),
    }


def imported_details(review: Review) -> dict[str, object]:
    """What the entry of an imported review fixes besides the words: when it was written, published and answered
    elsewhere, as far as it was."""
    details: dict[str, object] = {
        **committed(review),
        "published_at": review.published_at,
        "written_at": review.written_at,
    }
    if review.reply is not None:
        replied = commitment(review.salt, {"reply": review.reply})
        details |= {"reply": replied, "replied_at": review.replied_at}
    return details
