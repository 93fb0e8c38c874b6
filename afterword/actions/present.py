"""What each noun looks like to programs, said once: `--json`, exports and webhooks show these fields.

Times are UTC, `2026-03-01T14:05:26Z`; a field without a value is null.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from afterword.domain.orders.order import OrderLine
from afterword.domain.reviews.chain import Entry
from afterword.domain.reviews.review import Review
from afterword.domain.reviews.shape import review_shape
from afterword.domain.shops import Key, Shop, format_delay, format_mode
from afterword.domain.values import utc_text
from afterword.store.messages.invitations import InvitationRow, UnsentEmail
from afterword.store.orders import FoundOrder, ListedOrder, StoredOrder
from afterword.store.refused import RefusedOfDay, RefusedRow
from afterword.store.reviews.receipts import FoundReceipt
from afterword.store.reviews.walking import Collected
from afterword.store.suppressions import Suppression
from afterword.store.webhooks import Webhook

Fields = Mapping[str, object]

EXPORTED = (
    *("id", "id_order", "reference", "product_id", "product_name", "state", "reason", "flags", "rating"),
    *("text", "author", "firstname", "lastname", "email", "lang", "experience_date"),
    *("written_at", "published_at", "changed_at", "version"),
    *("reply", "replied_at", "dispute", "disputed_at", "imported_from", "live"),
)
"""The columns of an export (docs/feeds.md)."""


def _fields(value: object, names: str) -> Fields:
    """These attributes, which are null where there is no value at all; moments end in `_at`."""
    found = {name: getattr(value, name, None) for name in names.split()}
    return found | {name: utc_text(found[name]) for name in found if name.endswith("_at")}


def shop(shop: Shop) -> Fields:
    """Spelled as the options of `shop set` take it."""
    return {
        **_fields(shop, "id name lang site phones timezone email"),
        "delay": format_delay(shop.delay),
        "moderation": format_mode(shop.moderation),
        "publish_after": format_delay(shop.publish_after),
        "orders": shop.orders,
        "keep_for": format_delay(shop.keep_for),
    }


def key(key: Key) -> Fields:
    """`scopes` of a public key are empty. `used_at` is to the hour."""
    fields = _fields(key, "id shop_id kind live lang created_at used_at revoked_at")
    return {**fields, "scopes": list(key.scopes)}


def order(order: StoredOrder) -> Fields:
    """`order_date` is the shop's local time."""
    return _fields(order, "id_order reference order_date firstname email lang")


def whole_order(found: StoredOrder, more: FoundOrder) -> Fields:
    """All that an order says, as its shop sent it."""
    fields = {
        **order(found),
        **_fields(found, "live lastname"),
        **_fields(more, "received_at phone store_id"),
    }
    return {**fields, "products": [order_line(line) for line in found.lines]}


def order_line(line: OrderLine) -> Fields:
    """A product of an order, with what was sent of it."""
    return {name: value for name in line.__struct_fields__ if (value := getattr(line, name)) is not None}


def unsent_email(email: UnsentEmail) -> Fields:
    return _fields(email, "kind state due_at next_try_at tries reason")


def listed_order(row: ListedOrder) -> Fields:
    """An order in a list; `id` and `state` are its invitation's."""
    return _fields(row, "id id_order reference live received_at key_id state")


def refused_order(row: RefusedRow) -> Fields:
    """A refused order. `field` is the place within it, empty for the whole order."""
    errors = [{"field": error.field, "message": error.expected or "missing"} for error in row.errors]
    return {**_fields(row, "refused_at live id_order reference"), "errors": errors}


def refused_of_day(day: RefusedOfDay) -> Fields:
    """How many orders were refused on a day (UTC)."""
    return {"day": f"{datetime.fromtimestamp(day.day, UTC):%Y-%m-%d}", "live": day.live, "orders": day.amount}


def invitation(row: InvitationRow) -> Fields:
    return _fields(row, "id shop_id id_order live state due_at sent_at tries reason")


def review(review: Review) -> Fields:
    return review_shape(review)


def past_version(review: Review) -> Fields:
    """What the author of a review wrote before."""
    return _fields(review, "version rating text written_at")


def entry(entry: Entry) -> Fields:
    """One line of the chain, as far as it is about its review."""
    return _fields(entry, "seq kind version happened_at")


def receipt(found: FoundReceipt) -> Fields:
    """`has_words` is null where no salt was given."""
    named = {"entry": found.entry.seq, "review": found.entry.review_id, "version": found.entry.version}
    return named | {"status": found.status, "has_words": found.has_words}


def exported(row: Collected) -> Fields:
    """Everything that the shop may know of a review; what is of its order is null where the review was imported.
    `product_id` is `site` for a review of the shop, since an import takes an empty one for a mistake."""
    shape = review_shape(row.review)
    more = {"product_id": row.review.scope, "flags": ", ".join(row.review.flags) or None}
    fields = {**shape, **more, **_fields(row.order, "id_order reference firstname lastname email")}
    return {name: fields[name] for name in EXPORTED}


def suppression(each: Suppression) -> Fields:
    """`address` is null where only its hash is known (after an erasure, or from the send journal)."""
    return _fields(each, "shop_id live address address_hash reason created_at")


def webhook(webhook: Webhook) -> Fields:
    """Everything but the secret."""
    return _fields(webhook, "id shop_id live url created_at answered_at stopped")
