"""Orders in the three kinds of body, as cURL and others write them."""

import json
from typing import Any

from tests.server import ORDERS, Answer, Server

FORM = "application/x-www-form-urlencoded"
BOUNDARY = "------------------------d74496d66958873e"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def multipart(fields: dict[str, str], headers: str = "") -> bytes:
    """A form as cURL writes it; `headers` go under each part's Content-Disposition."""
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n{headers}\r\n{value}\r\n'
        for name, value in fields.items()
    )
    return f"{''.join(parts)}--{BOUNDARY}--\r\n".encode()


def post(alba: Server, body: bytes | str, content_type: str, path: str = ORDERS, **headers: str) -> Answer:
    return alba.request("POST", path, body, {"Content-Type": content_type, **headers})


def post_form(alba: Server, fields: dict[str, str], path: str = ORDERS, part_headers: str = "") -> Answer:
    return post(alba, multipart(fields, part_headers), MULTIPART, path)


def fields_of(alba: Server, *orders: dict[str, Any], **more: str) -> dict[str, str]:
    return {"api_key": alba.keys.private_key, "orders": json.dumps(orders), **more}


def raw_form(alba: Server, order: dict[str, Any], *headers: str) -> tuple[bytes, bytes]:
    """The head, and the body, of a request by hand; a body of a length that the head does not tell."""
    lines = (
        f"POST {ORDERS} HTTP/1.1",
        f"Host: 127.0.0.1:{alba.port}",
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
        *headers,
    )
    return "\r\n".join((*lines, "", "")).encode(), multipart(fields_of(alba, order))


def chunked(body: bytes, size: int) -> bytes:
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
