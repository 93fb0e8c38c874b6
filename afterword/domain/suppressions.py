"""A suppression: an address that a shop must not write to, and why."""

import hashlib

SUPPRESSION_REASONS = ("unsubscribed", "bounced", "complained", "erased", "by the shop")


def address_hash(salt: str, email: str) -> str:
    """32 hex digits that stand for an address within one shop.

    The letter case is folded, since no mail system in use tells `Clara@` from `clara@`. Keyed with the
    shop's salt, so that two shops' lists cannot be compared and an erased address cannot be looked up
    in a table of hashes made elsewhere.
    """
    return hashlib.blake2b(email.casefold().encode(), key=bytes.fromhex(salt), digest_size=16).hexdigest()
