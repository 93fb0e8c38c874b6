"""i: reading a product's reviews and the shop's 1,000 newest, with 2 million reviews and with two thousand; and
how many reads a second are answered from the cache, against the same server answering a constant.

Half of the reviews are of the shop, half of products, in order of arrival, so that a product's 20 reviews are
on 20 distant pages. A read is everything an uncached request costs: key, end of the chain, counts, rows, JSON,
hash. A run is the mean of 500 products, or of 30 reads of the shop. Cached: `wrk` reads one product of about
7,000 bytes; the limit answers a constant of that size. Every answer must have the expected size.
"""

import os
import random
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from afterword.domain.reviews.review import SITE
from afterword.store.engine.database import Transaction
from afterword.web.reviews_api.cache import CachedAnswer
from afterword.web.reviews_api.public import MOST_REVIEWS, PUBLIC_REVIEWS, PublicAddress, look
from benchmarks.ground import Ground, MissingError, WrongResultError, open_data, say
from benchmarks.reviewed import OF_A_PRODUCT, fill_reviews
from benchmarks.serving import AFTERWORD, CONSTANT, HOST, sampled, serving
from benchmarks.table import Measured, Needed, Report, in_turn
from benchmarks.watching import samples_folder, watching

CONNECTIONS = 64
FEW, MANY = 2_000, 2_000_000
NOW = 1_800_000_000
_PUBLIC_KEY = "SELECT secret FROM keys WHERE kind = 'public' AND live = 1"


class Answered(NamedTuple):
    """The result of wrk."""

    requests: int
    rate: float


class Reviewed:
    """A database with this many reviews."""

    def __init__(self, data: Path, reviews: int) -> None:
        self.data = data
        self._products = fill_reviews(data, reviews=reviews, now=NOW)
        self._database = open_data(data)
        self.public_key: str = self._database.read_now(lambda tx: tx.rows(_PUBLIC_KEY))[0][0]
        self._chance = random.Random(reviews)

    def read_products(self, reads: int) -> float:
        """The mean milliseconds of reading the reviews of a product, over many products."""
        products = [str(self._chance.randint(1, self._products)) for _ in range(reads)]
        return statistics.mean(self._read(product, OF_A_PRODUCT) for product in products)

    def read_newest(self, reads: int) -> float:
        """The mean milliseconds of reading the newest reviews of the shop."""
        return statistics.mean(self._read(SITE, MOST_REVIEWS) for _ in range(reads))

    def body(self, scope: str) -> bytes:
        return self._database.read_now(lambda tx: _look(tx, self.public_key, scope)).answer.body

    def _read(self, scope: str, expected: int) -> float:
        started = time.perf_counter()
        kept = self._database.read_now(lambda tx: _look(tx, self.public_key, scope))
        took = time.perf_counter() - started
        found = msgspec.json.decode(kept.answer.body)["reviews"]
        if len(found) != expected or found != sorted(found, key=lambda one: one["date"], reverse=True):
            raise WrongResultError(
                f"{len(found)} reviews were read and not {expected}, or not the newest first"
            )
        return took * 1_000

    def close(self) -> None:
        self._database.close_now()


def _look(tx: Transaction, public_key: str, scope: str) -> CachedAnswer:
    """The answer to a request that is not cached."""
    kept = look(tx, PublicAddress(public_key, scope, MOST_REVIEWS), None)
    if not isinstance(kept, CachedAnswer):
        raise WrongResultError("the public key is not known")
    return kept


def measure(ground: Ground, runs: int) -> Report:
    """Raises MissingError without wrk, WrongResultError if something else is read than is expected."""
    if shutil.which("wrk") is None:
        raise MissingError("the load needs wrk (Debian: apt-get install wrk)")
    many = MANY // 40 if ground.quick else MANY
    say(f"  writing {many:,} reviews")
    large, small = Reviewed(ground.fresh("many"), many), Reviewed(ground.fresh("few"), FEW)
    measured = [_beside_few(large, small, runs, *case) for case in _CASES]
    kept, dominates = _beside_a_constant(ground, runs, large)
    for reviewed in (large, small):
        reviewed.close()
        ground.remove(reviewed.data)
    return Report(
        name="i",
        title=f"reading published reviews, with {many:,}; over {CONNECTIONS} connections where they are kept",
        measured=[*measured, kept],
        dominates=dominates,
    )


_CASES = (
    (f"a product's {OF_A_PRODUCT} reviews", Reviewed.read_products, 500),
    (f"the shop's {MOST_REVIEWS:,} newest", Reviewed.read_newest, 30),
)


def _beside_few(
    large: Reviewed,
    small: Reviewed,
    runs: int,
    what: str,
    read: Callable[[Reviewed, int], float],
    reads: int,
) -> Measured:
    for reviewed in (large, small):
        read(reviewed, reads // 10)
    ours, limits = in_turn(runs, lambda: read(large, reads), lambda: read(small, reads))
    return Measured(
        what=what,
        unit="ms",
        limit_is=f"the same with {FEW:,} reviews",
        ours=ours,
        limits=limits,
        needed=Needed(2.0, at_most=True),
    )


def _beside_a_constant(
    ground: Ground, runs: int, reviewed: Reviewed
) -> tuple[Measured, dict[str, dict[str, str]]]:
    """Reads one product repeatedly, and samples where an extra run, which is not counted, spends its time."""
    path = f"{PUBLIC_REVIEWS}{reviewed.public_key}/1"
    size = len(reviewed.body("1"))

    def ours() -> float:
        with serving(AFTERWORD, reviewed.data) as served:
            return _read_over_http(ground, served.port, path, size).rate

    def constant() -> float:
        with serving((*CONSTANT, str(size)), ground.fresh("constant")) as served:
            return _read_over_http(ground, served.port, path, size).rate

    figures, limits = in_turn(runs, ours, constant)
    say("  one more run, sampled")
    samples = samples_folder(ground.folder)
    with serving(sampled(samples), reviewed.data) as served, watching(served.pid, samples) as watched:
        requests = _read_over_http(ground, served.port, path, size).requests
    measured = Measured(
        what=f"cached reads of {OF_A_PRODUCT} reviews",
        unit="reads/s",
        limit_is=f"requests/s of the same server answering a constant of the same {size:,} bytes",
        ours=figures,
        limits=limits,
        needed=Needed(0.5),
    )
    return measured, watched.dominates(requests, "a read")


def _read_over_http(ground: Ground, port: int, path: str, size: int) -> Answered:
    """Raises WrongResultError if an answer is not 200, or has another size."""
    threads = min(2, os.cpu_count() or 1)
    command = ["wrk", f"-t{threads}", f"-c{CONNECTIONS}", f"-d{1 if ground.quick else 5}s"]
    said = subprocess.run(
        [*command, f"http://{HOST}:{port}{path}"], check=True, capture_output=True, text=True
    ).stdout
    found = re.search(r"(\d+) requests in ([\d.]+)s, ([\d.]+)([KMG]?B) read", said)
    if found is None or "Non-2xx" in said or "Socket errors" in said:
        raise WrongResultError(f"not every read was answered: {said}")
    requests = int(found[1])
    received = float(found[3]) * 1024 ** "BKMG".index(found[4][0])
    if not requests or not 0.95 < received / requests / size < 1.5:
        raise WrongResultError(f"{requests} answers of {size} bytes came to {received:.0f} bytes")
    return Answered(requests, requests / float(found[2]))
