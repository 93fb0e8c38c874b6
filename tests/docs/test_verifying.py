"""What the page about verifying says can be done by hand, done by hand."""

import subprocess
import sys
from pathlib import Path

from afterword.domain.reviews.chain import commitment
from afterword.domain.reviews.verification import written_line
from tests.docs.pages import read
from tests.domain.reviews.chains import chain


def scripts() -> list[str]:
    """The Python on the page: blocks of lines that are set in, from their `import` on."""
    blocks: list[list[str]] = []
    for line in read("docs/verifying.md").splitlines():
        if line == "    import hashlib, json" or (blocks and line and not line.startswith("    ")):
            blocks.append([])
        if blocks and (line.startswith("    ") or not line):
            blocks[-1].append(line[4:])
    return ["\n".join(block) for block in blocks if block[:1] == ["import hashlib, json"]]


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
    for broken in (
        lines[1:],
        [lines[0], *lines[2:]],
        [line.replace("1772374327", "1772374328") for line in lines],
    ):
        (tmp_path / "chain.jsonl").write_text("".join(broken))
        assert "AssertionError" in run(by_hand, tmp_path).stderr


def test_the_lines_that_compute_a_commitment_are_true(tmp_path: Path) -> None:
    _, by_hand = scripts()
    words = {
        "author": "Clara N.",
        "experience_date": "2026-03-01",
        "imported_from": None,
        "lang": "en",
        "product_name": None,
        "rating": 5,
        "scope": "site",
        "text": "Good bread.",
    }
    told = run(by_hand, tmp_path).stdout.strip()
    assert told == commitment("00112233445566778899aabbccddeeff", words)
    assert f"It prints `{told}`." in read("docs/verifying.md")
