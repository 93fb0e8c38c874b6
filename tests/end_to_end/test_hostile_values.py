"""Hostile values in every field, from the socket to the letter: no answer of 500, no order that was accepted and
cannot be written to, no header that we did not write (guarantee 7)."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

from tests.needs import scale
from tests.server import Server, an_order

VALUES = 100_000 * scale()
A_BATCH = 100

PIECES = (
    *("\r\n", *"\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x00\x7f\t", " "),
    *("Bcc: victim@mail.example", "\r\nBcc: victim@mail.example", "%0d%0aBcc:", "&#13;&#10;Bcc:", "\n.\r\n"),
    *("\r\n\r\n<script>alert(1)</script>", "=?utf-8?q?=0d=0aBcc:_e=40x?=", "=?utf-8?b?DQpCY2M6IGVAeA==?="),
    *("\u0300" * 40, "e\u0301", "日本語", *"\ud800\udfff\ufeff\u202e\u2066\U0001f370ßİﬁ"),
    *("=?", "?=", "=_", "--", "{{ 7 * 7 }}", "{% raw %}", "${x}", "%s", "%(x)s", *"\"'\\<>,;:@."),
    *("<b>", "&amp;amp;", "javascript:alert(1)", "http://[::1", "a@b.example", "a" * 300),
)
ANYTHING = (None, False, True, 0, -1, 1.5, 10**30, [], {}, [[]], {"0": 1}, "", "0000-00-00 00:00:00")
TEXTS = ("id_order", "reference", "firstname", "lastname", "phone")
LINE_TEXTS = ("name", "category_name", "mpn", "sku", "url", "image_url")


def hostile(dice: random.Random) -> Any:
    """Mostly texts made of what has broken mail programs before, now and then a value of another kind."""
    if dice.random() < 0.05:
        return dice.choice(ANYTHING)
    return "".join(dice.choices(PIECES, k=dice.randint(1, 4))) + dice.choice(("", "x", "Clara"))


def hostile_order(number: int, dice: random.Random) -> tuple[dict[str, Any], int]:
    """An order with some hostile values, and how many."""
    order = an_order(f"H-{number}")
    fields = dice.sample(TEXTS, k=dice.randint(1, 3))
    order |= {field: hostile(dice) for field in fields}
    if dice.random() < 0.2:
        order["email"] = f"{dice.choice(PIECES)}{number}@mail.example"
        fields.append("email")
    line_fields = dice.sample(LINE_TEXTS, k=dice.randint(1, 5))
    order["products"] = [{"id": 100, "name": "Rye bread"} | {field: hostile(dice) for field in line_fields}]
    return order, len(fields) + len(line_fields)


def test_no_value_breaks_an_answer_or_a_letter(tmp_path: Path) -> None:
    dice = random.Random(1234)
    values = imported = number = 0
    with Server(tmp_path, delay=1) as alba:
        while values < VALUES:
            batch = [hostile_order(number + index, dice) for index in range(A_BATCH)]
            values += sum(count for _, count in batch)
            number += A_BATCH
            answer = alba.post_orders([order for order, _ in batch])
            assert answer.status == 200, answer
            assert answer.counts[1] == A_BATCH
            imported += answer.counts[2]
        assert imported > number / 4
        alba.wait_until(lambda: set(alba.states().values()) <= {"sent", "failed"}, 30.0 * scale())
        ends = Counter(alba.states().values())
        letters = [path.read_bytes() for path in (alba.data / "outbox").glob("*.eml")]
        assert "error of ours" not in alba.log
        assert "order request failed" not in alba.log
    assert ends == {"sent": imported}
    assert len(letters) == imported
    for letter in letters:
        check_letter(letter)
    print(
        f"\n{values} hostile values in {number} orders, {imported} of them imported, {len(letters)} letters"
    )


NAMES = [
    *("From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post"),
    *("Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
]


def check_letter(letter: bytes) -> None:
    """Read as plainly as a mail server does: lines up to the first empty one, folded ones with the line before."""
    header, _, body = letter.partition(b"\r\n\r\n")
    lines = [line for line in header.split(b"\r\n") if line[:1] not in (b" ", b"\t")]
    assert [line.partition(b":")[0].decode("ascii") for line in lines] == NAMES
    assert b"\r" not in letter.replace(b"\r\n", b"")
    assert b"\n" not in letter.replace(b"\r\n", b"")
    assert b"\0" not in letter
    assert b"<script" not in body.partition(b"Content-Type: text/html")[2]
    assert max(map(len, letter.split(b"\r\n"))) <= 998
