"""The send journal notes how far each chain goes, so whoever can write to the database alone cannot cut it short."""

import asyncio
from collections.abc import Callable
from types import NoneType

import pytest

from afterword.actions.operating.backlog import chains
from afterword.base.errors import Refused
from afterword.domain.reviews.review import Review
from afterword.store.engine import committer
from afterword.store.engine.database import Database, Transaction
from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.journal.journal import head_line
from afterword.store.opening import open_postgres
from afterword.store.reviews import heads
from afterword.store.reviews.chain import chain_head
from afterword.store.reviews.heads import accept_head, check_heads
from afterword.store.shops import list_shops
from tests.peers import run
from tests.postgres import new_database, unreachable
from tests.store.cast import DUE, Customer, Member, new_member
from tests.store.databases import another, closing_now, no_file_grows_beyond
from tests.store.journal.journals import back_up, journal, lines, restore
from tests.store.reviews.verifying import faults


def head_of(member: Member, *, live: bool = True) -> str:
    seq, hashed, _ = member.asks(chain_head, member.shop.id, live=live)
    return head_line(member.shop.id, int(live), seq, hashed)


def heads_noted(database: Database) -> list[str]:
    return [line for line in lines(database) if line.startswith("head")]


def said(member: Member, *, live: bool = True) -> list[str]:
    assert isinstance(member.store, Database)
    return [str(found) for found in check_heads(member.store, member.shop.id, live=live)]


def cut_off(review: Review) -> Callable[[Transaction], None]:
    """Takes a review out of the database, and its chain's head back, so that what is left is whole."""

    def work(tx: Transaction) -> None:
        of = {"shop": review.shop_id, "live": int(review.live), "review": review.id}
        tx.run("DELETE FROM chain WHERE shop_id = :shop AND review_id = :review", of)
        [last] = tx.rows(
            "SELECT seq, hash FROM chain WHERE shop_id = :shop AND live = :live ORDER BY seq DESC LIMIT 1", of
        )
        head = of | dict(zip(("seq", "hash"), last, strict=True))
        tx.run("UPDATE chain_heads SET seq = :seq, hash = :hash WHERE shop_id = :shop AND live = :live", head)
        tx.run("DELETE FROM reviews WHERE shop_id = :shop AND review_id = :review", of)
        counted = "UPDATE review_counts SET amount = amount - 1 WHERE shop_id = :shop AND live = :live"
        tx.run(f"{counted} AND rating = :rating", of | {"rating": review.rating})

    return work


def test_a_commit_that_moves_a_chain_notes_its_last_head_in_one_line(
    database: Database, alba: Member, bruno: Member, clara: Customer
) -> None:
    first, second, other = alba.order("A-1"), alba.order("A-2"), bruno.order("B-1")
    assert heads_noted(database) == []
    clara.reviews(first)
    noted = [head_of(alba)]
    assert heads_noted(database) == noted

    def several(tx: Transaction) -> None:
        for about in (second, other):
            clara.within(tx).reviews(about, 1)
            clara.within(tx).reviews(about, 2)

    database.write_now(several)
    assert sorted(heads_noted(database)[1:]) == sorted([head_of(alba), head_of(bruno)])
    assert said(alba) == said(bruno) == []
    assert alba.rows("SELECT position FROM journals") == [(journal(database).stat().st_size,)]


def test_a_transaction_that_fails_notes_nothing(database: Database, alba: Member, clara: Customer) -> None:
    about = alba.order()

    def write_and_raise(tx: Transaction) -> None:
        clara.within(tx).reviews(about)
        raise LookupError

    with pytest.raises(LookupError):
        database.write_now(write_and_raise)
    assert heads_noted(database) == []
    alba.sends("A-2")
    assert heads_noted(database) == []


def test_a_head_is_noted_though_the_writes_beside_it_fail_or_move_none(
    database: Database, alba: Member, clara: Customer
) -> None:
    """They come together, and as one of them fails, each is committed by itself."""
    about = alba.order()

    def write(tx: Transaction) -> None:
        clara.within(tx).reviews(about)

    def refuse(tx: Transaction) -> None:
        raise LookupError

    async def together() -> list[object]:
        works = (write, refuse, list_shops)
        return await asyncio.gather(*map(database.write, works), return_exceptions=True)

    assert [type(result) for result in run(together())] == [NoneType, LookupError, list]
    database.write_now(list_shops)  # notes what waits to be noted
    assert heads_noted(database) == [head_of(alba)]


