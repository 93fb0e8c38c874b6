"""Requests to the pages, and what every answer must have."""

import asyncio
from typing import Any

import httpx
from starlette.applications import Starlette

from afterword.base.errors import StoreUnavailable
from tests.server import Answer


class SilentDatabase:
    """A store that does not answer, as with a disk that fails."""

    is_held = False

    async def read(self, work: object) -> None:
        raise StoreUnavailable("disk I/O error")


def is_safe(answer: Answer) -> bool:
    policy = answer.headers["content-security-policy"]
    return (
        policy.startswith("default-src 'none';")
        and "unsafe" not in policy
        and "http" not in policy
        and answer.headers["x-content-type-options"] == "nosniff"
        and answer.headers["referrer-policy"] == "no-referrer"
    )


def ask(web: Starlette, method: str, path: str, headers: Any = None, content: bytes = b"") -> httpx.Response:
    """One request, without a network."""

    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(web)
        async with httpx.AsyncClient(transport=transport, base_url="http://test.example") as client:
            return await client.request(method, path, headers=headers, content=content)

    return asyncio.run(request())
