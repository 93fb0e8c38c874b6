"""Requests to the web without a network, a store in trouble, and what every answer must have."""

import asyncio
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from afterword.base.clock import Clock
from afterword.base.errors import StoreUnavailable
from afterword.store.engine.database import Database, Transaction
from afterword.web.server import WebSettings, build_web
from tests.server import Answer
from tests.web.conftest import BODY_LIMIT, SECRET


class Watched:
    """A store that counts what it is asked, takes `slow` seconds for each question, and after so many `answers` fails
    as a disk does, or as we do."""

    is_held = False
    nodes_away: tuple[int, ...] = ()

    def __init__(self, database: Database | None = None, answers: int = 10**9, slow: float = 0.0) -> None:
        self._database = database
        self.answers = answers if database else 0
        self.slow = slow
        self.asked = 0
        self.error: Exception = StoreUnavailable("disk I/O error")

    async def read(self, work: Callable[[Transaction], Any]) -> Any:
        self.asked += 1
        await asyncio.sleep(self.slow)
        if self.asked > self.answers or self._database is None:
            raise self.error
        return await self._database.read(work)

    def write_together(self, *_: object) -> asyncio.Future[Any]:
        written: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        written.set_exception(self.error)
        return written


def web_on(database: Database | Watched, clock: Clock = lambda: 0.0) -> ASGIApp:
    """All routes, for requests whose bodies are small."""
    return build_web(database, None, clock, WebSettings(SECRET, BODY_LIMIT, Path()))  # type: ignore[arg-type]


def ask(web: ASGIApp, path: str, method: str = "GET", **request: Any) -> Answer:
    [answer] = asyncio.run(ask_at_once(web, path, method=method, **request))
    return answer


async def ask_at_once(web: ASGIApp, *paths: str, method: str = "GET", **request: Any) -> list[Answer]:
    """The answers to requests that come at the same time."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(web), base_url="http://test.example"
    ) as client:
        found = await asyncio.gather(*(client.request(method, path, **request) for path in paths))
    return [Answer(each.status_code, dict(each.headers), each.content) for each in found]


def is_safe(answer: Answer) -> bool:
    policy = answer.headers["content-security-policy"]
    return (
        policy.startswith("default-src 'none';")
        and "unsafe" not in policy
        and "http" not in policy
        and answer.headers["x-content-type-options"] == "nosniff"
        and answer.headers["referrer-policy"] == "no-referrer"
    )


def plain(page: str | bytes) -> str:
    """What a page says, as one line."""
    page = page if isinstance(page, str) else page.decode()
    return " ".join(
        unescape(re.sub(r"<[^>]*>", " ", re.sub(r"</?bdi>|<script.*?</script>", "", page))).split()
    )
