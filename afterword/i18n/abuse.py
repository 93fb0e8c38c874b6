"""The words of abuse of every language: `words/<language>.txt`, optional, one word or phrase a line."""

from functools import cache
from pathlib import Path

WORDS = Path(__file__).parent / "words"


@cache
def abuse_entries(folder: Path = WORDS) -> frozenset[str]:
    """Every word and phrase of a folder's files, but for lines that begin with #."""
    lines = (line.strip() for path in folder.glob("*.txt") for line in path.read_text("utf-8").splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))
