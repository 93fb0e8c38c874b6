"""Scripts in a fresh process, since writing processes are forked before any database is opened."""

import subprocess
import sys
from textwrap import indent


def said_by(script: str, *arguments: object) -> str:
    """What the script prints."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def said_by_work(opened: str, work: str, *arguments: object) -> str:
    """What a coroutine prints that works with the database that a script has opened."""
    return said_by(f"{opened}\nasync def work():\n{indent(work, '    ')}\nasyncio.run(work())", *arguments)
