"""Programs that some tests need from the system. CI has them all; elsewhere a test says what it misses."""

import os
import shutil

import pytest


def needs(*programs: str) -> None:
    """Skips the test, saying what is missing; where AFTERWORD_TEST_NEEDS is `all` (in CI), it fails instead."""
    missing = [program for program in programs if shutil.which(program, path=_path()) is None]
    if missing:
        sentence = f"this test needs {' and '.join(missing)}, which this machine does not have"
        if os.environ.get("AFTERWORD_TEST_NEEDS") == "all":
            pytest.fail(sentence)
        pytest.skip(sentence)


def scale() -> int:
    """How many times more than usual the long proofs are to run (AFTERWORD_TEST_SCALE)."""
    return int(os.environ.get("AFTERWORD_TEST_SCALE", "1"))


def _path() -> str:
    return os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
