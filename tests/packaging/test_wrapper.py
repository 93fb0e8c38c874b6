"""The wrapper, examples/afterword: it becomes Afterword's user, with the settings that systemd gives it."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.docs.pages import read

PROGRAM = r"""#!/bin/sh
printf '%s\0' "$(id -u)" "$(id -G)" "$#" "$@"
env -0
"""

USER = "nobody"


class Tree:
    """A folder in place of /opt and /etc, which every user can enter, with a program that says how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.command = self._write("afterword", self._moved(), 0o755)
        self._write("program", PROGRAM, 0o755)

    def _moved(self) -> str:
        text = read("examples/afterword")
        for name, value in {
            "program": self.folder / "program",
            "folder": self.folder,
            "user": USER,
        }.items():
            text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
            assert count == 1
        return text

    def _write(self, name: str, text: str, mode: int) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def has(self, **files: str) -> None:
        for name, text in files.items():
            self._write(name, text, 0o600)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if "AFTERWORD" not in name}
        return subprocess.run(
            [self.command, *words], env=environment, capture_output=True, text=True, cwd="/", extra_groups=[1]
        )

    def calls(self, *words: str) -> tuple[str, list[str], dict[str, str], list[str]]:
        """With which user, groups, environment and arguments the program was called."""
        ran = self.run(*words)
        assert (ran.returncode, ran.stderr) == (0, "")
        user, groups, count, *rest = ran.stdout.removesuffix("\0").split("\0")
        arguments, variables = rest[: int(count)], rest[int(count) :]
        pairs = (each.partition("=") for each in variables)
        return user, groups.split(), {name: value for name, _, value in pairs}, arguments

    def refusal(self) -> str:
        ran = self.run("doctor")
        assert (ran.returncode, ran.stdout) == (1, "")
        return ran.stderr


@pytest.fixture
def tree() -> Iterator[Tree]:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    folder = Path(mkdtemp())
    folder.chmod(0o755)
    yield Tree(folder)
    shutil.rmtree(folder)


def test_it_becomes_afterwords_user_and_hands_over_every_word_as_it_is(tree: Tree) -> None:
    tree.has(settings='AFTERWORD_DATA="/var/lib/afterword"\n')
    words = ["review", "reply", "1", 'it\'s  "good" $HOME `id`\n!', "", "*"]
    user, groups, environment, arguments = tree.calls(*words)
    assert arguments == words
    assert user != "0" and not {"0", "1"} & set(groups)
    assert environment["HOME"] != os.environ.get("HOME")


def test_settings_are_read_as_systemd_reads_them_and_nothing_in_them_is_run(tree: Tree) -> None:
    tree.has(
        settings="# AFTERWORD_HOST=0.0.0.0\n; a comment\n\n"
        '  AFTERWORD_FROM="Bakery $HOME `touch x` <a@bakery.example>"  \n'
        "AFTERWORD_SMTP='smtp://user:pa\"ss$word@mail.example:587?tls=starttls'\n"
        "AFTERWORD_URL=https://bakery.example/a b=c\n"
        "SSL_CERT_FILE=/etc/ssl/own.pem\n"
        "AFTERWORD_PORT=8001"
    )
    environment = tree.calls()[2]
    settings = {name: value for name, value in environment.items() if name.startswith("AFTERWORD")}
    assert settings == {
        "AFTERWORD_FROM": "Bakery $HOME `touch x` <a@bakery.example>",
        "AFTERWORD_SMTP": 'smtp://user:pa"ss$word@mail.example:587?tls=starttls',
        "AFTERWORD_URL": "https://bakery.example/a b=c",
        "AFTERWORD_PORT": "8001",
    }
    assert environment["SSL_CERT_FILE"] == "/etc/ssl/own.pem"


def test_the_files_of_the_two_units_are_read_by_root_for_the_command(tree: Tree) -> None:
    tree.has(settings="AFTERWORD_PORT=8001\n", smtp="smtp://mail.example\n", secret="s" * 64 + "\n")
    environment = tree.calls("doctor")[2]
    assert environment["AFTERWORD_SMTP"] == "smtp://mail.example"
    assert environment["AFTERWORD_SECRET"] == "s" * 64


def test_what_the_settings_say_is_not_replaced_by_a_file(tree: Tree) -> None:
    tree.has(settings="AFTERWORD_SMTP_FILE=/x\nAFTERWORD_SECRET=y\n", smtp="smtp://a\n", secret="b\n")
    environment = tree.calls("doctor")[2]
    assert environment["AFTERWORD_SECRET"] == "y" and "AFTERWORD_SMTP" not in environment


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("export AFTERWORD_SMTP=hidden", 'write NAME="value"'),
        ("AFTERWORD_SMTP =hidden", "without a space before the ="),
        ("user=hidden", 'write NAME="value"'),
        ("1A=hidden", 'write NAME="value"'),
        ('AFTERWORD_SMTP="hidden', "the quotation mark at the beginning has no partner at the end"),
        ("AFTERWORD_SMTP=hid\\den", "name it in AFTERWORD_SMTP_FILE"),
    ],
)
def test_a_line_that_it_cannot_read_is_named_without_its_value(tree: Tree, line: str, sentence: str) -> None:
    tree.has(settings=f"AFTERWORD_PORT=8001\n{line}\n")
    refusal = tree.refusal()
    assert f"{tree.folder}/settings, line 2: " in refusal and sentence in refusal
    assert "hid" not in refusal


def test_without_settings_or_root_it_says_what_to_do(tree: Tree) -> None:
    assert "settings is missing: docs/operating.md says what it holds" in tree.refusal()
    ran = subprocess.run(
        ["setpriv", "--reuid", USER, "--clear-groups", tree.command, "review", "list"],
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"Error: only root can become the user {USER}: sudo afterword review list\n"
