"""A claim: a dispatcher's hold on a message that is due."""

import re
from typing import Any, NamedTuple

import msgspec

from afterword.domain.messages import Message
from afterword.domain.shops import Shop
from afterword.store.webhooks import Webhook


class Source(NamedTuple):
    """Whose messages have their turn together: a shop's, or, in the queue of deliveries, a webhook's."""

    shop_id: int
    webhook_id: int = 0


class Delivery(NamedTuple):
    """Where a webhook's message goes, and its body: JSON, the same at every try."""

    webhook: Webhook
    body: str


class Claim(NamedTuple):
    """A claimed message, the shop that it belongs to, and the token of its holder."""

    message: Message
    shop: Shop
    holder: str
    delivery: Delivery | None = None

    @property
    def source(self) -> Source:
        return Source(self.shop.id, self.delivery.webhook.id if self.delivery else 0)

    @property
    def key(self) -> dict[str, Any]:
        return {"shop_id": self.shop.id, "message_id": self.message.id, "claim": self.holder}

    @property
    def fingerprint(self) -> str:
        return self.message.fingerprint(self.shop.salt)

    def journal_line(self, word: str, now: float) -> str:
        return f"{word} {self.fingerprint} {self.shop.id} {self.message.id} {int(now)}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Crosses to the writer's process as MessagePack, at a fraction of what pickling costs."""
        return _claim, (_encode(self.message), self.shop, self.holder, self.delivery)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode
_decode_shop = msgspec.msgpack.Decoder(Shop).decode
_is_salt = re.compile("[0-9a-f]{32}").fullmatch


def _claim(message: bytes, shop: Shop, holder: str, delivery: Delivery | None) -> Claim:
    return Claim(_decode(message), shop, holder, delivery)


def checked(message: Message) -> Message:
    """The same. Raises ValueError if a value is not of its type: SQLite keeps whatever is put into a row, and what
    cannot cross between the processes would take all that crosses with it."""
    return _decode(_encode(message))


def check_shop(shop: Shop) -> None:
    """Raises ValueError if a value is not of its type, or the salt is none: every fingerprint is made with it."""
    if not _is_salt(_decode_shop(_encode(shop)).salt):
        raise ValueError("the salt is not 32 hex digits")
