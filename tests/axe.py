"""Runs axe-core, the standard accessibility checker, on a browser's open page.

    browser.open(url, width=375, dark=True)
    assert serious(browser) == []

The script is a file of the package `axe_playwright_python`; nothing else of the package is used.
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
"""Fetches nothing (`preload`), so that the checker does not add requests or violate the page's policy."""


def serious(browser: Browser) -> list[str]:
    """The serious and critical findings on the open page: a line for each rule, with the elements.

    The script is injected through DevTools, which the page's policy does not restrict.
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
