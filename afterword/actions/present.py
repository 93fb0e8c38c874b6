"""What each noun looks like to programs, said once: `--json`, exports and webhooks show these fields.

Times are UTC, `2026-03-01T14:05:26Z`; what there is none of is null.
"""

from collections.abc import Mapping

from afterword.domain.reviews.chain import Entry
from afterword.domain.reviews.review import Review
from afterword.domain.reviews.shape import review_shape as review
from afterword.domain.shops import Key, Shop, format_delay, format_mode
from afterword.domain.values import utc_text
from afterword.store.invitations import InvitationRow
from afterword.store.orders import StoredOrder
from afterword.store.reviews.receipts import FoundReceipt
from afterword.store.reviews.walking import Collected
from afterword.store.suppressions import Suppression
from afterword.store.webhooks import Webhook

Fields = Mapping[str, object]

__all__ = [
    "EXPORTED",
    "Fields",
    "entry",
    "exported",
    "invitation",
    "key",
    "order",
    "past_version",
    "receipt",
    "review",
    "shop",
    "suppression",
    "webhook",
]

_OF_THE_ORDER = ("id_order", "reference", "firstname", "lastname", "email")

EXPORTED = (
    *("id", "id_order", "reference", "product_id", "product_name", "state", "reason", "flags", "rating"),
    *("text", "author", "firstname", "lastname", "email", "lang", "experience_date"),
    *("written_at", "published_at", "changed_at", "version"),
    *("reply", "replied_at", "doubt", "doubted_at", "imported_from", "live"),
)
"""The columns of an export (docs/feeds.md)."""


def shop(shop: Shop) -> Fields:
    """Spelled as the options of `shop set` take it."""
    return {
        "id": shop.id,
        "name": shop.name,
        "lang": shop.lang,
        "site": shop.site,
        "timezone": shop.timezone,
        "email": shop.email,
        "delay": format_delay(shop.delay),
        "moderation": format_mode(shop.moderation),
        "publish_after": format_delay(shop.publish_after),
    }


def key(key: Key) -> Fields:
    return {
        "id": key.id,
        "shop_id": key.shop_id,
        "kind": key.kind,
        "live": key.live,
        "lang": key.lang,
        "created_at": utc_text(key.created_at),
        "revoked_at": utc_text(key.revoked_at),
    }


def order(order: StoredOrder) -> Fields:
    """`order_date` is the shop's local time."""
    names = ("id_order", "reference", "order_date", "firstname", "email", "lang")
    return {name: getattr(order, name) for name in names}


def invitation(row: InvitationRow) -> Fields:
    return {
        "id": row.id,
        "shop_id": row.shop_id,
        "id_order": row.id_order,
        "live": row.live,
        "state": row.state,
        "due_at": utc_text(row.due_at),
        "sent_at": utc_text(row.sent_at),
        "tries": row.tries,
        "reason": row.reason,
    }


def past_version(review: Review) -> Fields:
    """What the author of a review wrote before."""
    return {
        "version": review.version,
        "rating": review.rating,
        "text": review.text,
        "written_at": utc_text(review.written_at),
    }


def entry(entry: Entry) -> Fields:
    """One line of the chain, as far as it is about its review."""
    return {
        "seq": entry.seq,
        "kind": entry.kind,
        "version": entry.version,
        "happened_at": utc_text(entry.happened_at),
    }


def receipt(found: FoundReceipt) -> Fields:
    """`has_words` is null where no salt was given."""
    entry = found.entry
    named = {"entry": entry.seq, "review": entry.review_id, "version": entry.version}
    return named | {"status": found.status, "has_words": found.has_words}


def exported(row: Collected) -> Fields:
    """Everything that the shop may know of a review; what is of its order is null where the review was imported."""
    of_review = dict(review(row.review))
    of_review["product_id"] = of_review["product"]
    of_review["flags"] = ", ".join(row.review.flags) or None
    of_order = {name: getattr(row.order, name, None) for name in _OF_THE_ORDER}
    fields = of_review | of_order
    return {name: fields[name] for name in EXPORTED}


def suppression(each: Suppression) -> Fields:
    """`address` is null where only its hash is known (after an erasure, or from the send journal)."""
    return {
        "shop_id": each.shop_id,
        "live": each.live,
        "address": each.address,
        "address_hash": each.address_hash,
        "reason": each.reason,
        "created_at": utc_text(each.created_at),
    }


def webhook(webhook: Webhook) -> Fields:
    """Everything but the secret."""
    return {
        "id": webhook.id,
        "shop_id": webhook.shop_id,
        "live": webhook.live,
        "url": webhook.url,
        "created_at": utc_text(webhook.created_at),
        "answered_at": utc_text(webhook.answered_at),
        "stopped": webhook.stopped,
    }
