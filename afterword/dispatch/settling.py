"""The two ways in which messages are carried: e-mails at most once, deliveries to webhooks at least once."""

from collections.abc import Callable
from typing import Protocol

from afterword.base.clock import Clock
from afterword.domain.messages import Message, Outcome
from afterword.domain.shops import Shop
from afterword.mail.headers import AddressError
from afterword.mail.transport import ComposedMessage, Mark, Transport
from afterword.store.messages.claims import Claim
from afterword.webhooks.sending import AT_ONCE as POSTS_AT_ONCE
from afterword.webhooks.sending import Sender
from afterword.webhooks.signing import signed_headers

AT_ONCE = 16
"""Invitations that are in the transport's hands at the same time."""

Compose = Callable[[Message, Shop, float], ComposedMessage]


class Carrier(Protocol):
    """Carries claimed messages. Raises TransportTrouble when nothing can go: not this message's fault."""

    at_once: int
    """Messages that it has in its hands at the same time."""

    claims_ahead: bool
    """Whether more are claimed than can go at once: what waits behind one source may be any other's."""

    async def deliver(self, claim: Claim, mark: Mark) -> Outcome: ...

    async def close(self) -> None: ...


class AtMostOnce:
    """E-mails. Guarantee 5: a message goes only after its mark is durable, and after that only the transport's answer
    or a person settles it."""

    claims_ahead = True

    def __init__(self, compose: Compose, transport: Transport, clock: Clock, at_once: int) -> None:
        self.at_once = at_once
        self._compose = compose
        self._transport = transport
        self._clock = clock

    async def deliver(self, claim: Claim, mark: Mark) -> Outcome:
        try:
            composed = self._compose(claim.message, claim.shop, self._clock())
        except AddressError as error:
            return Outcome("failed", str(error))
        return await self._transport.deliver(composed, mark)

    async def close(self) -> None:
        await self._transport.close()


class AtLeastOnce:
    """Deliveries. They are never marked, so one that was interrupted is sent again, always under the same id."""

    at_once = POSTS_AT_ONCE
    claims_ahead = False

    def __init__(self, sender: Sender, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock

    async def deliver(self, claim: Claim, mark: Mark) -> Outcome:
        assert claim.delivery is not None
        webhook, body = claim.delivery.webhook, claim.delivery.body.encode()
        headers = signed_headers(webhook.secret, f"msg_{claim.fingerprint}", body, self._clock())
        answer = await self._sender.post(webhook.url, headers, body)
        if answer.kind == "taken":
            return Outcome("sent")
        return Outcome("gone" if answer.kind == "gone" else "deferred", answer.says)

    async def close(self) -> None:
        self._sender.close()
