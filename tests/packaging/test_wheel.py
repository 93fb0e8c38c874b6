"""The wheel has everything that the program needs: it is built, installed beside nothing of the project, and used."""

import os
import re
import subprocess
import sys
import tomllib
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from zipfile import ZipFile

import pytest

from afterword import __version__
from tests.server import PROJECT, Server, an_order
from tests.web.customer.conftest import HEADERS, review
from tests.web.customer.forms import multipart

BUILD = ("wheel", "--no-deps", "--no-build-isolation", "--no-index")
"""As `make wheel` builds it."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    pip(*BUILD, "-w", str(folder), str(PROJECT))
    [built] = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content alone, and its command in `bin`."""
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--no-index", "--no-compile", "--target", str(folder), str(wheel))
    return folder


def pip(*words: str) -> None:
    line = [sys.executable, "-m", "pip", *words, "-q", "--disable-pip-version-check"]
    ran = subprocess.run(line, cwd="/", capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def run(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The installed command in an empty folder, with no setting but a free port."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AFTERWORD_")}
    environment |= {"PYTHONPATH": str(installed), "AFTERWORD_PORT": "1"}
    line = [installed / "bin" / "afterword", *words]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True)


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    package = PROJECT / "afterword"
    files = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    about = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    wanted = {path.relative_to(PROJECT).as_posix() for path in files}
    wanted |= {f"afterword-{__version__}.dist-info/{name}" for name in about}
    assert set(ZipFile(wheel).namelist()) == wanted
    assert {".sql", ".html", ".txt", ".po", ".css", ".js", ".json"} <= {path.suffix for path in files}


def test_the_wheel_needs_what_a_server_needs_and_nothing_for_development(wheel: Path) -> None:
    metadata = ZipFile(wheel).read(f"afterword-{__version__}.dist-info/METADATA")
    needed = message_from_bytes(metadata).get_all("Requires-Dist", [])
    wanted = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert [each for each in needed if "extra ==" not in each] == wanted


def test_the_makefile_builds_the_wheel_with_the_words_that_are_tested() -> None:
    [line] = re.findall(
        r"^\t\$\(BIN\)/pip (wheel .+)$", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE
    )
    assert set(BUILD) <= set(line.split())


def test_the_installed_command_says_its_version_and_that_nothing_runs(
    installed: Path, tmp_path: Path
) -> None:
    assert run(installed, tmp_path, "--version").stdout == f"afterword {__version__}\n"
    ended = run(installed, tmp_path, "doctor")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "ACTION serving" in ended.stdout and "ok     schema" in ended.stdout


def test_an_installed_wheel_takes_an_order_and_shows_its_review(installed: Path, tmp_path: Path) -> None:
    """With every kind of file that is no code: migrations, queries, templates of e-mails and pages, style, words."""
    served = (str(installed / "bin" / "afterword"), "serve")
    with Server(tmp_path, delay=0).start(served, PYTHONPATH=str(installed)) as alba:
        assert alba.post_orders([an_order("A-1")]).counts == (1, 1, 1)
        alba.wait_until(lambda: alba.states() == {"A-1": "sent"})
        [file] = (alba.data / "outbox").glob("*.eml")
        page = link(file).removeprefix(alba.url)
        assert alba.get(page).status == 200
        form = {"lived": "1", **review(0, 5, "Kind people, and quick.")}
        assert alba.request("POST", page, multipart(form), HEADERS).status == 303
        shown = alba.get(f"/s/{alba.keys.private_key.partition('/')[0]}", **{"Accept-Language": "fr"})
        assert "Kind people, and quick." in shown.content.decode()
        for path in ("/docs", "/openapi.json", "/widget.js", "/static/style.css"):
            assert alba.get(path).status == 200, path


def link(file: Path) -> str:
    """The address of the form in an e-mail."""
    message = message_from_bytes(file.read_bytes(), EmailMessage, policy=policy.default)
    text = message.get_body(("plain",))
    assert text is not None
    return re.findall(r"http\S+/r/\S+", text.get_content())[0]
