"""What the page about verifying says can be done by hand, done by hand."""

import subprocess
import sys
from pathlib import Path

from afterword.domain.reviews.chain import commitment
from afterword.domain.reviews.verification import written_line
from tests.docs.pages import blocks, read
from tests.domain.reviews.chains import chain


def scripts() -> list[str]:
    """The Python on the page."""
    return [each for each in blocks(read("docs/verifying.md")) if each.startswith("import hashlib, json")]


def run(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", "-c", script]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_the_lines_that_check_a_chain_are_true(tmp_path: Path) -> None:
    by_hand, _ = scripts()
    assert len([line for line in by_hand.splitlines() if line]) <= 11
    entries = chain("written", "published", "rejected")
    lines = [written_line(entry) for entry in entries]
    (tmp_path / "chain.jsonl").write_text("".join(lines))
    assert run(by_hand, tmp_path).stdout == f"whole, up to {entries[-1].hash}\n"
    changed = [line.replace("1772374327", "1772374328") for line in lines]
    for broken in (lines[1:], [lines[0], *lines[2:]], changed):
        (tmp_path / "chain.jsonl").write_text("".join(broken))
        assert "AssertionError" in run(by_hand, tmp_path).stderr


def test_the_lines_that_compute_a_commitment_are_true(tmp_path: Path) -> None:
    _, by_hand = scripts()
    about = {"scope": "site", "product_name": None, "imported_from": None, "experience_date": "2026-03-01"}
    words = about | {"author": "Clara N.", "lang": "en", "rating": 5, "text": "Good bread."}
    told = run(by_hand, tmp_path).stdout.strip()
    assert told == commitment("00112233445566778899aabbccddeeff", words)
    assert f"It prints `{told}`." in read("docs/verifying.md")
