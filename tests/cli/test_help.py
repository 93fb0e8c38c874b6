"""The help says to a newcomer what each command and option does; docs/commands.md says which there are."""

import click
import pytest

import afterword as package
from afterword.cli import SECTIONS, main
from tests.cli.command import Command, commands


@pytest.mark.parametrize("command", [pytest.param(each, id=words) for words, each in commands().items()])
def test_every_command_says_what_it_does_and_so_does_each_of_its_options(command: click.Command) -> None:
    assert command.help is not None
    assert command.get_short_help_str(80).endswith((".", "…")), "one line that is not cut off"
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option


def test_the_help_lists_every_command_once_in_a_section(afterword: Command) -> None:
    said = afterword.say("--help")
    for title, section in SECTIONS.items():
        lines = said.partition(f"\n{title}:\n")[2].partition("\n\n")[0].splitlines()
        assert [line.split()[0] for line in lines] == [command.name for command in section]
    assert {command.name for section in SECTIONS.values() for command in section} == set(main.commands)
    assert 'afterword shop add "Alba\'s bakery"' in said
    assert "AFTERWORD_DATA" in said


def test_the_version_is_that_of_the_package_and_an_unknown_command_a_usage_error(afterword: Command) -> None:
    assert afterword.say("--version") == f"afterword {package.__version__}\n"
    assert afterword.run("deliver").usage == "No such command 'deliver'."


def test_a_setting_or_a_file_that_cannot_be_is_one_sentence(afterword: Command) -> None:
    wrong = afterword.run("shop", "list", AFTERWORD_PORT="eighty").sentence
    assert wrong == "AFTERWORD_PORT is not a whole number from 1 to 65535"
    nowhere = afterword.run("shop", "list", AFTERWORD_DATABASE="/dev/null/afterword.db").sentence
    assert nowhere.startswith("/dev/null/afterword.db cannot be opened")
    other = afterword.folder / "clara.txt"
    other.write_text("Dear Clara, " * 100)
    said = afterword.run("shop", "list", AFTERWORD_DATABASE=str(other)).sentence
    assert said == f"{other} cannot be opened as a database: file is not a database"
    assert other.read_text() == "Dear Clara, " * 100
