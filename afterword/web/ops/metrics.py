"""`GET /metrics` for Prometheus (docs/operating.md, "Metrics")."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from afterword.base.clock import Clock
from afterword.base.errors import StoreUnavailable
from afterword.base.log import log_for
from afterword.base.metrics import Distribution, Totals
from afterword.store.engine.database import Database
from afterword.store.overview import count_due, oldest_due
from afterword.web.render import UNCACHED

MOST_COUNTED = 10_000
"""Due invitations are counted up to this number, so that a scrape is always fast."""

_encode, _CONTENT_TYPE = choose_encoder("")  # the plain text that every scraper reads

log = log_for("web")


@dataclass(frozen=True)
class Exposition(Collector):
    """Counters and gauges as Prometheus metrics: pending writes, the number of due live invitations, and how late the
    oldest of them is, in seconds."""

    totals: Totals
    writes_waiting: int
    due: int
    lateness: float

    def collect(self) -> Iterator[Metric]:
        totals = self.totals
        yield _counter("afterword_orders", "Orders, live and test, by result.", "result", totals.orders)
        yield _counter(
            "afterword_orders_refused",
            "Refused orders, live and test, by what was wrong with them: an order can count under several reasons.",
            "reason",
            totals.refusals,
        )
        yield _counter(
            "afterword_messages",
            "E-mails of every kind, live and test, by what the transport said; one given up has failed.",
            "outcome",
            totals.messages,
        )
        yield _counter(
            "afterword_deliveries",
            "Deliveries to webhooks, live and test, by their outcome; one given up has failed.",
            "outcome",
            totals.deliveries,
        )
        yield GaugeMetricFamily(
            "afterword_invitations_due",
            f"Live invitations that are due and not claimed; at most {MOST_COUNTED} are counted.",
            self.due,
        )
        yield GaugeMetricFamily(
            "afterword_lateness_seconds",
            "How late the oldest due invitation is; 0 if there is none.",
            self.lateness,
        )
        yield _histogram("afterword_commit_size", "Writes per group commit.", totals.commit_size)
        yield _histogram(
            "afterword_commit_seconds",
            "Duration of a group commit, until it is durable.",
            totals.commit_seconds,
        )
        yield GaugeMetricFamily(
            "afterword_writes_waiting", "Writes that are not durable yet.", self.writes_waiting
        )


async def metrics(request: Request, database: Database, clock: Clock) -> Response:
    """503 if the database does not answer: no number is better than a wrong one."""
    now = clock()
    try:
        due, since = await database.read(
            lambda tx: (count_due(tx, now, most=MOST_COUNTED), oldest_due(tx, now))
        )
    except StoreUnavailable as error:
        log.error("page request rejected", error=str(error))
        headers = {**UNCACHED, "Retry-After": "5"}
        return Response("the database does not answer\n", 503, headers, "text/plain")
    totals = database.metrics.totals
    writes_waiting = database.writes_waiting + totals.waiting_elsewhere
    lateness = 0.0 if since is None else max(0.0, now - since)
    content = _encode(Exposition(totals, writes_waiting, due, lateness))
    return Response(content, headers={**UNCACHED, "Content-Type": _CONTENT_TYPE})


def _counter(name: str, says: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, says, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _histogram(name: str, says: str, values: Distribution) -> Metric:
    bounds = [*map(str, map(float, values.bounds)), "+Inf"]
    buckets = list(zip(bounds, accumulate(values.counts), strict=True))
    return HistogramMetricFamily(name, says, buckets=buckets, sum_value=values.sum)
