"""Look at a report in a browser."""

import base64
import json
import zlib
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


def packed_data(html: str) -> str:
    """Return the text that a report has its charts' data in, compressed."""
    return html.partition('id="payload">')[2].partition("</script>")[0]


def unpack(packed: str) -> Any:
    """Return the data of a report's charts."""
    return json.loads(zlib.decompress(base64.b64decode(packed)))
