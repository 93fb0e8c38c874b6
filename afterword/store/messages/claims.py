"""A claim: a dispatcher's hold on a message that is due."""

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


def _claim(message: bytes, shop: Shop, holder: str, delivery: Delivery | None) -> Claim:
    return Claim(_decode(message), shop, holder, delivery)
