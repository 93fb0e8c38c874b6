"""Reads request bodies: small ones into memory, large ones into a file, never more than a limit."""

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from starlette.types import Receive

IN_MEMORY = 2**20
"""Maximum bytes of a body in memory; larger ones go to a file."""

PATIENCE = 60.0
"""Seconds to wait for the next chunk of a body."""


class BodyTooLarge(Exception):
    """HTTP 413; the message names the limit."""


class SenderGone(Exception):
    """The connection broke or stalled before the body was complete."""


async def read_body(receive: Receive, length: int | None, limit: int, spool: Path) -> bytes | Path:
    """The body, or the file that contains it, which the caller must delete. Raises BodyTooLarge, SenderGone.

    `length` is the Content-Length, if there is one: a body that arrives in one chunk is returned without waiting for
    the end of the stream.
    """
    if length is not None:
        _check(length, limit)
    message = await receive()
    first = _piece(message)
    if len(first) == length:
        return first
    pieces, size = [first], 0
    while True:
        size += len(pieces[-1])
        _check(size, limit)
        if not message.get("more_body"):
            return b"".join(pieces)
        if size > IN_MEMORY:
            return await _spool(receive, pieces, size, limit, spool)
        message = await _next(receive)
        pieces.append(_piece(message))


async def pass_over(receive: Receive, most: int) -> None:
    """Reads and discards the rest of a body, at most about `most` bytes: browsers show no answer before they have
    sent everything. Raises SenderGone."""
    more = True
    while more and most > 0:
        message = await _next(receive)
        most -= len(_piece(message))
        more = message.get("more_body", False)


async def _spool(receive: Receive, pieces: list[bytes], size: int, limit: int, spool: Path) -> Path:
    with NamedTemporaryFile(dir=spool, delete=False) as file:
        path = Path(file.name)
        try:
            file.writelines(pieces)
            more = True
            while more:
                message = await _next(receive)
                piece = _piece(message)
                size += len(piece)
                _check(size, limit)
                file.write(piece)
                more = message.get("more_body", False)
        except BaseException:
            path.unlink()
            raise
    return path


async def _next(receive: Receive) -> MutableMapping[str, Any]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await receive()
    except TimeoutError as error:
        raise SenderGone from error


def _piece(message: MutableMapping[str, Any]) -> bytes:
    if message["type"] != "http.request":
        raise SenderGone
    piece: bytes = message.get("body", b"")
    return piece


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise BodyTooLarge(f"the body is larger than this server's limit of {limit} bytes")
