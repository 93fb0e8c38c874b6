"""What a review looks like to programs, said once: `--json`, exports and webhooks all take their fields from here."""

from afterword.domain.reviews.review import SITE, Review
from afterword.domain.values import utc_text

Shape = dict[str, object]

_TIMES = ("written_at", "changed_at", "published_at", "publish_at", "replied_at", "disputed_at")

_AS_THEY_ARE = ("version", "rating", "text", "author", "lang", "imported_from")

_SENT = (
    *("id", "order", "product", "product_name", "state", "version", "rating", "text", "author", "lang"),
    *("experience_date", "published_at", "reason", "reply", "replied_at"),
)


def review_shape(review: Review) -> Shape:
    """`product` is null for a review of the shop; `flags`: what the checks found. Times are UTC, dates the shop's."""
    return {
        "id": review.id,
        "shop_id": review.shop_id,
        "live": review.live,
        "product": None if review.scope == SITE else review.scope,
        "product_name": review.product_name,
        "state": review.state,
        **{name: getattr(review, name) for name in _AS_THEY_ARE},
        "experience_date": review.experience_date or None,
        "flags": list(review.flags),
        "reason": review.reason,
        "reply": review.reply,
        "dispute": review.dispute,
        **{name: utc_text(getattr(review, name)) for name in _TIMES},
    }


def sent_shape(review: Review, id_order: str | None) -> Shape:
    """What a webhook carries of a review (docs/webhooks.md); `id_order` is None where it was imported."""
    shape = review_shape(review) | {"order": id_order}
    return {name: shape[name] for name in _SENT}
