"""Headless Chromium, for tests that use pages in a real browser.

    with Browser() as browser:
        seen = browser.open("http://127.0.0.1:8000/docs", width=375)
        assert not seen.violations
        browser.screenshot(path)

Controlled through two pipes (DevTools protocol), so that nothing listens on a port.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.needs import needs

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-first-run",
    "--no-default-browser-check",
    "--remote-debugging-pipe",
)
KEYS = {"Tab": 9, "Space": 32, "ArrowRight": 39}

PATIENCE = 20.0
"""Seconds to wait for an answer of the browser."""


class Seen(NamedTuple):
    """What happened since a page began to load: every URL requested, and every policy violation."""

    requests: list[str]
    violations: list[str]


class Browser:
    """A browser with one tab and a temporary profile."""

    def __init__(self) -> None:
        needs("chromium")
        self._profile = tempfile.mkdtemp(prefix="afterword-browser-")
        here_out, there_in = os.pipe()
        there_out, here_in = os.pipe()
        # Chromium reads from 3 and writes to 4. Move ours to high numbers first, so that neither overwrites the
        # other.
        high_out, high_in = (fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (there_in, there_out))

        def take_numbers() -> None:
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        self._process = subprocess.Popen(
            [shutil.which("chromium") or "", *FLAGS, f"--user-data-dir={self._profile}", "about:blank"],
            preexec_fn=take_numbers,
            pass_fds=(3, 4),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for fd in (there_in, there_out, high_out, high_in):
            os.close(fd)
        self._in, self._out = here_in, here_out
        self._number, self._buffer = 0, b""
        self._events: list[dict[str, Any]] = []
        self._session = ""

    def __enter__(self) -> Self:
        targets = self._ask("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self._ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Audits"):
            self._ask(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._session = ""
            self._ask("Browser.close")
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._in)
            os.close(self._out)
            shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, url: str, *, width: int = 1000, height: int = 900, dark: bool = False) -> Seen:
        """Loads a page, in a window or (below 600 pixels) on a phone, and lets its scripts run for a moment."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._ask("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        return self._watch(lambda: self._ask("Page.navigate", url=url))

    def press(self, selector: str) -> Seen:
        """Focuses an element and presses Enter, as a keyboard user does."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")

        def enter() -> None:
            key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
            self._ask("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
            self._ask("Input.dispatchKeyEvent", type="keyUp", **key)

        return self._watch(enter)

    def type(self, *keys: str) -> None:
        """Presses the keys named in KEYS, and types any other text, in the focused element."""
        for key in keys:
            if key in KEYS:
                sign = " " if key == "Space" else key
                pressed = {"key": sign, "code": key, "windowsVirtualKeyCode": KEYS[key]}
                self._ask(
                    "Input.dispatchKeyEvent",
                    type="keyDown",
                    **pressed,
                    **({"text": " "} if sign == " " else {}),
                )
                self._ask("Input.dispatchKeyEvent", type="keyUp", **pressed)
            else:
                self._ask("Input.insertText", text=key)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page; promises are awaited."""
        found = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def names(self, role: str) -> list[str]:
        """The accessible names of the elements with this role, in page order."""
        nodes = self._ask("Accessibility.getFullAXTree")["nodes"]
        return [node["name"]["value"] for node in nodes if node.get("role", {}).get("value") == role]

    def screenshot(self, path: Path) -> None:
        """The whole page, from top to bottom, as PNG."""
        found = self._ask("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def _watch(self, act: Callable[[], object]) -> Seen:
        self._events.clear()
        act()
        while not self._events_of("Page.loadEventFired"):
            self._read()
        return self.seen()

    def seen(self) -> Seen:
        """What happened since the page began to load."""
        time.sleep(0.05)
        self.evaluate("0")  # events sent before this answer are read with it
        failed = self._events_of("Network.loadingFailed")
        forbidden = {
            event["params"]["requestId"] for event in failed if event["params"].get("blockedReason") == "csp"
        }
        asked = [event["params"] for event in self._events_of("Network.requestWillBeSent")]
        return Seen(
            [request["request"]["url"] for request in asked if request["requestId"] not in forbidden],
            [json.dumps(event["params"]) for event in self._events if _is_violation(event)],
        )

    def _events_of(self, method: str) -> list[dict[str, Any]]:
        return [event for event in self._events if event["method"] == method]

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._in, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                found: dict[str, Any] = answer["result"]
                return found

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            ready = select.select([self._out], [], [], max(0.0, deadline - time.monotonic()))[0]
            piece = os.read(self._out, 2**20) if ready else b""
            assert piece, "the browser says nothing"
            self._buffer += piece
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if "method" in message:
            self._events.append(message)
        return message


def _is_violation(event: dict[str, Any]) -> bool:
    """A violation of the content security policy, as reported by the browser's console and audits."""
    told = json.dumps(event["params"])
    in_audit = event["method"] == "Audits.issueAdded" and "ContentSecurityPolicyIssue" in told
    return in_audit or (event["method"] == "Log.entryAdded" and "Content Security Policy" in told)
