"""Words of abuse: optional files, one word or phrase a line."""

from pathlib import Path

from afterword.domain.reviews.abuse import abuse_words
from afterword.domain.reviews.flags import look
from afterword.i18n.abuse import abuse_entries


def test_a_file_added_is_looked_for_beside_the_others(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("# English\n\nblockhead\n", "utf-8")
    (tmp_path / "pl.txt").write_text("ty lobuzie\n  lobuz  \n", "utf-8")

    assert abuse_entries(tmp_path) == {"blockhead", "ty lobuzie", "lobuz"}
    words = abuse_words(abuse_entries(tmp_path))
    assert look("Ty Łobuzie, ty lobuzie!", words) == look("B.l.o.c.k.h.e.a.d", words) == ("abuse",)
    assert look("Ty, o lobuzie, cunt", words) == ()
