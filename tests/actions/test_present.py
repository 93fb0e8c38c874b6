"""What the nouns look like to programs: the published fields, in their order."""

import json
import re
from pathlib import Path

from afterword.actions import present
from afterword.domain.reviews.shape import sent_shape
from tests.store.cast import Customer, Member, link_found

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"


def test_an_invitation_has_the_published_fields(alba: Member) -> None:
    row = alba.sees(alba.sends("A-1"))
    assert present.invitation(row) == {
        "id": row.id,
        "shop_id": alba.shop.id,
        "id_order": "A-1",
        "live": True,
        "state": "scheduled",
        "due_at": "2026-03-11T14:12:06Z",
        "sent_at": None,
        "tries": 0,
        "reason": None,
    }


def test_a_review_has_the_published_fields(alba: Member, clara: Customer) -> None:
    review = clara.reviews(alba.order(), 1, 4, text="Crisp.", look=link_found)
    known = {
        "id": review.id,
        "shop_id": alba.shop.id,
        "live": True,
        "product": "100",
        "product_name": "Rye bread",
        "state": "waiting",
        "version": 1,
        "rating": 4,
        "text": "Crisp.",
        "author": "Clara N.",
        "lang": "en",
        "experience_date": "2019-01-01",
        "flags": ["link"],
        "written_at": "2026-03-01T14:12:06Z",
        "changed_at": "2026-03-01T14:12:06Z",
        "publish_at": "2026-03-08T14:12:06Z",
    }
    none = (
        "imported_from",
        "reason",
        "reply",
        "dispute",
        "published_at",
        "replied_at",
        "disputed_at",
    )
    assert present.review(review) == known | dict.fromkeys(none)
    assert present.review(clara.reviews(alba.order("A-2")))["product"] is None, "of the shop"


def test_a_webhook_carries_what_its_page_says(alba: Member, clara: Customer) -> None:
    [example] = re.findall(r'"data": (\{.*?\})\n', PAGE.read_text("utf-8"), re.DOTALL)
    sent = sent_shape(clara.reviews(alba.order("1234")), "1234")
    assert list(sent) == list(json.loads(example))
    assert (sent["order"], sent["published_at"]) == ("1234", "2026-03-01T14:12:06Z")
