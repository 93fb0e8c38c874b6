"""One run of pytest in a copy of the project, in a process that was forked with what the tests need already loaded.

`test_mutations.py` runs this file by its path, with the arguments of `run` as `given`: nothing of the project may be
loaded before it, and `tests` must be that of the copy.
"""

import os
import sys

import pytest


def run(project: str, copy: str, said: str, arguments: list[str]) -> int:
    """pytest's exit code. What it says is in the file `said`."""
    assert not {"afterword", "tests"} & set(sys.modules)
    written = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(written, stream)
    os.chdir(copy)
    os.environ |= {"PYTHONPATH": copy, "AFTERWORD_TEST_SCALE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    sys.path[:] = [copy, *(path for path in sys.path if path not in (project, copy, ""))]
    return pytest.main(arguments)


code = run(**globals()["given"])
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)  # what the server of forks does at an orderly exit can fail, and change the code
