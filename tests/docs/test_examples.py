"""The examples name what is there: commands, options, settings, metrics."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from afterword.base.metrics import Metrics
from afterword.cli import main
from afterword.web.ops.metrics import Exposition

PROJECT = Path(__file__).parents[2]
EXAMPLES = PROJECT / "examples"
UNITS = sorted(EXAMPLES.rglob("*.service"))

FAMILIES = list(Exposition(Metrics().totals, 0, 0, 0.0).collect())
HISTOGRAMS = {family.name for family in FAMILIES if family.type == "histogram"}
METRICS = {
    family.name + "_total" * (family.type == "counter"): {
        label: {sample.labels[label] for sample in family.samples}
        for label in family.samples[0].labels
        if family.name not in HISTOGRAMS
    }
    for family in FAMILIES
}
"""Every metric, with its labels and their values."""

Unit = dict[str, list[tuple[str, str]]]


def settings() -> set[str]:
    code = (PROJECT / "afterword/base/settings.py").read_text("utf-8")
    names = set(re.findall(r'"(AFTERWORD_[A-Z_]+)"', code))
    return names | {f"{name}_FILE" for name in names}


def read_unit(path: Path) -> Unit:
    """A unit's keys and values by section. A key may stand more than once, as systemd has it."""
    sections: Unit = {}
    section = None
    for line in path.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if head := re.fullmatch(r"\[(\w+)\]", line):
            section = sections.setdefault(head[1], [])
        else:
            pair = re.fullmatch(r"(\w+)=(.*)", line)
            assert pair, f"{path.name}: {line!r} is neither a section nor a key with its value"
            assert section is not None, f"{path.name}: {line!r} stands in no section"
            section.append((pair[1], pair[2]))
    return sections


def values(unit: Unit, key: str) -> list[str]:
    return [value for name, value in unit["Service"] if name == key]


