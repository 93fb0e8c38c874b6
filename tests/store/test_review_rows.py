"""Reviews by their stars, in pages: none skipped, none twice, and nothing sorted."""

from afterword.domain.reviews import SITE, Review
from afterword.store.database import Transaction
from afterword.store.engine_database import EngineDatabase
from afterword.store.review_rows import Place, reviews_by_stars
from tests.store.cast import NOW, Member, order
from tests.store.reviewing import reviewed_order, write


def test_the_pages_of_some_stars_go_on_behind_the_last_review(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    def work(tx: Transaction) -> None:
        for number in range(12):
            about = reviewed_order(tx, alba, order(f"S-{number}", email=f"{number}@mail.example"))
            write(tx, about, rating=number % 3 + 1, text=f"About {number}.", now=NOW + number)
        write(tx, reviewed_order(tx, bruno, order("S-1")), rating=3)

    database.write_now(work)
    found: list[Review] = []
    stars, behind = (3, 1), None
    while True:
        asked = {"stars": stars, "behind": behind, "most": 3}
        page = database.read_now(lambda tx, a=asked: reviews_by_stars(tx, alba.shop.id, SITE, live=True, **a))
        if not page:
            break
        found += page
        last = page[-1]
        stars, behind = (3, 1) if last.rating == 3 else (1,), Place(last.published_at or 0, last.id)
    assert [review.text for review in found] == [f"About {n}." for n in (11, 8, 5, 2, 9, 6, 3, 0)]
