"""What the log and the metrics say of each message."""

from afterword.base.log import log_for
from afterword.base.metrics import Metrics
from afterword.domain.messages import Outcome
from afterword.store.messages.claims import Claim
from afterword.store.messages.steps import Settled

_MESSAGE = {
    "sent": "message sent",
    "deferred": "message deferred",
    "untaken": "message not taken",
    "failed": "message failed",
    "in_doubt": "message in doubt",
}
_DELIVERY = {"sent": "delivery sent", "deferred": "delivery deferred", "failed": "delivery failed"}

log = log_for("dispatch")


def settled(metrics: Metrics, claim: Claim, outcome: Outcome, state: Settled) -> None:
    """Deferred for the last time is failed, as the journal has it."""
    kind = "failed" if state in ("failed", "stopped") or outcome.kind == "gone" else outcome.kind
    if claim.delivery is None:
        if kind != "untaken":
            metrics.count_message(kind)
        file = {"file": outcome.reply} if kind == "sent" and not claim.message.live else {}
        log.info(_MESSAGE[kind], **_fields(claim), kind=claim.message.kind, state=state, **file)
        return
    metrics.count_delivery(kind)
    log.info(_DELIVERY[kind], **_fields(claim))
    if state == "stopped":
        log.warning("webhook stopped", webhook=claim.delivery.webhook.id, shop=claim.shop.id)


def waits(claim: Claim, error: Exception) -> None:
    """The store does not take the outcome."""
    event = "message outcome not yet stored" if claim.delivery is None else "delivery result not yet stored"
    log.error(event, **_fields(claim), error=str(error))


def _fields(claim: Claim) -> dict[str, object]:
    """A message goes by the name that its Message-ID has, a delivery by that of its `webhook-id`."""
    same: dict[str, object] = {"shop": claim.shop.id, "live": claim.message.live}
    if claim.delivery is None:
        return {"message": claim.fingerprint} | same
    return {"delivery": claim.fingerprint, "webhook": claim.delivery.webhook.id} | same