def find_command(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that these words call, and what stands behind its name."""
    command: click.Command = main
    while isinstance(command, click.Group):
        word, *words = words
        assert word in command.commands, f"there is no command {word!r}"
        command = command.commands[word]
    return command, words


every_unit = pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in UNITS])


def test_the_units_are_there() -> None:
    assert {"afterword", "afterword-web", "afterword-dispatch"} <= {path.stem for path in UNITS}


@every_unit
def test_a_unit_has_its_three_sections_and_says_at_its_top_what_it_is(path: Path) -> None:
    unit = read_unit(path)
    assert list(unit) == ["Unit", "Service", "Install"]
    assert dict(unit["Unit"])["Description"].startswith("Afterword")
    assert path.read_text("utf-8").startswith("# ")


@every_unit
def test_a_unit_runs_a_command_that_is_there_with_options_that_it_has(path: Path) -> None:
    [line] = values(read_unit(path), "ExecStart")
    program, *words = shlex.split(line)
    assert program == "/opt/afterword/.venv/bin/afterword"
    command, rest = find_command(words)
    command.make_context(command.name, rest)  # raises a usage error for an option that is not there


@every_unit
def test_a_unit_sets_only_settings_that_are_there_from_credentials_that_it_loads(path: Path) -> None:
    unit = read_unit(path)
    loaded = {value.partition(":")[0] for value in values(unit, "LoadCredential")}
    read = set()
    for pair in values(unit, "Environment"):
        name, _, value = pair.partition("=")
        assert name in settings()
        if value.startswith("%d/"):
            assert name.endswith("_FILE")
            read.add(value.removeprefix("%d/"))
    assert read == loaded
    assert set(re.findall(r"\bAFTERWORD_[A-Z_]+", path.read_text("utf-8"))) <= settings()


@every_unit
def test_a_unit_starts_again_whenever_it_ends_and_writes_only_where_it_must(path: Path) -> None:
    unit = read_unit(path)
    assert values(unit, "Restart") == ["always"]
    assert values(unit, "ProtectSystem") == ["strict"]
    [folders] = values(unit, "StateDirectory")
    assert folders.split()[0] == "afterword"
    assert values(unit, "User") == ["afterword"]


def test_the_units_of_the_pair_share_their_folders_and_what_protects_them() -> None:
    web, dispatch = (
        read_unit(EXAMPLES / f"systemd/afterword-{name}.service")["Service"] for name in ("web", "dispatch")
    )
    shared = re.compile(
        r"StateDirectory.*|User|UMask|EnvironmentFile|Protect.*|Private.*|Restrict.*|System.*"
    )
    assert [pair for pair in web if shared.fullmatch(pair[0])] == [
        pair for pair in dispatch if shared.fullmatch(pair[0])
    ]


def test_litestream_copies_the_database_and_says_that_the_send_journal_stays() -> None:
    text = (EXAMPLES / "litestream.yml").read_text("utf-8")
    config = yaml.safe_load(text)
    [copied] = config["dbs"]
    assert set(config) == {"snapshot", "dbs"}
    assert copied["path"] == "/var/lib/afterword/afterword.db"
    assert set(copied) == {"path", "replica"}
    assert "journal" not in copied["replica"]["url"]
    assert "AFTERWORD_JOURNAL=/var/lib/afterword-journal/send.journal" in text
    assert "MUST NOT BE RESTORED" in text


COMPOSE = yaml.safe_load((EXAMPLES / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("web", "dispatcher")
DOCKERFILES = (EXAMPLES / "Dockerfile", EXAMPLES / "postfix/Dockerfile")


def test_the_containers_are_web_dispatcher_rows_and_mail() -> None:
    assert set(SERVICES) == {*OURS, "postgres", "postfix"}
    assert set(COMPOSE["volumes"]) == {
        volume.partition(":")[0] for service in SERVICES.values() for volume in service["volumes"]
    }
    assert set(COMPOSE["secrets"]) == {
        secret for service in SERVICES.values() for secret in service.get("secrets", ())
    }
    for service in SERVICES.values():
        assert service["restart"] == "unless-stopped"
        assert set(service.get("depends_on", ())) <= set(SERVICES)
    assert all("healthcheck" in SERVICES[name] for name in SERVICES if name != "dispatcher")


@pytest.mark.parametrize("name", OURS)
def test_a_container_runs_a_command_that_is_there_with_settings_that_are_there(name: str) -> None:
    service = SERVICES[name]
    command, rest = find_command(service["command"])
    command.make_context(command.name, rest)
    environment: dict[str, str] = service["environment"]
    assert set(environment) <= settings()
    for setting, value in environment.items():
        if setting.endswith("_FILE"):
            assert value.removeprefix("/run/secrets/") in service["secrets"]
    assert environment["AFTERWORD_SMTP"].startswith("smtp://postfix:")
    assert service["read_only"] and service["cap_drop"] == ["ALL"]


def test_the_containers_of_the_pair_differ_in_what_they_run_alone() -> None:
    own = {"command", "ports", "stop_grace_period", "healthcheck"}
    web, dispatcher = ({key: SERVICES[name][key] for key in SERVICES[name].keys() - own} for name in OURS)
    assert web == dispatcher


def test_the_image_writes_to_its_volumes_alone_as_nobody_special() -> None:
    text = (EXAMPLES / "Dockerfile").read_text("utf-8")
    written = re.findall(r"(AFTERWORD_[A-Z]+)=(\S+)", text)
    assert {name for name, _ in written} <= settings()
    folders = json.loads(re.findall(r"^VOLUME (.+)$", text, re.MULTILINE)[0])
    assert {volume.partition(":")[2] for volume in SERVICES["web"]["volumes"]} == set(folders)
    places = [value for _, value in written if value.startswith("/")]
    assert all(any(place.startswith(folder) for folder in folders) for place in places)
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["afterword"]
    command = json.loads(re.findall(r"^ENTRYPOINT (.+)$", text, re.MULTILINE)[0])
    command += json.loads(re.findall(r"^CMD (.+)$", text, re.MULTILINE)[0])
    assert command.pop(0) == "afterword"
    find_command(command)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    assert all((PROJECT / path).exists() for line in copied for path in line.split())


def test_images_have_the_short_names_that_every_builder_knows() -> None:
    named = [service["image"] for service in SERVICES.values() if "image" in service]
    for file in DOCKERFILES:
        named += re.findall(r"^FROM (\S+)", file.read_text("utf-8"), re.MULTILINE)
    assert {re.fullmatch(r"(\w+)(?::[\w.-]+)?", image)[1] for image in named} == {  # type: ignore[index]
        "afterword",
        "postgres",
        "python",
        "debian",
    }
    for name, service in SERVICES.items():
        if isinstance(build := service.get("build"), dict):
            assert (EXAMPLES / build["context"] / build["dockerfile"]).exists(), name
        elif build:
            assert (EXAMPLES / build / "Dockerfile").exists(), name


def board() -> dict[str, object]:
    return json.loads((EXAMPLES / "grafana.json").read_text("utf-8"))  # type: ignore[no-any-return]


def expressions(part: object) -> list[str]:
    """Every expression, wherever it stands."""
    if isinstance(part, dict):
        found = [part["expr"]] if "expr" in part else []
        return found + [each for value in part.values() for each in expressions(value)]
    return [each for value in part for each in expressions(value)] if isinstance(part, list) else []


def test_the_board_asks_where_prometheus_is_and_uses_nothing_else() -> None:
    found = board()
    assert [asked["name"] for asked in found["__inputs"]] == ["DS_PROMETHEUS"]
    sources = set(re.findall(r'"uid": "(\$\{\w+\})"', json.dumps(found["panels"])))
    assert sources == {"${DS_PROMETHEUS}"}


def test_every_metric_is_on_the_board_and_no_other() -> None:
    shown = {name for each in expressions(board()) for name in re.findall(r"\bafterword_\w+", each)}
    series = {f"{name}_{part}" for name in HISTOGRAMS for part in ("bucket", "sum", "count")}
    plain = set(METRICS) - HISTOGRAMS
    assert shown <= plain | series
    assert plain <= shown
    assert all(any(name.startswith(histogram) for name in shown) for histogram in HISTOGRAMS)


def test_every_metric_is_explained_with_every_value_of_its_labels() -> None:
    page = (PROJECT / "docs/operating.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(afterword_\w+)` \| (.+) \|$", page, re.MULTILINE))
    assert set(told) == set(METRICS)
    for name, labels in METRICS.items():
        for label, values in labels.items():
            assert set(re.findall(r"`(\w+)`", told[name])) == {label, *values}


def test_every_label_on_the_board_is_one_of_its_metric() -> None:
    for expression in expressions(board()):
        labels = {
            name: wanted
            for metric in METRICS
            if metric in expression
            for name, wanted in METRICS[metric].items()
        }
        for grouped in re.findall(r"\bby \((\w+)\)", expression):
            assert grouped in labels or (grouped == "le" and "_bucket" in expression)
        for label, value in re.findall(r'(\w+)="([^"]*)"', expression):
            assert value in labels[label]


def test_panels_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board()["panels"]:
        at = panel["gridPos"]
        here = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not here & taken
        taken |= here
