"""A number that a page takes from the code is the code's: each is found on its page and compared with its constant.

Constants are looked up by name in the whole program, so that the table survives a move of their module; where several
have one name, one of them must be the number.
"""

import re
from collections import defaultdict
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import NamedTuple

import pytest

import afterword
from afterword.base.settings import read_settings
from afterword.domain.messages import POST_AGAIN
from tests.docs.pages import read

KIB, MIB = 2**10, 2**20
MINUTE, HOUR, DAY = 60, 3_600, 86_400

SPELLED = {"an": 1, "two": 2, "three": 3, "four": 4, "five": 5, "seven": 7, "ten": 10, "fifteen": 15}
SPELLED |= {"sixteen": 16, "twenty": 20, "a thousand": 1_000}


class Number(NamedTuple):
    """On `page`, the group of `pattern` times `unit` is `constant`."""

    page: str
    pattern: str
    constant: str
    unit: float = 1


NUMBERS = [
    Number("architecture", r"share statements\*\*, (\d+) rows each", "ROWS_A_STATEMENT"),
    Number("architecture", r"numbers in blocks of (a thousand)", "IDS_A_BLOCK"),
    Number("architecture", r"Bodies above (\d+) KiB", "SMALL_BODY", KIB),
    Number("architecture", r"in slices of (\d+)", "SLICE"),
    Number("architecture", r"first retry comes after (\w+) minutes", "FIRST_RETRY", MINUTE),
    Number("architecture", r"doubling to (an) hour", "LONGEST_RETRY", HOUR),
    Number("architecture", r"(\w+) days after the first try", "GIVE_UP_AFTER", DAY),
    Number("flow", r"above (\d+) KiB it goes to a file", "IN_MEMORY", KIB),
    Number("flow", r"\(up to (\d+) KiB\)", "SMALL_BODY", KIB),
    Number("flow", r"a lease of (\d+) seconds", "LEASE"),
    Number("flow", r"(\w+) at a time are composed", "AT_ONCE"),
    Number("flow", r"doubling up to (\d+)", "LONGEST_TRANSPORT_PAUSE"),
    Number("flow", r"Every (\w+) seconds leases", "ROUND"),
    Number("flow", r"for (\w+) times as long as the look", "LOOKS_TO_USE"),
    Number("known-issues", r"double from 1 to (\d+) seconds", "LONGEST_TRANSPORT_PAUSE"),
    Number("known-issues", r"(\w+) messages are sent at a time", "AT_ONCE"),
    Number("known-issues", r"read two at a time; (\d+) wait", "MOST_WAITING"),
    Number("known-issues", r"read (\w+) at a time; \d+ wait", "READERS"),
    Number("known-issues", r"batch above (\d+) KiB", "SMALL_BODY", KIB),
    Number("known-issues", r"slices of (\d+) orders", "SLICE"),
    Number("known-issues", r"With (a thousand) messages due", "FEW_DUE"),
    Number("orders-api", r"text of 1 to (\d+) characters", "LONGEST_KEY"),
    Number("orders-api", r"A text has at most ([\d,]+) characters", "LONGEST_TEXT"),
    Number("orders-api", r"more than (\d+) combining marks", "LONGEST_STACK"),
    Number("orders-api", r"a list of at most ([\d,]+)\.", "MOST_LINES"),
    Number("orders-api", r"at most (\d+) octets, with single dots", "LONGEST_LOCAL_PART"),
    Number("orders-api", r"at most (\d+) octets in all", "LONGEST_ADDRESS"),
    Number("orders-api", r"At most (\w+) are named", "MOST_PLACES"),
    Number("orders-api", r"nesting below (\d+) levels", "DEEPEST"),
    Number("orders-api", r"nothing arrives for (\d+) seconds", "PATIENCE"),
    Number("orders-api", r"slower than (\d+) KiB a second", "LEAST_PACE", KIB),
    Number("orders-api", r"is kept for (\d+) days", "KEPT_FOR"),
    Number("orders-api", r"at most ([\d,]+) rows are kept", "MOST_A_DAY"),
    Number("orders-api", r"of one order at most (\d+) places", "MOST_ERRORS"),
    Number("orders-api", r"part of a batch above (\d+) KiB", "SMALL_BODY", KIB),
    Number("orders-api", r"delay \((\w+) days by default\)", "DEFAULT_DELAY", DAY),
    Number("orders-api", r"due (\w+) seconds after receipt", "TEST_DELAY"),
    Number("reviews-api", r"the newest ([\d,]+) by publication", "MOST_REVIEWS"),
    Number("reviews-api", r"caches ([\d,]+) answers", "MOST_ANSWERS"),
    Number("reviews-api", r"answers or (\d+) MiB", "MOST_BYTES", MIB),
    Number("reviews-api", r"`limit`: 1 to ([\d,]+)", "MOST_A_PAGE"),
    Number("reviews-api", r"\(default: (\d+)\); `page`", "USUAL_A_PAGE"),
    Number("reviews-api", r"within (\w+) minutes\.", "END_KEPT_FOR", MINUTE),
    Number("reviews-api", r"an index, ([\d,]+) at a time", "MOST_SKIPPED"),
    Number("webhooks", r"(\w+) seconds is the limit", "PATIENCE"),
    Number("webhooks", r"for (\w+) days after the event", "GIVE_UP_POST_AFTER", DAY),
    Number("webhooks", r"(\d+) seconds to 5 minutes at a time", "FIRST_RECEIVER_PAUSE"),
    Number("webhooks", r"5 seconds to (\d+) minutes at a time", "LONGEST_RECEIVER_PAUSE", MINUTE),
    Number("webhooks", r"and ([\d,]+) and above", "LOWEST_PORT"),
    Number("operating", r"unclaimed, up to ([\d,]+)", "MOST_COUNTED"),
    Number("operating", r"From ([\d,]+) on, requests", "MOST_WAITING"),
    Number("operating", r"warns below (\d+) MiB", "LOW_DISK", MIB),
    Number("verifying", r"the last ([\d,]+) entries", "ENTRIES_CHECKED"),
    Number("feeds", r"streamed, (\d+) reviews at a time", "REVIEWS_A_PAGE"),
    Number("feeds", r"required; at most ([\d,]+) characters", "LONGEST_REVIEW"),
    Number("feeds", r"stored (\d+) at a time", "ROWS_A_TRANSACTION"),
    Number("moderation", r"from (\d+) letters on", "SHORTEST_COPY"),
    Number("moderation", r"(\w+) other orders of the same", "MOST_ORDERS"),
    Number("moderation", r"were reviewed within (\w+) days", "MOST_ORDERS_WITHIN", DAY),
    Number("moderation", r"unreviewed after (\w+) days", "PUBLISH_AFTER", DAY),
    Number("showing", r"A page has (\w+) reviews", "REVIEWS_SHOWN"),
    Number("showing", r"first (\w+) reviews, and the picture", "REVIEWS_REPEATED"),
    Number("settings", r"At most (\d+) ASCII characters", "LONGEST_URL"),
    Number("commands", r"at most (\d+) days\)", "LONGEST_DELAY", DAY),
    Number("commands", r"of at most ([\d,]+) characters, possibly", "LONGEST_REVIEW"),
    Number("commands", r"\(the first ([\d,]+)\)", "MOST_ERRORS"),
    Number("commands", r"\(at most (\d+)\), or when", "MOST_FINDINGS"),
    Number("commands", r"A shop has at most (\d+)\.", "MOST_WEBHOOKS"),
    Number("law", r"change for (\d+) days", "WRITE_FOR", DAY),
    Number("postgresql", r"Deadlocked transactions are retried up to (\w+) times", "MOST_TRIES"),
    Number("postgresql", r"reads in (\w+) threads", "READERS"),
    Number("postgresql", r"Each has (\w+) writers for orders", "LANES"),
    Number("scale", r"A claim takes (\d+) messages", "CLAIMED_AT_ONCE"),
    Number("glossary", r"a delay of (\w+) seconds", "TEST_DELAY"),
]


