"""What writing an invitation needs of its order."""

import msgspec

from afterword.domain import messages
from afterword.domain.messages import Outcome as Outcome
from afterword.domain.messages import order_fingerprint
from afterword.domain.orders.order import OrderLine


class Invitation(msgspec.Struct, frozen=True, gc=False):
    """A claimed invitation with what its e-mail needs of the order. Times are epoch seconds."""

    id: int
    shop_id: int
    live: bool
    tries: int
    first_try_at: int | None
    due_at: int
    id_order: str
    reference: str | None
    order_date: str
    firstname: str
    lastname: str
    email: str
    lang: str
    lines: tuple[OrderLine, ...]


def message_id(salt: str, *, live: bool, id_order: str, host: str) -> str:
    """The Message-ID of every try at this invitation."""
    return messages.message_id(order_fingerprint(salt, live=live, id_order=id_order), host)