@pytest.mark.parametrize("within", [0, 3_600])
def test_commits_that_follow_each_other_are_noted_together(
    database: Database, alba: Member, clara: Customer, monkeypatch: pytest.MonkeyPatch, within: float
) -> None:
    """The note waits for others, and the end of the process for the note."""
    monkeypatch.setattr(committer, "NOTE_AFTER", within)
    orders = [alba.order(name) for name in ("A-1", "A-2", "A-3")]
    moved = []

    async def one_after_the_other(server: Database) -> None:
        for about in orders:
            await server.write(lambda tx, about=about: clara.within(tx).reviews(about))
            moved.append(head_of(alba))

    with closing_now(another(database)) as server:
        run(one_after_the_other(server))
        if within:
            assert heads_noted(database) == []
    assert heads_noted(database) == (moved[-1:] if within else moved)


def test_an_end_that_was_cut_off_is_found_also_when_the_chain_has_grown_since(
    database: Database, alba: Member, bruno: Member, clara: Customer
) -> None:
    clara.reviews(alba.order("A-1"))
    clara.reviews(bruno.order("B-1"))
    last = clara.reviews(alba.order("A-2"), rating=1)
    noted = head_of(alba).split()
    database.write_now(cut_off(last))
    assert faults(alba) == []
    for name in ("A-3", "A-4", "A-5"):
        [found] = said(alba)
        assert f"entry {noted[4]} with a hash of {noted[1]}…, which the chain does not have" in found
        assert "restored" in found and f"afterword verify {alba.shop.id} --accept" in found
        clara.reviews(alba.order(name))
    assert said(bruno) == []
    alba.acts(accept_head, alba.shop.id, live=True)
    assert said(alba) == []
    database.write_now(cut_off(clara.reviews(alba.order("A-6"), rating=1)))
    assert len(said(alba)) == 1


def test_of_several_entries_that_were_cut_off_the_first_is_named(
    database: Database, alba: Member, clara: Customer
) -> None:
    clara.reviews(alba.order("A-1"))
    second = clara.reviews(alba.order("A-2"), rating=1)
    first_noted = head_of(alba).split()
    third = clara.reviews(alba.order("A-3"), rating=1)
    for review in (third, second):
        database.write_now(cut_off(review))
    [found] = said(alba)
    assert f"entry {first_noted[4]} with a hash of {first_noted[1]}…" in found


def test_what_was_accepted_is_not_cut_off_unseen(database: Database, alba: Member, clara: Customer) -> None:
    clara.reviews(alba.order("A-1"))
    last = clara.reviews(alba.order("A-2"), rating=1)
    alba.acts(accept_head, alba.shop.id, live=True)
    assert said(alba) == []
    database.write_now(cut_off(last))
    assert len(said(alba)) == 1


def test_doctor_names_a_chain_whose_end_was_cut_off(
    database: Database, alba: Member, bruno: Member, clara: Customer
) -> None:
    clara.reviews(alba.order("A-1", live=False))
    clara.reviews(bruno.order("B-1"))
    last = clara.reviews(alba.order("A-2", live=False))
    clara.reviews(alba.order("A-3"))
    assert [found.level for found in chains(database)] == ["ok"]
    database.write_now(cut_off(last))
    [found] = chains(database)
    assert found.level == "action"
    assert f"The test reviews of shop {alba.shop.id} lack entry 5 of their chain" in found.says
    assert found.says.endswith(f"afterword verify {alba.shop.id} --test")
    assert len(said(alba, live=False)) == 1 and said(alba) == []


def test_a_chain_that_is_gone_whole_is_found(database: Database, alba: Member, clara: Customer) -> None:
    clara.reviews(alba.order())
    for table in ("chain", "chain_heads", "reviews", "review_counts"):
        alba.executes(f"DELETE FROM {table}")
    assert faults(alba) == []
    assert len(said(alba)) == 1
    alba.acts(accept_head, alba.shop.id, live=True)
    assert said(alba) == []


