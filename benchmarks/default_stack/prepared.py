"""Its database: made with one shop and its key, and counted. An address is SQLAlchemy's."""

import hashlib

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from afterword.base.settings import Settings
from afterword.domain.shops import DEFAULT_DELAY
from benchmarks.default_stack.models import Base, Invitation, Order, PrivateKey, Shop, make_engine


def address_of(settings: Settings) -> str:
    """A file of its own in the data folder, or the same PostgreSQL database, over the same driver as Afterword's."""
    if settings.database_path is not None:
        return f"sqlite:///{settings.data / 'default.db'}"
    return f"postgresql+psycopg://{settings.database.partition('://')[2]}"


def prepare(address: str, key: str) -> None:
    """Makes the tables and a shop with this live key."""
    engine = make_engine(address)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Shop(id=1, name="Alba's bakery", delay=DEFAULT_DELAY))
        session.flush()
        session.add(
            PrivateKey(shop_id=1, live=True, lang="en", hash=hashlib.sha256(key.encode()).hexdigest())
        )
        session.commit()
    engine.dispose()


def count_stored(address: str) -> int:
    """Orders that have their invitation."""
    engine = make_engine(address)
    with Session(engine) as session:
        joined = select(func.count()).select_from(Order).join(Invitation, Invitation.order_id == Order.id)
        stored = session.execute(joined).scalar_one()
    engine.dispose()
    return stored
