"""One message of each kind, made by what causes it, for tests that hold for all of them."""

from typing import Any

from afterword.domain.messages import MessageKind, queue_of
from afterword.domain.people.users import SignIn
from afterword.store.messages.claims import Claim
from afterword.store.messages.enqueue import send_sign_in
from afterword.store.webhooks import Webhook, add_webhook
from tests.store.cast import DUE, Customer, Member
from tests.store.databases import act, rows

BY_MAIL: tuple[MessageKind, ...] = ("invitation", "receipt", "withdrawal", "digest", "sign_in")
KINDS: tuple[MessageKind, ...] = (*BY_MAIL, "webhook")


def hook(alba: Member, url: str = "https://alba.example/hook", *, live: bool = True) -> Webhook:
    return act(alba.store, add_webhook, alba.shop, url, "whsec_" + "QWZ0ZXJ3b3Jk" * 3, live=live, now=0)


def cause(kind: MessageKind, alba: Member, clara: Customer, name: str = "A-1", at: int = DUE) -> None:
    """Has one message of this kind be due at `at`, and none of another kind in its queue but receipts."""
    if kind == "invitation":
        alba.sends(name, at=at - alba.shop.delay)
        return
    if kind == "sign_in":
        link = SignIn(1, 1, "00" * 16, at + 600, None, "owner@alba.example")
        alba.acts(send_sign_in, alba.shop.id, link, at)
        return
    if kind == "webhook":
        hook(alba)
    elif kind == "digest":
        alba = alba.changes(email="hello@alba.example")
    review = clara.reviews(alba.moderates().order(name, email=f"{name}@nunez.example"), now=at)
    if kind == "withdrawal":
        clara.withdraws(review, at)


def claims(kind: MessageKind, member: Member, now: float = DUE, **more: Any) -> list[Claim]:
    """What is due of a kind. Others of its queue are claimed too."""
    found = member.claims(now, queue=queue_of(kind), **more)
    return [one for one in found if one.message.kind == kind]


def claims_one(kind: MessageKind, member: Member, now: float = DUE, **more: Any) -> Claim:
    [only] = claims(kind, member, now, **more)
    return only


def row(claim: Claim, member: Member) -> dict[str, Any]:
    """The row of a claimed message; empty when it is removed."""
    columns = "state", "tries", "next_try_at", "sent_at", "reason", "payload"
    asked = f"SELECT {', '.join(columns)} FROM messages WHERE message_id = :message_id"
    for found in rows(member.store, asked, {"message_id": claim.message.id}):
        return dict(zip(columns, found, strict=True))
    return {}


def state_of(claim: Claim, member: Member) -> str:
    return str(row(claim, member).get("state", "removed"))
