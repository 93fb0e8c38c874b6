"""The examples name what is there: commands, options, settings, metrics."""

import json
import re
from typing import Any

import pytest
import yaml

from afterword.base.metrics import Metrics
from afterword.web.ops.metrics import Exposition
from tests.cli.command import check_command
from tests.docs.pages import PROJECT, read

EXAMPLES = PROJECT / "examples"

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


def test_litestream_copies_the_database_and_says_that_the_send_journal_stays() -> None:
    text = read("examples/litestream.yml")
    config = yaml.safe_load(text)
    [copied] = config["dbs"]
    assert set(config) == {"snapshot", "dbs"}
    assert copied["path"] == "/var/lib/afterword/afterword.db"
    assert set(copied) == {"path", "replica"}
    assert "journal" not in copied["replica"]["url"]
    assert "AFTERWORD_JOURNAL=/var/lib/afterword-journal/send.journal" in text
    assert "MUST NOT BE RESTORED" in text


def test_the_proxies_have_browsers_come_back_over_https_only_whatever_they_answer() -> None:
    """nginx takes headers from the server only where a location adds none of its own."""
    hsts = r'Strict-Transport-Security "max-age=31536000"'
    nginx, caddy = read("examples/nginx.conf"), read("examples/Caddyfile")
    [_, secure] = nginx.split("listen 443 ssl;")
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in secure
    adding = [block for block in re.split(r"\n    location ", secure) if "add_header" in block]
    assert len(adding) >= 2 and all(re.search(rf"add_header {hsts} always;", block) for block in adding)
    [answered, failed] = caddy.split("handle_errors")
    assert re.search(rf"\n\theader {hsts}", answered) and re.search(rf"\n\t\theader {hsts}", failed)


COMPOSE = yaml.safe_load(read("examples/compose.yaml"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("web", "dispatcher")
CONTAINERFILES = (EXAMPLES / "Containerfile", EXAMPLES / "postfix/Containerfile")


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
def test_a_container_runs_a_command_that_is_there_with_secrets_that_it_has(name: str) -> None:
    service = SERVICES[name]
    check_command(*service["command"])
    environment: dict[str, str] = service["environment"]
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
    text = read("examples/Containerfile")
    folders = json.loads(re.findall(r"^VOLUME (.+)$", text, re.MULTILINE)[0])
    assert {volume.partition(":")[2] for volume in SERVICES["web"]["volumes"]} == set(folders)
    places = re.findall(r"AFTERWORD_[A-Z]+=(/\S+)", text)
    assert all(any(place.startswith(folder) for folder in folders) for place in places)
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["afterword"]
    [program], command = map(json.loads, re.findall(r"^(?:ENTRYPOINT|CMD) (.+)$", text, re.MULTILINE))
    assert program == "afterword"
    check_command(*command)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    paths = [path for line in copied for path in line.split() if path != "./"]
    assert all((PROJECT / path).exists() for path in paths)
    sent = re.findall(r"^!(.+)$", read(".dockerignore"), re.MULTILINE)
    assert {path.partition("/")[0] for path in paths} == set(sent)


def test_images_have_the_short_names_that_every_builder_knows() -> None:
    named = [service["image"] for service in SERVICES.values() if "image" in service]
    for file in CONTAINERFILES:
        named += re.findall(r"^FROM (\S+)", file.read_text("utf-8"), re.MULTILINE)
    assert {re.fullmatch(r"(\w+)(?::[\w.-]+)?", image)[1] for image in named} == {  # type: ignore[index]
        "afterword",
        "postgres",
        "debian",
    }
    built = {name: service["build"] for name, service in SERVICES.items() if "build" in service}
    assert set(built) == {*OURS, "postfix"}
    for name, build in built.items():
        assert (EXAMPLES / build["context"] / build["dockerfile"]).exists(), name


BOARD = json.loads(read("examples/grafana.json"))


def expressions(part: object) -> list[str]:
    """Every expression, wherever it stands."""
    if isinstance(part, dict):
        found = [part["expr"]] if "expr" in part else []
        return found + [each for value in part.values() for each in expressions(value)]
    return [each for value in part for each in expressions(value)] if isinstance(part, list) else []


def test_the_board_asks_where_prometheus_is_and_uses_nothing_else() -> None:
    assert [asked["name"] for asked in BOARD["__inputs"]] == ["DS_PROMETHEUS"]
    sources = set(re.findall(r'"uid": "(\$\{\w+\})"', json.dumps(BOARD["panels"])))
    assert sources == {"${DS_PROMETHEUS}"}


def test_every_metric_is_on_the_board_and_no_other() -> None:
    shown = {name for each in expressions(BOARD) for name in re.findall(r"\bafterword_\w+", each)}
    series = {f"{name}_{part}" for name in HISTOGRAMS for part in ("bucket", "sum", "count")}
    plain = set(METRICS) - HISTOGRAMS
    assert shown <= plain | series
    assert plain <= shown
    assert all(any(name.startswith(histogram) for name in shown) for histogram in HISTOGRAMS)


def test_every_metric_is_explained_with_every_value_of_its_labels() -> None:
    told = dict(re.findall(r"^\| `(afterword_\w+)` \| (.+) \|$", read("docs/operating.md"), re.MULTILINE))
    assert set(told) == set(METRICS)
    for name, labels in METRICS.items():
        for label, values in labels.items():
            assert set(re.findall(r"`(\w+)`", told[name])) == {label, *values}


def test_every_label_on_the_board_is_one_of_its_metric() -> None:
    for expression in expressions(BOARD):
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
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        here = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not here & taken
        taken |= here
