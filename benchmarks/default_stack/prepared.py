"""Its database: made with one shop and its key, and counted."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.orm import Session

from afterword.domain.shops import DEFAULT_DELAY
from benchmarks.default_stack.models import Base, PrivateKey, Shop, make_engine


def database_of(data: Path) -> Path:
    return data / "default.db"


def prepare(data: Path, key: str) -> None:
    """Makes the tables and a shop with this live key."""
    engine = make_engine(database_of(data))
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Shop(id=1, name="Alba's bakery", delay=DEFAULT_DELAY))
        session.flush()
        session.add(
            PrivateKey(shop_id=1, live=True, lang="en", hash=hashlib.sha256(key.encode()).hexdigest())
        )
        session.commit()
    engine.dispose()


def count_stored(data: Path) -> int:
    """Orders that have their invitation."""
    with closing(sqlite3.connect(database_of(data))) as database:
        sql = "SELECT count(*) FROM orders JOIN invitations ON order_id = orders.id"
        return int(database.execute(sql).fetchone()[0])
