"""Look at a report in a browser."""

from pathlib import Path
from typing import Any


def show_report(browser: Any, path: Path) -> None:
    """Open a report and wait until it is drawn, which a busy machine takes long for."""
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(path.as_uri())
    WebDriverWait(browser, 60).until(
        lambda browser: browser.execute_script(
            "return document.documentElement.dataset.ready === 'yes'"
        )
    )
