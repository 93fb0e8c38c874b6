"""The application. Its endpoint is a plain `def` with a plain session, as in FastAPI's own tutorial: the commoner
way, and on SQLite, which has no asynchronous interface, an `async` one would only hand the same calls to a thread."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import Json, ValidationError
from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, sessionmaker
from starlette.exceptions import HTTPException

from benchmarks.default_stack.models import Invitation, Order, PrivateKey, Shop, make_engine
from benchmarks.default_stack.schemas import Answer, OrderIn, Wrong

ALREADY_SENT = "Some orders were not imported because they had already been sent (see documentation)"
MOST_PLACES = 20
INSERTS: dict[str, Callable[..., Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


async def get_sessions(request: Request) -> sessionmaker[Session]:
    sessions: sessionmaker[Session] = request.app.state.sessions
    return sessions


def import_orders(
    sessions: Annotated[sessionmaker[Session], Depends(get_sessions)],
    orders: Annotated[Json[list[Any]], Form()],
    api_key: Annotated[str, Form()] = "",
) -> Answer:
    """Imports each order that is good and new, with its invitation, in one transaction.

    All that needs the session is in here. As dependencies, each part would wait for a thread again while it holds a
    connection, and soon all threads would wait for connections.
    """
    with sessions.begin() as session:
        shop, key = find_sender(session, api_key)
        good, wrong = read_orders(orders)
        imported = store_orders(session, shop, key, good) if good else 0
    return Answer(
        success=int(imported > 0),
        orders_count=len(orders),
        orders_imported=imported,
        message=message_of(imported < len(good), wrong),
    )


def find_sender(session: Session, api_key: str) -> tuple[Shop, PrivateKey]:
    """Raises 401."""
    hashed = hashlib.sha256(api_key.strip().encode()).hexdigest()
    query = (
        select(Shop, PrivateKey).join(Shop, Shop.id == PrivateKey.shop_id).where(PrivateKey.hash == hashed)
    )
    found = session.execute(query).one_or_none()
    if found is None:
        raise HTTPException(401, "The key is missing or wrong")
    shop, key = found
    return shop, key


def read_orders(orders: list[Any]) -> tuple[list[OrderIn], Wrong]:
    """Each order stands alone."""
    good, wrong = [], Wrong()
    for index, order in enumerate(orders):
        try:
            good.append(OrderIn.model_validate(order))
        except ValidationError as error:
            wrong.add(index, error)
    return good, wrong


def store_orders(session: Session, shop: Shop, key: PrivateKey, orders: list[OrderIn]) -> int:
    """How many were not there before. The unique keys decide, so it holds whichever requests race."""
    now = datetime.now(UTC)
    same = {"shop_id": shop.id, "live": key.live}
    more = same | {"lang": key.lang, "received_at": now}
    rows = [order.model_dump() | more for order in orders]
    insert_new = INSERTS[session.get_bind().dialect.name]
    statement = insert_new(Order).on_conflict_do_nothing().returning(Order.id)
    stored = session.scalars(statement, rows).all()
    if stored:
        due_at = now + timedelta(seconds=shop.delay)
        session.execute(insert(Invitation), [{"order_id": id, "due_at": due_at, **same} for id in stored])
    return len(stored)


def message_of(some_were_sent: bool, wrong: Wrong) -> str | None:
    parts = [ALREADY_SENT] if some_were_sent else []
    if wrong.missing:
        parts.append("Missing fields for array: " + ", ".join(wrong.missing[:MOST_PLACES]))
    if wrong.invalid:
        parts.append("Invalid fields: " + ", ".join(wrong.invalid[:MOST_PLACES]))
    return " ".join(parts) or None


def refuse(request: Request, error: Exception) -> Response:
    """Errors have the four keys too."""
    if isinstance(error, HTTPException):
        status, message = error.status_code, str(error.detail)
    else:
        status, message = 400, "The form has no orders, or they are not an array in JSON"
    return JSONResponse(Answer(success=0, message=message).model_dump(), status)


def make_app(address: str) -> FastAPI:
    """Works on a database that `prepare` has made."""
    app = FastAPI(title="Orders")
    app.state.sessions = sessionmaker(make_engine(address))
    app.add_api_route("/private/v3/orders", import_orders, methods=["POST"])
    app.add_exception_handler(HTTPException, refuse)
    app.add_exception_handler(RequestValidationError, refuse)
    return app
