"""The real command in a process of its own, with a data folder of its own."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import click

from afterword.cli import main
from tests.processes import free_port

AFTERWORD = (sys.executable, "-m", "afterword")


class Ran(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line on stderr of a command that was refused, which says nothing on stdout."""
        assert (self.code, self.out) == (1, ""), self
        [line] = self.err.splitlines()
        assert line.startswith("Error: "), self
        return line.removeprefix("Error: ")

    @property
    def usage(self) -> str:
        """The last line of a usage error."""
        assert (self.code, self.out) == (2, ""), self
        assert self.err.startswith("Usage: "), self
        return self.err.splitlines()[-1].removeprefix("Error: ")


class Command:
    """`afterword` on `port`, with AFTERWORD_DATA set to `data`, or in `folder` without it when that is not wanted."""

    def __init__(self, folder: Path, *, default: bool = False, port: int | None = None) -> None:
        self.folder = folder
        self.data = folder / ("afterword-data" if default else "data")
        self.port = str(port or free_port())
        self.environment = {name: value for name, value in os.environ.items() if "AFTERWORD" not in name}
        self.environment |= {"AFTERWORD_PORT": self.port, "AFTERWORD_SMTP": "outbox:"}
        if not default:
            self.environment["AFTERWORD_DATA"] = str(self.data)

    def run(self, *arguments: str, stdin: str = "", **settings: str) -> Ran:
        ended = subprocess.run(
            [*AFTERWORD, *arguments],
            cwd=self.folder,
            env=self.environment | settings,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
        return Ran(ended.returncode, ended.stdout, ended.stderr)

    def say(self, *arguments: str, **settings: str) -> str:
        """What a command says that must be done without a word on stderr, but for the security log."""
        ran = self.run(*arguments, **settings)
        assert ran.code == 0 and all(" module=security " in line for line in ran.err.splitlines()), ran
        return ran.out

    def json(self, *arguments: str, **settings: str) -> Any:
        """The one JSON value of a command that must be done."""
        return json.loads(self.say(*arguments, "--json", **settings))

    def on_terminal(self, *arguments: str) -> str:
        """What a command that must be done shows on a terminal, besides its result."""
        mine, theirs = pty.openpty()
        line = [*AFTERWORD, *arguments]
        subprocess.run(
            line, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=theirs, check=True
        )
        os.close(theirs)
        with os.fdopen(mine, "rb", buffering=0) as terminal:
            return terminal.read(4_000).decode()

    def at_terminal(self, *arguments: str, types: str = "", **settings: str) -> Ran:
        """How a command ends whose person sits at a terminal and types this; all that it says is in `out`."""
        mine, theirs = pty.openpty()
        os.write(mine, types.encode())
        process = subprocess.Popen(
            [*AFTERWORD, *arguments],
            cwd=self.folder,
            env=self.environment | settings,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        code = process.wait(60)
        os.close(theirs)
        with os.fdopen(mine, "rb", buffering=0) as terminal:
            return Ran(code, terminal.read(16_000).decode(), "")

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*AFTERWORD, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )


def commands(command: click.Command = main, words: str = "afterword") -> dict[str, click.Command]:
    """Every command, by the words that call it."""
    if not isinstance(command, click.Group):
        return {words: command}
    found = [commands(each, f"{words} {name}") for name, each in command.commands.items()]
    return {name: each for some in found for name, each in some.items()}


def check_command(name: str, *words: str) -> None:
    """Fails when there is no such command; raises a usage error for an option that is not there."""
    main.commands[name].make_context(name, list(words))
