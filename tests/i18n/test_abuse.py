"""Words of abuse: optional files, one word or phrase a line, which count in their own language."""

from pathlib import Path

from afterword.domain.reviews.checks.abuse import BadWords, word_list
from afterword.domain.reviews.checks.flags import Checked, look
from afterword.i18n.abuse import abuse_entries, threat_entries


def test_a_file_added_is_looked_for_in_its_language_beside_what_counts_in_any(tmp_path: Path) -> None:
    (tmp_path / "any.txt").write_text("# Any\n\nblockhead\n", "utf-8")
    (tmp_path / "pl.txt").write_text("ty lobuzie\n  lobuz  \n", "utf-8")

    assert abuse_entries("pl", tmp_path) == abuse_entries("pl-pl", tmp_path)
    assert abuse_entries("pl", tmp_path) == {"blockhead", "ty lobuzie", "lobuz"}
    for lang in ("en", "", "../pl", "xx-pl"):
        assert abuse_entries(lang, tmp_path) == {"blockhead"}
    words = BadWords(word_list(abuse_entries("pl", tmp_path)), word_list(["boo to you"]))
    for text in ("Ty Łobuzie, ty lobuzie!", "B.l.o.c.k.h.e.a.d"):
        assert look(Checked(text), words) == ("abuse",)
    assert look(Checked("Ty, o lobuzie, cunt"), words) == ()
    assert look(Checked("Boo to you!"), words) == ("threat",)


def test_threats_are_phrases_that_are_no_insults() -> None:
    assert all(" " in entry for entry in threat_entries())
    assert not threat_entries() & abuse_entries("en")
