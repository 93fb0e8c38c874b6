"""Answers and errors of both reviews APIs (docs/reviews-api.md, "Errors")."""

import uuid
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from starlette.types import Send

from afterword.base.errors import StoreUnavailable
from afterword.base.log import log_for
from afterword.domain.reviews.review import Ratings
from afterword.web.authentication import Unauthorized
from afterword.web.outgoing import LARGEST_PIECE, give_large
from afterword.web.render import SAFE_HEADERS

RawHeaders = list[tuple[bytes, bytes]]

JSON: RawHeaders = [
    (b"content-type", b"application/json"),
    *((name.lower().encode(), value.encode()) for name, value in SAFE_HEADERS.items()),
]
UNCACHED_JSON: RawHeaders = [*JSON, (b"cache-control", b"no-store")]

log = log_for("reviews")


class Answer(NamedTuple):
    status: int
    headers: RawHeaders
    body: bytes


class Refusal(Exception):
    """A request that is refused. `code` is for programs, `message` a sentence for people."""

    def __init__(self, status: int, code: str, message: str, headers: RawHeaders | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or []


async def give(send: Send, answer: Answer, method: str) -> None:
    """Sends an answer, without its body for HEAD requests."""
    body = b"" if method == "HEAD" else answer.body
    if len(body) > LARGEST_PIECE:
        await give_large(send, answer.status, answer.headers, body)
        return
    length = (b"content-length", b"%d" % len(answer.body))
    headers = answer.headers if answer.status in (204, 304) else [*answer.headers, length]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def refused(error: Exception) -> Answer:
    """The answer for an error; the body always has the same three keys. URLs are not logged, since they contain API
    keys."""
    match error:
        case Refusal():
            return _error(error.status, error.code, error.message, error.headers)
        case Unauthorized():
            return _error(401, "unauthorized", str(error), [(b"www-authenticate", b"Bearer")])
        case StoreUnavailable() | OSError():
            log.error("read request rejected", error=str(error))
            message = "the server cannot read reviews at the moment: try again later"
            return _error(503, "unavailable", message, [(b"retry-after", b"5")])
    request = uuid.uuid4().hex
    log.error("read request failed", request=request, exc_info=error)
    return _error(500, "error", f"internal server error, logged as request {request}")


def _error(status: int, code: str, message: str, headers: RawHeaders | None = None) -> Answer:
    """`data` is the HTTP status; clients treat any value except 200 as an error."""
    body = msgspec.json.encode({"code": code, "message": message, "data": status})
    return Answer(status, [*UNCACHED_JSON, *(headers or [])], body)


# What both APIs say of ratings and reviews, by the names of the contract.


def stars_of(ratings: Ratings) -> dict[str, object]:
    counts = {str(rating): count for rating, count in enumerate(ratings.distribution, 1)}
    return {"total": ratings.total, "average": ratings.average, "distribution": counts}


def local_time(at: int | None, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """`2026-03-01 14:05` in this time zone, or with seconds `2026-03-01 14:05:26`; empty for None."""
    return "" if at is None else datetime.fromtimestamp(at, zone).isoformat(" ")[: 19 if seconds else 16]
