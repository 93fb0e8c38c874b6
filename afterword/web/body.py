"""Reads request bodies: small ones into memory, large ones into a file, never more than a limit."""

import asyncio
from pathlib import Path
from tempfile import NamedTemporaryFile

from starlette.types import Message, Receive

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
    piece, more = _piece(await receive())
    if len(piece) == length:
        return piece
    pieces, size = [piece], len(piece)
    _check(size, limit)
    while more:
        if size > IN_MEMORY:
            return await _spool(receive, pieces, size, limit, spool)
        piece, more = await _next(receive)
        pieces.append(piece)
        size += len(piece)
        _check(size, limit)
    return b"".join(pieces)


async def pass_over(receive: Receive, most: int) -> None:
    """Reads and discards the rest of a body, at most about `most` bytes: browsers show no answer before they have
    sent everything. Raises SenderGone."""
    more = True
    while more and most > 0:
        piece, more = await _next(receive)
        most -= len(piece)


async def _spool(receive: Receive, pieces: list[bytes], size: int, limit: int, spool: Path) -> Path:
    with NamedTemporaryFile(dir=spool, delete=False) as file:
        path = Path(file.name)
        try:
            file.writelines(pieces)
            more = True
            while more:
                piece, more = await _next(receive)
                size += len(piece)
                _check(size, limit)
                file.write(piece)
        except BaseException:
            path.unlink()
            raise
    return path


async def _next(receive: Receive) -> tuple[bytes, bool]:
    try:
        async with asyncio.timeout(PATIENCE):
            return _piece(await receive())
    except TimeoutError as error:
        raise SenderGone from error


def _piece(message: Message) -> tuple[bytes, bool]:
    """A chunk of the body, and whether more will follow."""
    if message["type"] != "http.request":
        raise SenderGone
    return message.get("body", b""), message.get("more_body", False)


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise BodyTooLarge(f"the body is larger than this server's limit of {limit} bytes")
