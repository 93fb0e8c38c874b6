"""axe-core, the accessibility checks that others measure pages with, on the page that a browser has open.

    browser.open(url, width=375, dark=True)
    assert serious(browser) == []

The script is the file that the installed package `axe_playwright_python` brings; nothing else of it is used.
"""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tests.browser import Browser

GRAVE = ("serious", "critical")

RUN = """
axe.run(document, {resultTypes: ["violations"], preload: false}).then(found => JSON.stringify(
    found.violations.filter(each => GRAVE.includes(each.impact)).map(each => [
        each.id, each.impact, each.help,
        ...each.nodes.map(node => `${node.target.join(" ")}: ${node.failureSummary}`.replace(/\\s+/g, " ")),
    ].join(" | "))))
""".replace("GRAVE", json.dumps(GRAVE))
"""Nothing is fetched (`preload`), so a page's policy and the requests that a test counts stay as they are."""


def serious(browser: Browser) -> list[str]:
    """What is wrong with the page that is open, seriously or critically: the rule and the elements, a line each.

    The script comes through the DevTools, which no policy of the page forbids, and goes with the page.
    """
    if not browser.evaluate("'axe' in window"):
        browser.evaluate(f"{_script()}; null")
    found: list[str] = json.loads(browser.evaluate(RUN))
    return found


@cache
def _script() -> str:
    package = find_spec("axe_playwright_python")
    assert package is not None and package.origin is not None, "axe_playwright_python is not installed"
    return Path(package.origin).with_name("axe.min.js").read_text("utf-8")
