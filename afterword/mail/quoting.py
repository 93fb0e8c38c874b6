"""What people wrote, as messages show it."""

from markupsafe import escape

from afterword.domain.reviews.review import LONGEST_REVIEW
from afterword.domain.values import shown


def stars(rating: int) -> str:
    return "★" * rating + "☆" * (5 - rating)


def lines_of(text: str) -> list[str]:
    """A text line by line, each harmless to show."""
    return [shown(line, LONGEST_REVIEW) for line in text.splitlines()]


def octets_of(lines: list[str]) -> int:
    """What these lines take in both parts at most, in base64 with its line ends."""
    return sum(len(line.encode()) + len(escape(line).encode()) + 100 for line in lines) * 7 // 5
