"""The tables, and the engine."""

import sqlite3
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Engine,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    create_engine,
    event,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Shop(Base):
    """`delay` is in seconds."""

    __tablename__ = "shops"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    delay: Mapped[int]


class PrivateKey(Base):
    """`hash` is the key's SHA-256, in hex."""

    __tablename__ = "private_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    live: Mapped[bool]
    lang: Mapped[str] = mapped_column(String(2))
    hash: Mapped[str] = mapped_column(String(64), unique=True)


class Order(Base):
    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("shop_id", "live", "id_order"),
        UniqueConstraint("shop_id", "live", "reference"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    live: Mapped[bool]
    id_order: Mapped[str] = mapped_column(String(191))
    reference: Mapped[str | None] = mapped_column(String(191))
    order_date: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    firstname: Mapped[str] = mapped_column(String(2000))
    lastname: Mapped[str] = mapped_column(String(2000))
    email: Mapped[str] = mapped_column(String(254))
    lang: Mapped[str] = mapped_column(String(2))
    phone: Mapped[str | None] = mapped_column(String(2000))
    store_id: Mapped[int | None]
    products: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class Invitation(Base):
    __tablename__ = "invitations"
    __table_args__ = (Index("invitations_due", "shop_id", "live", "state", "due_at"),)

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    live: Mapped[bool]
    state: Mapped[str] = mapped_column(String(20), default="scheduled")
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def make_engine(address: str) -> Engine:
    """As they come on PostgreSQL, whose default is durable. On SQLite what makes it so, and a small pool: SQLite has
    one writer at a time, and in the pool those who wait get their turn.

    With the default of fifteen connections they wait in SQLite, by sleeping, some of them for seconds.
    """
    if not address.startswith("sqlite:"):
        return create_engine(address)
    engine = create_engine(address, pool_size=2, max_overflow=0, connect_args={"timeout": 30})
    event.listen(engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _: object) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
