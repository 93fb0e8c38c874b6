"""`make flagged` counts what the checks flag, by language, by stars and by flag."""

from tools.flagged import lines, measure


def test_flags_are_counted_by_language_by_stars_and_by_flag() -> None:
    found = measure(
        [
            {"text": "Slut i lager.", "rating": "1", "lang": "sv"},
            {
                "text": "See alba.example, evil.com.",
                "rating": "5",
                "lang": "en",
                "site": "https://alba.example",
            },
            {
                "text": "See alba.example.",
                "rating": "5",
                "lang": "en",
                "site": "https://alba.example",
                "shop": "",
            },
            {"text": "Ring 06 12 34 56 78, you slut", "rating": "1", "lang": "en"},
        ]
    )
    assert found.flags == {"link": 1, "phone number": 1, "abuse": 1}
    assert list(lines(found))[1:] == [
        "1 star            2        1     500.0   0",
        "5 star            2        1     500.0   1",
        "all               4        2     500.0   1",
        "en                3        2     666.7   1",
        "sv                1        0       0.0   0",
        "by flag:   link 1, phone number 1, abuse 1",
    ]
