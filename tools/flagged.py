"""Measures how often the checks flag real reviews: `make flagged REVIEWS=reviews.csv`.

The file has the columns `text`, `rating` (1 to 5) and `lang`, and may have `author`, and of the reviewed shop `shop`
(its name), `site` and `phones` (its addresses and telephone numbers, with blanks and with commas between). It stays
where it is: customers' reviews are not for this repository. docs/moderation.md has the figures of such files. With
`--show`, each flagged review is printed, for a person to judge.
"""

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from afterword.actions.reviews.checking import CHECKS
from afterword.domain.reviews.checks.flags import Checked
from afterword.domain.reviews.checks.own import own_of
from afterword.domain.reviews.moderation import NEEDS_A_PERSON

Row = Mapping[str, str]


class Measured(NamedTuple):
    """How many reviews of one language, or of one number of stars, were read and flagged, by flag."""

    read: Counter[str]
    flagged: Counter[str]
    flags: Counter[str]


def measure(rows: Iterable[Row], show: bool = False) -> Measured:
    """Counts by language, such as `pt`, and by stars, such as `1 star`; and over `all`."""
    found = Measured(Counter(), Counter(), Counter())
    for row in rows:
        flags = CHECKS(_checked(row))
        groups = ("all", row["lang"], f"{row['rating']} star")
        found.read.update(groups)
        if flags:
            found.flagged.update(groups)
            found.flags.update(flags)
            # What the law makes a person look at, found rightly or not, and all else.
            harmless = NEEDS_A_PERSON.isdisjoint(flags)
            found.flagged.update(f"{group}, publishing itself" for group in groups if harmless)
            if show:
                sys.stdout.write(" | ".join((*groups[1:], *flags, row["text"].replace("\n", " "))) + "\n")
    return found


def _checked(row: Row) -> Checked:
    own = own_of(row.get("shop") or "", (row.get("site") or "").split(), row.get("phones") or "")
    return Checked(row["text"], row.get("author") or "", row["lang"], own)


def lines(found: Measured) -> Iterator[str]:
    """The figures for people: flagged reviews in a thousand."""
    yield f"{'':10} {'reviews':>8} {'flagged':>8} {'in 1,000':>9}   of these, publishing themselves in time"
    for group in sorted(found.read):
        read, flagged = found.read[group], found.flagged[group]
        in_time = found.flagged[f"{group}, publishing itself"]
        yield f"{group:10} {read:8,} {flagged:8,} {1_000 * flagged / read:9.1f}   {in_time:,}"
    yield "by flag:   " + ", ".join(f"{flag} {amount:,}" for flag, amount in found.flags.most_common())


if __name__ == "__main__":
    csv.field_size_limit(sys.maxsize)
    with Path(sys.argv[1]).open(encoding="utf-8-sig", newline="") as file:
        sys.stdout.writelines(
            f"{line}\n" for line in lines(measure(csv.DictReader(file), "--show" in sys.argv))
        )
