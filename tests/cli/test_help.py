"""Every command and option that other programs rely on is there, and the help says it to a newcomer."""

import click
import pytest

import afterword as package
from afterword.cli import SECTIONS, main
from tests.cli.command import Command

SHOP_OPTIONS = {
    "--lang",
    "--site",
    "--timezone",
    "--delay",
    "--email",
    "--moderation",
    "--publish-after",
    "--json",
}

PROMISED = {
    "serve": {"--workers", "--no-dispatch"},
    "dispatch": set(),
    "migrate": {"--citus", "--json"},
    "backup FILE": {"--json"},
    "copy-journal": {"--to", "--json"},
    "copy": {"--from", "--to", "--json"},
    "doctor": {"--accept", "--json"},
    "shop add NAME": SHOP_OPTIONS,
    "shop list": {"--json"},
    "shop set SHOP": SHOP_OPTIONS | {"--name"},
    "key add SHOP": {"--test", "--lang", "--json"},
    "key list SHOP": {"--json"},
    "key revoke KEY_ID": {"--json"},
    "invitation list SHOP": {"--state", "--json"},
    "invitation show ID": {"--json"},
    "invitation cancel ID": {"--reason", "--json"},
    "invitation move ID": {"--to", "--json"},
    "invitation send ID": {"--json"},
    "review list SHOP": {"--state", "--test", "--json"},
    "review show ID": {"--json"},
    "review publish ID": {"--version", "--json"},
    "review reject ID": {"--reason", "--version", "--json"},
    "review reply ID [TEXT]": {"--remove", "--version", "--json"},
    "review dispute ID": {"--reason", "--json"},
    "review erase ID": {"--json"},
    "suppression list SHOP": {"--json"},
    "suppression add SHOP EMAIL": {"--reason", "--json"},
    "suppression remove SHOP EMAIL": {"--json"},
    "import SHOP FILE": {"--from", "--test", "--dry-run", "--json"},
    "export SHOP": {"--format", "--test", "--output"},
    "webhook add SHOP URL": {"--test", "--json"},
    "webhook list SHOP": {"--json"},
    "webhook remove WEBHOOK_ID": {"--json"},
    "webhook test WEBHOOK_ID": {"--json"},
    "verify [SHOP]": {"--test", "--file", "--key", "--receipt", "--salt", "--json"},
}


def commands(group: click.Group, before: str = "") -> dict[str, click.Command]:
    """Every command under a group, by its words and its arguments' names."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, f"{before}{name} ")
        else:
            arguments = [each for each in command.params if isinstance(each, click.Argument)]
            context = click.Context(command)
            found[" ".join([before + name, *(each.make_metavar(context) for each in arguments)])] = command
    return found


def test_the_commands_and_options_are_those_that_are_promised() -> None:
    there = {
        words: {name for each in command.params if isinstance(each, click.Option) for name in each.opts}
        for words, command in commands(main).items()
    }
    assert there == PROMISED


@pytest.mark.parametrize("words", PROMISED)
def test_every_command_says_what_it_does_and_so_does_each_of_its_options(words: str) -> None:
    command = commands(main)[words]
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


def test_the_version_is_that_of_the_package(afterword: Command) -> None:
    assert afterword.say("--version") == f"afterword {package.__version__}\n"


def test_an_unknown_command_is_a_usage_error(afterword: Command) -> None:
    assert afterword.run("deliver").usage == "No such command 'deliver'."


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"AFTERWORD_PORT": "eighty"}, "AFTERWORD_PORT is not a whole number from 1 to 65535"),
        ({"AFTERWORD_DATABASE": "mysql://clara"}, "AFTERWORD_DATABASE names an engine other than SQLite"),
        ({"AFTERWORD_SMTP": "smtp://relay.example"}, "AFTERWORD_FROM is needed with AFTERWORD_SMTP"),
        ({"AFTERWORD_DATABASE": "/dev/null/afterword.db"}, "/dev/null/afterword.db cannot be opened"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(
    afterword: Command, settings: dict[str, str], sentence: str
) -> None:
    assert afterword.run("shop", "list", **settings).sentence.startswith(sentence)


def test_a_file_that_is_no_database_is_one_sentence(afterword: Command) -> None:
    other = afterword.folder / "clara.txt"
    other.write_text("Dear Clara, " * 100)
    said = afterword.run("shop", "list", AFTERWORD_DATABASE=str(other)).sentence
    assert said == f"{other} cannot be opened as a database: file is not a database"
    assert other.read_text() == "Dear Clara, " * 100
