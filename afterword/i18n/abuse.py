"""Words of abuse and threats: one word or phrase a line, lower case, without accents.

`words/any.txt` and `threats.txt` count in every language: none of their entries is harmless in a large language.
`words/<language>.txt`, optional, counts in texts of that language only.
"""

from functools import lru_cache
from pathlib import Path

WORDS = Path(__file__).parent / "words"
THREATS = Path(__file__).parent / "threats.txt"


@lru_cache(maxsize=100)
def abuse_entries(lang: str, folder: Path = WORDS) -> frozenset[str]:
    """The words and phrases that count in a language, such as `pt-br`: those of `pt`, and those of every language."""
    language = lang.partition("-")[0]
    known = {path.stem: path for path in folder.glob("*.txt")}
    return frozenset().union(*(_entries(known[name]) for name in ("any", language) if name in known))


def threat_entries() -> frozenset[str]:
    return _entries(THREATS)


def _entries(path: Path) -> frozenset[str]:
    """All lines but empty ones and those that begin with #."""
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))
