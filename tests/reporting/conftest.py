"""A real browser for the tests of pages."""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    if (CHROMIUM is None or DRIVER is None) and "RNC_GRAPH_NEEDS_CHROMIUM" not in os.environ:
        pytest.skip("there is no chromium with its chromedriver here")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or "chromium"
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--window-size=1280,900",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(30)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def browser(chromium: Any) -> Any:
    """The browser as if it had just been started: starting one takes longest."""
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    chromium.get("about:blank")
    for log in ("browser", "performance"):
        chromium.get_log(log)
    return chromium


_SERIOUS = """
const done = arguments[0];
axe.run().then(({violations}) => done(
  violations.filter(({impact}) => ["serious", "critical"].includes(impact))
    .map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html.slice(0, 200)).join(" ")}`)
));
"""


@pytest.fixture(scope="session")
def faults() -> Callable[[Any], list[str]]:
    """What axe-core takes for serious or critical faults of the page that a browser shows.

    CI installs the package that has the script, without playwright, which it depends on.
    """
    package = importlib.util.find_spec("axe_playwright_python")
    if package is None or package.origin is None:
        pytest.skip("there is no axe-core here: pip install --no-deps axe-playwright-python")
    script = Path(package.origin).with_name("axe.min.js").read_text(encoding="utf-8")

    def found(browser: Any) -> list[str]:
        browser.execute_script(script)
        faults: list[str] = browser.execute_async_script(_SERIOUS)
        return faults

    return found