def test_many_heads_are_compared_page_after_page(
    database: Database, alba: Member, clara: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "HEADS_AT_ONCE", 2)
    written = [clara.reviews(alba.order(f"A-{n}"), rating=1) for n in range(5)]
    assert said(alba) == []
    database.write_now(cut_off(written[-1]))
    assert len(said(alba)) == 1


@pytest.mark.sqlite
def test_a_restored_backup_is_explained_and_its_journal_applies_no_head(
    database: SqliteDatabase, alba: Member, clara: Customer
) -> None:
    clara.reviews(alba.order("A-1"))
    later = alba.order("A-2")
    back_up(database)
    clara.reviews(later)
    alba.sends_due(DUE + 1)
    with closing_now(restore(database.path.parent, database.path.with_name("backup.db"))) as after:
        alba = alba.on(after)
        assert not after.is_held
        assert len(said(alba)) == 1 and "a backup from before that entry was restored" in said(alba)[0]
        assert alba.rows("SELECT count(*) FROM journaled") == [(0,)]
        alba.acts(accept_head, alba.shop.id, live=True)
        clara.on(after).reviews(later)
        assert said(alba) == []


def test_reviews_are_written_while_the_journal_is_missing_and_its_heads_are_noted_once_it_is_back(
    database: Database, alba: Member, clara: Customer
) -> None:
    alba.sends("1")
    alba.sends_due()
    clara.reviews(alba.order("A-1"))
    away = journal(database).rename(journal(database).with_name("away"))
    clara.reviews(alba.order("A-2"))
    assert database.is_held
    clara.reviews(alba.order("A-3"))
    [found] = check_heads(database, alba.shop.id, live=True)
    assert not found.is_fault and "is missing or cannot be read" in found.words
    assert list(chains(database)) == []
    with pytest.raises(Refused, match="the send journal is missing"):
        alba.acts(accept_head, alba.shop.id, live=True)
    away.rename(journal(database))
    with closing_now(another(database)) as after:
        assert not after.is_held
        assert said(alba.on(after)) == []
        clara.on(after).reviews(alba.on(after).order("A-4"))
        assert heads_noted(after)[1:] == [head_of(alba)]


@pytest.mark.postgres
def test_a_journal_that_cannot_be_written_stops_no_review_and_gets_the_head_later(
    database: Database, alba: Member, clara: Customer
) -> None:
    """Where the database is on another disk."""
    about, later = alba.order("A-1"), alba.order("A-2", live=False)
    with no_file_grows_beyond(journal(database).stat().st_size + 9):
        clara.reviews(about)
    clara.reviews(later)
    torn, *noted = lines(database)
    assert torn == head_of(alba)[:9] and sorted(noted) == sorted([head_of(alba), head_of(alba, live=False)])
    assert said(alba) == []


def test_a_new_journal_begins_with_every_head(database: Database, alba: Member, clara: Customer) -> None:
    clara.reviews(alba.order("A-1"))
    clara.reviews(alba.order("A-2", live=False))
    journal(database).unlink()
    with closing_now(another(database)) as after:
        assert after.is_held
        after.accept_journal_loss()
        assert sorted(lines(after)) == sorted([head_of(alba), head_of(alba, live=False)])
        assert said(alba.on(after)) == []


def test_the_journal_of_rows_notes_heads_and_stops_no_review_while_it_is_away(postgres: str) -> None:
    with (
        new_database(postgres) as url,
        new_database(postgres) as rows,
        closing_now(open_postgres(url, rows)) as database,
    ):
        alba, clara = new_member(database, "Alba's bakery"), Customer(database)
        first, second = alba.order("A-1"), alba.order("A-2")
        clara.reviews(first)
        with unreachable(rows):
            last = clara.reviews(second)
        assert said(alba) == []
        clara.reviews(alba.order("A-3", live=False))
        database.write_now(cut_off(last))
        assert len(said(alba)) == 1
