"""System programs that some tests need. CI has all of them; elsewhere, skipped tests name what is missing."""

import os
import shutil

import pytest


def needs(*programs: str) -> None:
    """Skips the test if a program is missing; fails instead if AFTERWORD_TEST_NEEDS is `all` (in CI)."""
    missing = [program for program in programs if shutil.which(program, path=_path()) is None]
    if missing:
        sentence = f"this test needs {' and '.join(missing)}, which this machine does not have"
        if os.environ.get("AFTERWORD_TEST_NEEDS") == "all":
            pytest.fail(sentence)
        pytest.skip(sentence)


def scale() -> int:
    """The factor by which long tests are extended (AFTERWORD_TEST_SCALE)."""
    return int(os.environ.get("AFTERWORD_TEST_SCALE", "1"))


def _path() -> str:
    return os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
