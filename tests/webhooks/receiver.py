"""A real HTTP or HTTPS server that keeps what it is sent and answers as a test says."""

import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Self

from tests.peers import certificates


class Heard(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


Reply = Callable[[BaseHTTPRequestHandler], None]


def status(code: int, **headers: str) -> Reply:
    """Answers so, without a body."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


class Receiver:
    """Listens on 127.0.0.1. `answers` are used up one by one, then 204 is said; `heard` is what came."""

    def __init__(self, *answers: Reply, tls: bool = False) -> None:
        self.heard: list[Heard] = []
        self.answers = list(answers)
        self._tls = tls
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:  # its sender was killed in the middle of it
                    self.close_connection = True
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.heard.append(Heard(self.path, headers, body))
                answer = receiver.answers.pop(0) if receiver.answers else receiver.take
                try:
                    answer(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if self._tls:
            context: ssl.SSLContext = certificates().server
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=lambda: self._server.serve_forever(0.02), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}/reviews"

    def take(self, request: BaseHTTPRequestHandler) -> None:
        status(204)(request)

    def stall(self, request: BaseHTTPRequestHandler) -> None:
        """Says nothing until the test is over."""
        self._ended.wait(30)

    def cut(self, request: BaseHTTPRequestHandler) -> None:
        """Closes the connection instead of answering."""
        request.close_connection = True
