"""Chains of a made-up shop, without a store."""

from afterword.domain.reviews.chain import FIRST, Entry, Signer, canonical, signed
from afterword.domain.reviews.review import Review

REVIEW = Review(
    shop_id=7,
    id=7 * 1024 + 1,
    number=1,
    order_id=7,
    line=1,
    live=True,
    scope="100",
    version=1,
    rating=4,
    author="Clara N.",
    lang="en",
    experience_date="2026-02-18",
    salt="cd" * 16,
    text_hash="",
    written_at=1_772_300_000,
    changed_at=1_772_300_000,
    address_hash="",
    state="published",
    product_name="Rye bread",
    text="Good bread.",
)

SECRET = "a secret of thirty-two characters"


def chain(*kinds: str, secrets: tuple[str, ...] = (SECRET,)) -> list[Entry]:
    """A chain that introduces each key in turn, and signs an entry of each kind with it."""
    entries: list[Entry] = []
    for secret in secrets:
        signer = Signer(secret)
        for kind in ("key", *kinds):
            details = {"public_key": signer.public_key(7)} if kind == "key" else {"commitment": "c" * 64}
            previous = entries[-1].hash if entries else FIRST
            place = (7, True, len(entries) + 1, 0, 0, 1_772_374_326 + len(entries))
            entries.append(signed(signer, Entry(*place, kind, canonical(details), previous, "", "")))  # type: ignore[arg-type]
    return entries
