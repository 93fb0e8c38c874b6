"""Values from strangers, made harmless to show."""

import pytest

from afterword.domain.top_levels import TOP_LEVELS
from afterword.domain.values import MOST_MARKS, shown, shown_lines, shown_unlinked


@pytest.mark.parametrize("mark", ["\u0300", "\u0489", "\u0e49", "\U0001d167"])
def test_marks_that_are_stacked_on_a_letter_are_cut_to_a_few(mark: str) -> None:
    assert shown(f"Z{mark * 40}a{mark * 40}") == f"Z{mark * MOST_MARKS}a{mark * MOST_MARKS}"


@pytest.mark.parametrize(
    "text", ["é", "e\u0301", "กำลัง", "नमस्ते", "שָׁלוֹם", "★" * 20, "👩‍👩‍👧‍👦❤️", "z" + "\u0300" * MOST_MARKS]
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert shown(text) == shown_lines(text) == text


def test_a_text_keeps_its_lines_and_each_is_made_harmless() -> None:
    text = "Warm.\n\nCrisp\u202e!\u2028And\x07 more.\r\n" + "x" * 5_000
    assert shown_lines(text) == "Warm.\n\nCrisp!\nAnd more.\n" + "x" * 5_000


HONEST = (
    """
Rye bread, 1.5 kg|Dr. Oetker|Dr.Oetker|Dr.Hauschka|Bio.K|No.5|Nr.12|Vol.2|St.Marc|St.Ives|A.P.C.|e.l.f. Cosmetics
M.A.C|A.Vogel|J.R.R.Tolkien|M.C.Escher|Ph.D.|z.B.|Air.Max|USB 3.0|v2.0.1|1.000.000|10.50|5.11 Tactical|7.Sinn
Café@Home|@home
Mon-Fri 9:00/17:00|50:50|a/b|Levi's 501.Original|Crème d'été... 3 l|!!!|.NET|Über.Groß|王.|"4711" No.1
INV-2026.03.0001|R-1/2026|2026.03.A12|№.7|L'Oréal|H&M|1:1|c/o Nunez|Größe S.M.L|Ma. Rosa
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

LINKED = {
    "https://evil.example/login": "https: //evil. example/login",
    "HTTP://Evil": "HTTP: //Evil",
    "ftp://192.0.2.7/x": "ftp: //192.0.2.7/x",
    "www.evil.example": "www. evil. example",
    "WWW.Evil": "WWW. Evil",
    "Confirm your card at evil.com": "Confirm your card at evil. com",
    "Evil.Com": "Evil. Com",
    "EVIL.SHOP/a?b=c": "EVIL. SHOP/a?b=c",
    "Log.In.Kitchen": "Log. In. Kitchen",
    "evil.new-domain": "evil. new-domain",
    "bit.ly/x": "bit. ly/x",
    "bill@evil.example": "bill@ evil. example",
    "Bill@Evil.Marc": "Bill@ Evil.Marc",
    "mailto:bill@evil.co.uk": "mailto:bill@ evil. co. uk",
    "evil。com": "evil。 com",
    "ｅｖｉｌ．ｃｏｍ": "ｅｖｉｌ． ｃｏｍ",
    "xn--evil.xn--p1ai": "xn--evil. xn--p1ai",
    "САЙТ.РФ": "САЙТ. РФ",
    "名.中国": "名. 中国",
    "evil.भारत": "evil. भारत",
    "evil\u0301.com": "evil\u0301. com",
}


@pytest.mark.parametrize("text", HONEST)
def test_an_honest_name_is_shown_as_it_is(text: str) -> None:
    assert shown_unlinked(text) == shown(text) == text


@pytest.mark.parametrize("text", LINKED)
def test_an_address_is_broken_and_loses_no_character(text: str) -> None:
    broken = shown_unlinked(text)
    assert broken == LINKED[text] == shown_unlinked(broken)
    assert broken.replace(" ", "") == text.replace(" ", "")


def test_every_top_level_domain_is_known_in_capitals_too() -> None:
    assert len(TOP_LEVELS) > 1_300 and {"com", "kitchen", "рф"} <= TOP_LEVELS
    for end in TOP_LEVELS:
        assert shown_unlinked(f"Evil.{end.title()} EVIL.{end}") == f"Evil. {end.title()} EVIL. {end}"
