"""What a newcomer meets: `afterword serve` in an empty folder, a command to paste, an e-mail ten seconds later."""

import json
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin
from urllib.request import urlopen

import pytest

from afterword.cli.serving import demo
from tests.cli.command import Command
from tests.end_to_end.crowd import Crowd, check_kept
from tests.needs import needs
from tests.server import SERVE, Server, an_order

DUPLICATE = "Some orders were not imported because they had already been sent (see documentation)"


class Serving:
    """A running `afterword serve` and what it has said so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self.log: list[str] = []
        for stream, lines in ((process.stdout, self.lines), (process.stderr, self.log)):
            threading.Thread(target=self._listen, args=(stream, lines), daemon=True).start()

    def _listen(self, stream: Iterator[str], lines: list[str]) -> None:
        lines.extend(line.rstrip("\n") for line in iter(stream))

    def wait_for(self, holds: Callable[[], bool], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, (self.lines, self.log)
            assert self.process.poll() is None, (self.lines, self.log)
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(30)


@contextmanager
def serving(command: Command, *arguments: str) -> Iterator[Serving]:
    found = Serving(command.start("serve", *arguments))
    try:
        found.wait_for(lambda: any('event="server started"' in line for line in found.log))
        found.wait_for(lambda: bool(found.lines))
        yield found
    finally:
        found.process.kill()
        found.process.wait()


def test_a_newcomer_pastes_one_line_and_has_a_published_review_ten_seconds_later(tmp_path: Path) -> None:
    needs("curl")
    command = Command(tmp_path, default=True)
    with serving(command) as demo_shop:
        [key, line] = told(demo_shop)
        assert f"Open http://127.0.0.1:{command.port}/ on" in "".join(demo_shop.lines)
        assert paste(line) == {"success": 1, "orders_count": 1, "orders_imported": 1, "message": None}
        assert paste(line) == {"success": 0, "orders_count": 1, "orders_imported": 0, "message": DUPLICATE}
        imported_at = time.monotonic()
        assert emails(command) == []
        home = f"http://127.0.0.1:{command.port}/"
        assert b"1</bdi> e-mail is on its way" in read(home)
        demo_shop.wait_for(lambda: bool(emails(command)))
        assert 8 < time.monotonic() - imported_at < 14
        [email] = emails(command)
        assert b"clara@example.com" in email.read_bytes()
        assert email.name.startswith("1-")
        demo_shop.wait_for(lambda: any(email.name in line for line in demo_shop.log))
        [written] = [line for line in demo_shop.log if 'event="test e-mail written"' in line]
        form = re.search(r"form=(http://\S+)", written)
        assert form
        follow_all(home, form[1])
        assert demo_shop.stop() == 0
    with serving(command) as again:
        assert told(again)[0] == key
        assert paste(told(again)[1])["orders_imported"] == 1  # with the next number
        command.json("key", "revoke", "2")
        assert again.stop(signal.SIGINT) == 0
    with serving(command) as at_last:
        at_last.wait_for(lambda: any("key add 'Demo shop' --test" in line for line in at_last.lines))
        assert not any(line.startswith("curl ") for line in at_last.lines)
    assert [shop["name"] for shop in command.json("shop", "list")] == ["Demo shop"]


def told(demo_shop: Serving) -> tuple[str, str]:
    """The test key and the command that sends an order with it, as `serve` prints them."""
    demo_shop.wait_for(lambda: any("To add your own shop" in line for line in demo_shop.lines))
    [line] = [line for line in demo_shop.lines if line.startswith("curl ")]
    [key] = [line.strip() for line in demo_shop.lines if line.startswith("    1/en/")]
    assert key in line
    return key, line


def read(url: str, form: dict[str, str] | None = None) -> bytes:
    data = urlencode(form).encode() if form else None
    with urlopen(url, data, timeout=10) as answer:
        found: bytes = answer.read()
    return found


def follow_all(home: str, form: str) -> None:
    """From the first page to the e-mail, the form and its thanks, and on to the public page that has the words."""
    links = re.findall(r'href="([^"#]+)"', read(home).decode())
    pages = {urljoin(home, link): read(urljoin(home, link)) for link in links}
    [email] = [url for url in pages if "/trial/emails/" in url]
    assert form in pages and form in pages[email].decode()
    fields = {"stars-1": "5", "text-1": "Crisp to the last slice.", "lived": "1", "seen-1": "0"}
    thanks = read(form, fields).decode()
    assert "Thank you!" in thanks
    of_shop, of_product = sorted(set(re.findall(r'href="([^"]+/s/1/test(?:\?product=100)?)"', thanks)))
    assert "No reviews yet" in read(urljoin(form, of_shop)).decode()
    assert "Crisp to the last slice." in read(urljoin(form, of_product)).decode()


def paste(line: str) -> dict[str, Any]:
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True, timeout=30)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def emails(command: Command) -> list[Path]:
    return sorted((command.data / "outbox").glob("*.eml"))


def test_a_folder_named_by_hand_gets_no_demo_shop_but_a_hint(afterword: Command) -> None:
    with serving(afterword) as served:
        served.wait_for(lambda: any('shop add "Alba\'s bakery"' in line for line in served.lines))
        assert afterword.json("shop", "list") == []
        afterword.json("shop", "add", "Alba's bakery")
        assert served.stop() == 0
    with serving(afterword) as served:
        assert served.lines == [f"Afterword is running at http://127.0.0.1:{afterword.port}"]


def test_a_second_one_on_the_same_port_is_refused_and_makes_no_demo_shop(
    afterword: Command, tmp_path: Path
) -> None:
    second = Command(tmp_path, default=True)
    with serving(afterword):
        said = second.run("serve", AFTERWORD_PORT=afterword.port).sentence
    assert said.startswith(f"127.0.0.1:{afterword.port} is already in use") and not second.data.exists()


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"])
def test_an_address_that_is_not_of_this_machine_is_one_sentence(afterword: Command, host: str) -> None:
    said = afterword.run("serve", AFTERWORD_HOST=host).sentence
    assert re.fullmatch(
        rf"AFTERWORD_HOST and AFTERWORD_PORT: cannot listen on {re.escape(host)}:\d+: [\w' -]+", said
    )


def test_more_than_one_worker_is_refused_on_sqlite(afterword: Command) -> None:
    assert afterword.run("serve", "--workers", "2").sentence.startswith("--workers above 1 needs PostgreSQL")
    assert "is not in the range" in afterword.run("serve", "--workers", "0").usage


def test_without_dispatch_nothing_is_sent_until_a_dispatcher_runs(afterword: Command) -> None:
    key = afterword.json("shop", "add", "Alba's bakery", "--delay", "0s")["private_key"]
    with serving(afterword, "--no-dispatch") as served:
        needs("curl")
        answer = paste(demo.curl_line(f"http://127.0.0.1:{afterword.port}", key, time.time()))
        assert answer == {"success": 1, "orders_count": 1, "orders_imported": 1, "message": None}
        time.sleep(2)
        assert emails(afterword) == []
        alone = Serving(afterword.start("dispatch"))
        alone.wait_for(lambda: bool(emails(afterword)))
        assert (alone.stop(), served.stop()) == (0, 0)
        assert alone.lines == []
    assert [row["state"] for row in afterword.json("invitation", "list", "1")] == ["sent"]


def test_commands_write_and_read_while_serve_takes_orders_without_a_break(afterword: Command) -> None:
    alba = Server(afterword.folder)
    with alba, Crowd(alba).sending() as crowd:
        for customer in ("clara", "diego"):
            assert afterword.json("suppression", "add", "1", f"{customer}@mail.example")["new"]
        assert afterword.json("backup", "monday.db")["file"] == "monday.db"
        assert afterword.run("doctor", AFTERWORD_PORT=str(alba.port)).code == 0
    assert crowd.turned_away == 0 and len(crowd.acknowledged) > 100
    check_kept(alba, crowd)


def test_the_line_to_paste_is_safe_in_sh_whatever_the_address_holds() -> None:
    words = shlex.split(demo.curl_line("http://shop.example/it's $(here)", "1/en/ab", 1_772_374_326))
    assert words[:4] == ["curl", "-F", "api_key=1/en/ab", "-F"]
    assert words[5:] == ["http://shop.example/it's $(here)/private/v3/orders"]
    [order] = json.loads(words[4].removeprefix("orders="))
    assert order["order_date"] == "2026-03-01 14:12:06"
    assert order["email"].endswith("@example.com")


def test_we_are_called_as_we_were_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "afterword"
    installed.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(installed)])
    monkeypatch.setenv("PATH", "/nowhere")
    assert demo.command() == str(installed)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert demo.command() == "afterword"
    monkeypatch.setattr(sys, "argv", ["/somewhere/afterword/__main__.py"])
    assert demo.command() == f"{shlex.quote(sys.executable)} -m afterword"


def test_what_a_dead_process_of_the_same_number_has_left_is_in_nobodys_way(tmp_path: Path) -> None:
    """In a container, the server has the same number each time."""
    become = (
        "import os, sys; from pathlib import Path; Path(sys.argv[1], str(os.getpid())).mkdir(parents=True); "
        "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
    )
    alba = Server(tmp_path)
    with alba.start([sys.executable, "-c", become, str(alba.data / "spool"), *SERVE[1:]]):
        assert alba.post_orders([an_order(number) for number in range(600)]).counts == (1, 600, 600)
