"""Erasing erases: no row, no message and no byte of the database's files has the words or their salts."""

import random
from contextlib import closing

import pytest

from afterword.actions.reviews.writing import Said, Submission, prepare, unwritten, write_reviews
from afterword.domain.messages import Queue
from afterword.domain.reviews.review import Review, Words
from afterword.store.engine import sqlite
from afterword.store.engine.database import Transaction
from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.engine.sqlite_connection import SqliteConnection
from tests.store.cast import DUE, NOW, SIGNER, Customer, Member, nothing_found
from tests.store.kinds import hook
from tests.store.reviews.reviewing import notified

ABOUT = ("the shop", "the rye bread", "the seed rolls")


def writes_three(alba: Member, name: str) -> list[Review]:
    """One form about the shop and both products, so one receipt for three reviews."""
    said = [Said(line, Words(4, f"About {what}."), 0) for line, what in enumerate(ABOUT)]
    form = Submission(alba.order(name), said)

    def write(tx: Transaction) -> list[Review]:
        prepared = prepare(form, unwritten(tx, form, NOW), nothing_found)
        return [one.review for one in write_reviews(tx, form, prepared, signer=SIGNER, now=NOW)]

    return alba.acts(write)


def everything(alba: Member) -> str:
    return str([alba.rows(f"SELECT * FROM {table}") for table in ("reviews", "past_versions", "messages")])


@pytest.mark.parametrize("state", ["waits", "failed"])
@pytest.mark.parametrize("at", range(3), ids=ABOUT)
def test_an_erased_review_leaves_the_receipt_that_it_shares_with_others(
    alba: Member, at: int, state: str
) -> None:
    reviews, others = writes_three(alba, "A-1"), writes_three(alba, "A-2")
    if state == "failed":
        for claim in alba.claims(DUE, queue=Queue.MAIL):
            assert alba.marks(claim) and alba.records(claim, "failed", "no such mailbox") == "failed"
    erased = reviews.pop(at)
    alba.erases(erased)
    left = everything(alba)
    assert [*alba.rows("SELECT DISTINCT address_hash = '' FROM reviews WHERE state = 'erased'")] == [(True,)]
    assert erased.salt not in left and all(one.salt in left for one in [*reviews, *others])
    assert [kind for kind, _, _ in alba.asks(notified)] == ["receipt", "receipt"]
    for one in reviews:
        alba.erases(one)
    assert [kind for kind, _, _ in alba.asks(notified)] == ["receipt"]
    assert not any(one.salt in everything(alba) for one in reviews)


def test_what_is_erased_after_its_receipt_was_sent_leaves_no_salt(alba: Member) -> None:
    reviews = writes_three(alba, "A-1")
    for claim in alba.claims(DUE, queue=Queue.MAIL):
        alba.delivers(claim)
    for one in reviews:
        assert alba.erases(one).state == "erased"
    assert not any(one.salt in everything(alba) for one in reviews)


def test_an_email_about_withdrawals_keeps_those_that_were_not_erased(alba: Member, clara: Customer) -> None:
    first, second, _ = writes_three(alba, "A-1")
    for one in (first, second):
        clara.withdraws(one)
    alba.erases(alba.finds(first))
    waiting = "SELECT review_id, payload FROM messages WHERE kind = 'withdrawal'"
    [(about, payload)] = alba.rows(waiting)
    assert about == second.id and str(first.id) not in payload and str(second.id) in payload
    alba.erases(alba.finds(second))
    assert alba.rows(waiting) == []


def test_deliveries_with_the_words_are_gone_whether_they_wait_or_have_failed(
    alba: Member, clara: Customer
) -> None:
    hook(alba)
    review, other = (clara.reviews(alba.order(name), text=f"Words of {name}.") for name in ("A-1", "A-2"))
    claim = alba.claims(DUE, queue=Queue.WEBHOOKS)[0]
    alba.records(claim, "failed", "no one listens")
    assert "Words of A-1." in everything(alba)
    alba.erases(review)
    assert "Words of A-1." not in everything(alba) and "Words of A-2." in everything(alba)
    assert "received" in [kind for kind, _, _ in alba.asks(notified)] and other.salt in everything(alba)


@pytest.fixture
def erased(database: SqliteDatabase, alba: Member, clara: Customer) -> list[Review]:
    """Forty of 200 reviews, which were changed, published and answered before; their rows have moved."""
    draw = random.Random(1)

    def write_all(tx: Transaction) -> list[Review]:
        shop, author, written = alba.within(tx), clara.within(tx), []
        for n in range(200):
            about = shop.order(f"A-{n}", email=f"n{n}@x.example")
            text = f"SECRET{n:05d} " * draw.choice((1, 3, 30, 300))
            author.reviews(about, text=text)
            written.append(author.reviews(about, text=text + "!", seen=1))
            if n % 3 == 0:
                earlier = draw.randrange(len(written))
                written[earlier] = shop.replies(
                    written[earlier], f"SECRET{earlier:05d}? " * draw.choice((1, 50))
                )
        return written

    written = database.write_now(write_all)
    return [alba.erases(each) and each for each in draw.sample(written, 40)]


def found_in_files(database: SqliteDatabase, reviews: list[Review]) -> list[str]:
    """The erased words and salts that any of the database's files has."""
    content = b"".join(file.read_bytes() for file in database.path.parent.glob("afterword.db*"))
    secrets = [secret for each in reviews for secret in (each.text[:11], each.salt)]
    return [secret for secret in secrets if secret.encode() in content]


@pytest.mark.sqlite
def test_no_file_of_the_database_has_what_was_erased(
    database: SqliteDatabase, alba: Member, erased: list[Review]
) -> None:
    assert found_in_files(database, erased)
    assert database.scrub() is None
    assert found_in_files(database, erased) == []
    kept = {review_id for (review_id,) in alba.rows("SELECT review_id FROM reviews WHERE state <> 'erased'")}
    assert len(kept) == 160


@pytest.mark.sqlite
def test_a_large_file_is_not_rewritten_and_hardly_has_anything_that_was_erased(
    database: SqliteDatabase, erased: list[Review], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "MOST_REWRITTEN", 0)
    assert str(database.scrub()).endswith("a copy may be left in its unused parts until VACUUM rewrites it.")
    assert database.path.with_name("afterword.db-wal").stat().st_size == 0
    assert len(found_in_files(database, erased)) <= 8  # of 80


@pytest.mark.sqlite
def test_a_log_that_another_process_reads_is_said_to_have_it_still(
    database: SqliteDatabase, alba: Member, clara: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_FOR", 0.05)
    review = clara.reviews(alba.order())
    with closing(SqliteConnection(database.path)) as reading:
        reading.raw.execute("BEGIN; SELECT count(*) FROM reviews").fetchall()
        alba.erases(review)
        assert str(database.scrub()).startswith("Another process is reading, so ")
        reading.rollback()
    assert database.scrub() is None
