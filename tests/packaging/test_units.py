"""systemd's units: they run commands that are there, as the guide says, and systemd understands every line."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import check_command
from tests.docs.pages import PROJECT, read
from tests.needs import needs

EXAMPLES = PROJECT / "examples"
SERVING = [EXAMPLES / "afterword.service"] + [
    EXAMPLES / f"systemd/afterword-{name}.service" for name in ("dispatch", "web")
]
TIMERS = sorted(EXAMPLES.rglob("*.timer"))
TIMED = [timer.with_suffix(".service") for timer in TIMERS]
ALERT = EXAMPLES / "systemd/afterword-alert@.service"
UNITS = [*SERVING, *TIMERS, *TIMED, ALERT]

PROGRAM = "/opt/afterword/.venv/bin/afterword"
WRAPPER = "/usr/local/bin/afterword"

Unit = dict[str, list[tuple[str, str]]]


def read_unit(path: Path) -> Unit:
    """A unit's keys and values by section. A key may come more than once, as systemd has it."""
    text = path.read_text("utf-8")
    assert text.startswith("# ")
    for line in text.splitlines():
        assert re.fullmatch(r"(?:#.*|\[\w+\]|\w+=.*)?", line), f"{line!r} is neither a section nor a key"
    above, *parts = re.split(r"^\[(\w+)\]$", text, flags=re.MULTILINE)
    assert not re.search(r"^\w+=", above, re.MULTILINE), "a key is in no section"
    found = zip(parts[::2], parts[1::2], strict=True)
    return {name: re.findall(r"^(\w+)=(.*)$", lines, re.MULTILINE) for name, lines in found}


def values(unit: Unit, key: str, section: str = "Service") -> list[str]:
    return [value for name, value in unit[section] if name == key]


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in paths])


def test_every_unit_is_tested_and_named_in_the_guide() -> None:
    files = {file for end in ("service", "timer") for file in EXAMPLES.rglob(f"*.{end}")}
    assert files == set(UNITS)
    guide = read("docs/operating.md")
    assert "examples/afterword.service" in guide and "examples/systemd/" in guide
    assert all(f"{timer.stem}" in guide for timer in TIMERS)


def test_systemd_understands_every_line_of_the_units(tmp_path: Path) -> None:
    needs("systemd-analyze")
    copies = [tmp_path / path.name.replace("@.", "@1.") for path in UNITS]
    for path, copy in zip(UNITS, copies, strict=True):
        # It looks whether the programs are there.
        copy.write_text(path.read_text("utf-8").replace(PROGRAM, "/bin/true").replace(WRAPPER, "/bin/true"))
    line = ["systemd-analyze", "verify", "--man=no", *map(str, copies)]
    ran = subprocess.run(line, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


@each(SERVING)
def test_a_unit_that_serves_runs_a_command_that_is_there_with_options_that_it_has(path: Path) -> None:
    unit = read_unit(path)
    assert list(unit) == ["Unit", "Service", "Install"]
    assert dict(unit["Unit"])["Description"].startswith("Afterword")
    [line] = values(unit, "ExecStart")
    program, *words = shlex.split(line)
    assert program == PROGRAM
    check_command(*words)


@each(SERVING)
def test_a_unit_reads_the_credentials_that_it_loads_and_no_others(path: Path) -> None:
    unit = read_unit(path)
    loaded = {value.partition(":")[0] for value in values(unit, "LoadCredential")}
    pairs = [pair.partition("=") for pair in values(unit, "Environment")]
    assert {value.removeprefix("%d/") for _, _, value in pairs if value.startswith("%d/")} == loaded
    assert all(name.endswith("_FILE") for name, _, value in pairs if value.startswith("%d/"))


@each(SERVING)
def test_a_unit_that_serves_starts_again_whenever_it_ends_and_writes_only_where_it_must(path: Path) -> None:
    unit = read_unit(path)
    assert values(unit, "Restart") == ["always"]
    assert values(unit, "ProtectSystem") == ["strict"]
    assert values(unit, "StateDirectory") == ["afterword afterword-journal"]
    assert values(unit, "User") == ["afterword"]


def test_the_units_of_the_pair_share_their_folders_and_what_protects_them() -> None:
    shared = re.compile(
        r"StateDirectory.*|User|UMask|EnvironmentFile|Protect.*|Private.*|Restrict.*|System.*"
    )
    web, dispatch = (
        [pair for pair in read_unit(path)["Service"] if shared.fullmatch(pair[0])] for path in SERVING[1:]
    )
    assert web == dispatch


@each(TIMERS)
def test_a_timer_starts_its_service_also_after_the_machine_was_off(path: Path) -> None:
    unit = read_unit(path)
    assert list(unit) == ["Unit", "Timer", "Install"]
    assert values(unit, "Persistent", "Timer") == ["true"]
    assert values(unit, "WantedBy", "Install") == ["timers.target"]
    assert path.with_suffix(".service") in TIMED and path.with_suffix(".service").exists()


@each(TIMED)
def test_a_timed_unit_runs_one_command_that_is_there_and_its_failure_is_mailed(path: Path) -> None:
    unit = read_unit(path)
    lines = " ".join(values(unit, "ExecStart"))
    [words] = re.findall(rf"(?:{PROGRAM}|{WRAPPER}) ([\w ]+(?:%i)?)", lines)
    check_command(*shlex.split(words), *(["FILE"] if "backup" in words else []))
    assert values(unit, "Type") == ["oneshot"]
    assert values(unit, "OnFailure", "Unit") == [f"{ALERT.stem}%n.service"]
    assert values(unit, "ProtectSystem") == ["strict"]


@each(TIMED)
def test_what_becomes_another_user_may_do_that_and_nothing_more(path: Path) -> None:
    unit = read_unit(path)
    wrapped = values(unit, "ExecStart")[0].startswith(WRAPPER)
    assert values(unit, "User") == ([] if wrapped else ["afterword"])
    assert values(unit, "CapabilityBoundingSet") == ["CAP_SETUID CAP_SETGID" if wrapped else ""]
