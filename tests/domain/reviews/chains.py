"""Chains of a made-up shop, without a store."""

from afterword.domain.reviews.chain import FIRST, Entry, Signer, signed_entry

SECRET = "a secret of thirty-two characters"


def chain(*kinds: str, secrets: tuple[str, ...] = (SECRET,)) -> list[Entry]:
    """A chain that introduces each key in turn, and signs an entry of each kind with it."""
    entries: list[Entry] = []
    for secret in secrets:
        signer = Signer(secret)
        for kind in ("key", *kinds):
            details = {"public_key": signer.public_key(7)} if kind == "key" else {"commitment": "c" * 64}
            entry = signed_entry(
                signer,
                shop_id=7,
                live=True,
                seq=len(entries) + 1,
                review=None,
                happened_at=1_772_374_326 + len(entries),
                kind=kind,  # type: ignore[arg-type]
                details=details,
                previous=entries[-1].hash if entries else FIRST,
            )
            entries.append(entry)
    return entries
