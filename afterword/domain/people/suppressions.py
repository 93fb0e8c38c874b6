"""Suppressions: addresses that a shop must not write to, and why."""

import hashlib

SUPPRESSION_REASONS = ("unsubscribed", "bounced", "complained", "erased", "by the shop")


def address_hash(salt: str, email: str) -> str:
    """32 hex digits that identify an address within one shop.

    Case is folded, since no mail system in use distinguishes `Clara@` from `clara@`. The hash is keyed with the
    shop's salt, so two shops' lists cannot be compared, and an erased address cannot be found in a precomputed table.
    """
    return hashlib.blake2b(email.casefold().encode(), key=bytes.fromhex(salt), digest_size=16).hexdigest()
