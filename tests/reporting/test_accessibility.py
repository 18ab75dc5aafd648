"""What axe-core finds in pages that no other test opens: the data page, and the built site."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rnc_graph.cli import app

SITE = Path(__file__).parents[2] / "site"
PAGES = ("README.html", "docs/model-settings.html", "notebooks/first_model.html")

pytestmark = pytest.mark.slow


def show(browser: Any, path: Path, scheme: str) -> None:
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get(path.as_uri())


def test_a_fault_is_found(tmp_path: Path, browser: Any, faults: Callable[[Any], list[str]]) -> None:
    (tmp_path / "page.html").write_text("<html lang=en><title>t</title><img src=x></html>")
    browser.get((tmp_path / "page.html").as_uri())
    assert [fault.partition(":")[0] for fault in faults(browser)] == ["image-alt"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_data_page(
    tmp_path: Path, browser: Any, faults: Callable[[Any], list[str]], scheme: str
) -> None:
    rows = [f"{'C' * length}O,{length},>{length}" for length in range(1, 13)]
    (tmp_path / "my.csv").write_text("\n".join(["smiles,y,z", *rows, "OC,3,4", "C1C,3,4"]) + "\n")
    arguments = ["data", str(tmp_path / "my.csv"), "--out", str(tmp_path / "page.html")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    show(browser, tmp_path / "page.html", scheme)
    assert faults(browser) == []


@pytest.mark.skipif(not SITE.is_dir(), reason="make docs builds the site")
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_site(browser: Any, faults: Callable[[Any], list[str]], page: str, scheme: str) -> None:
    show(browser, SITE / page, scheme)
    assert faults(browser) == []