@cache
def constants() -> dict[str, set[float]]:
    """Every number with a name, at the head of a module of the program."""
    found = defaultdict(set)
    for module in walk_packages(afterword.__path__, "afterword."):
        for name, value in vars(import_module(module.name)).items():
            if isinstance(value, int | float):
                found[name].add(value)
    return found


def as_number(text: str) -> float:
    return SPELLED[text.lower()] if text.lower() in SPELLED else float(text.replace(",", ""))


@pytest.mark.parametrize(
    "number", [pytest.param(each, id=f"{each.page}-{each.constant}") for each in NUMBERS]
)
def test_a_number_on_a_page_is_that_of_the_code(number: Number) -> None:
    found = re.findall(number.pattern, read(f"docs/{number.page}.md"))
    assert found, f"docs/{number.page}.md has no {number.pattern!r}"
    assert number.constant in constants(), f"there is no constant {number.constant}"
    for each in found:
        assert as_number(each) * number.unit in constants()[number.constant], each


def test_the_times_of_another_delivery_are_those_of_the_code() -> None:
    units = {"second": 1, "minute": MINUTE, "hour": HOUR}
    page = read("docs/webhooks.md")
    [line] = re.findall(r"^Anything but 2xx is retried after (.+?), each with", page, re.MULTILINE)
    told = [int(count) * units[unit] for count, unit in re.findall(r"(\d+) (second|minute|hour)s?", line)]
    assert told == list(POST_AGAIN)


def test_the_body_limit_on_all_pages_is_that_of_the_code() -> None:
    limit = read_settings({}).body_limit
    assert f"`{limit}` ({limit // MIB} MiB)" in read("docs/settings.md")
    assert f"body limit ({limit // MIB} MiB)" in read("docs/orders-api.md")
    assert f"up to {limit // MIB} MiB" in read("README.md")
