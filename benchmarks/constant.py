"""The limit of benchmarks a and i: Afterword's own server, reading the same bodies and answering a constant.

`python -m benchmarks.constant 6000` answers with 6,000 bytes.
"""

import asyncio
import gc
import signal
import sys

from afterword.base.settings import read_settings
from afterword.web.edge import Receive, Scope, Send
from afterword.web.server import build_server, end_at_once

ANSWER = b'{"success": 1, "orders_count": 1, "orders_imported": 1, "message": null}'
answer = ANSWER
HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


async def serve() -> None:
    settings = read_settings()
    server = build_server(constant, settings.host, settings.port)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    gc.collect()
    gc.freeze()
    await server.serve()


async def constant(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    answer = b"x" * int(sys.argv[1]) if sys.argv[1:] else ANSWER
    asyncio.run(serve())
    end_at_once()
