"""Whatever stands in a name, it stays text: in the report, the tables, the figures, LaTeX."""

from __future__ import annotations

import csv
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from markdown_it import MarkdownIt
from rich.console import Console
from typer.testing import CliRunner

from rnc_graph.cli import app
from rnc_graph.data import MoleculeTable, load_dataset
from rnc_graph.data.catalog import DatasetCard, NamedDataset
from rnc_graph.data.catalog.description import describe
from rnc_graph.data.splits import Split
from rnc_graph.experiments import read_spec
from rnc_graph.reporting.dataset_page import print_description
from rnc_graph.reporting.dataset_picture import draw
from rnc_graph.reporting.markup import code, latex, markdown
from rnc_graph.reporting.report import write_report
from tests.run_and_write import run_and_write
from tests.show_report import show_report

IMAGE = "<img src=x onerror=\"document.title='owned'\">"
HOSTILE = "{{ payload }} {% if %} " + IMAGE + " </script><script>document.title='owned'</script> "
HOSTILE += "<!--<script> "
HOSTILE += r"a|b $\frac{a$ \input{x} & _c_ *d* `e` [f](javascript:g) %{x} ${y} __proto__ é"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished experiment with hostile text in every name, and its report."""
    folder = tmp_path_factory.mktemp("hostile")
    table = load_dataset("esol")
    column = f"y {HOSTILE}"
    with (folder / "molecules.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", column])
        writer.writerows(zip(table.smiles[:40], table.targets[:40, 0].tolist(), strict=True))
    names = ["plain", f"m {HOSTILE}", "__proto__", "constructor"]
    content = {
        "name": "small",
        "title": "{{ payload }}",
        "data": {
            "path": str(folder / "molecules.csv"),
            "smiles": "smiles",
            "targets": [column],
            "unit": f"u {HOSTILE}",
        },
        "seeds": 2,
        "reference": "plain",
        "encoders": {"gcn": {"hidden_dim": 8, "layers": 1}},
        "regression": {"epochs": 2},
        "methods": [{"name": name, "pretraining": None} for name in names],
        "splits": {f"s {HOSTILE}": {}, "half": {"train_size": 0.5}},
    }
    (folder / "small.yaml").write_text(yaml.safe_dump(content, allow_unicode=True))
    run_and_write(read_spec(folder / "small.yaml"), folder / "out", f"run {HOSTILE}", figures=True)
    write_report(folder / "out")
    return folder / "out"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.slow
def test_the_page_has_its_own_tags_only(results: Path):
    found = _Tags()
    found.feed((results / "report.html").read_text(encoding="utf-8"))
    scripts = [attributes for tag, attributes in found.tags if tag == "script"]
    packed = [{"type": "application/octet-stream", "id": name} for name in ("payload", "plotly")]
    assert scripts == [*packed, {}]
    assert not [tag for tag, _ in found.tags if tag in ("img", "iframe", "object")]
    assert not [name for _, attributes in found.tags for name in attributes if name[:2] == "on"]
    policy = next(a["content"] for _, a in found.tags if "http-equiv" in a)
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]


@pytest.mark.slow
def test_no_script_of_a_name_runs(results: Path, browser: Any):
    show_report(browser, results / "report.html")
    assert browser.title == "{{ payload }}"
    assert browser.execute_script("return document.documentElement.dataset.ready") == "yes"
    assert browser.get_log("browser") == []
    assert HOSTILE in browser.find_element("id", "command").text
    # Charts show the names as they are, and nothing of them became an element.
    texts = browser.execute_script(
        "return [...document.querySelectorAll('#differences .ytick text')].map(t => t.textContent)"
    )
    assert f"m {HOSTILE}" in texts
    assert not browser.find_elements("css selector", "img, iframe, a[href^=javascript]")
    assert browser.title == "{{ payload }}"


@pytest.mark.slow
def test_the_policy_stops_a_script_that_got_in(results: Path, browser: Any, tmp_path: Path):
    html = (results / "report.html").read_text(encoding="utf-8")
    spoiled = html.replace("<main", f"{IMAGE}<script>document.title='owned'</script><main", 1)
    (tmp_path / "spoiled.html").write_text(spoiled, encoding="utf-8")
    browser.get((tmp_path / "spoiled.html").as_uri())
    assert browser.title == "{{ payload }}"


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The card of a model with hostile text in every name, as HTML."""
    folder = tmp_path_factory.mktemp("card")
    column, table = f"y {HOSTILE}", load_dataset("esol")
    path = folder / f"m {IMAGE} a|b.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", column])
        writer.writerows(zip(table.smiles[:40], table.targets[:40, 0].tolist(), strict=True))
    arguments = ["train", str(path), "--target", column, "--out", "m"]
    arguments += ["--unit", f"{column}=u {HOSTILE}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sys.argv", ["rnc-graph", *arguments])
        done = CliRunner().invoke(app, [*arguments, "--networks", "0", "--jobs", "1"])
    assert done.exit_code == 0, done.exception
    text = (folder / "m" / "README.md").read_text(encoding="utf-8")
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


@pytest.mark.slow
def test_a_model_card_has_its_own_tags_only(card: str):
    found = _Tags()
    found.feed(card)
    pictures = {attributes["src"] for tag, attributes in found.tags if tag == "img"}
    shown = {"predictions.png", "error_against_distance.png", "worst.png", "calibration.png"}
    assert pictures == shown
    table = {"table", "thead", "tbody", "tr", "th", "td"}
    assert {tag for tag, _ in found.tags} == table | {"h1", "h2", "p", "code", "ul", "li", "img"}
    assert not [name for _, attributes in found.tags for name in attributes if name[:2] == "on"]
    for table_text in card.split("<table>")[1:]:
        body = table_text.split("</thead>")[1].split("</table>")[0]
        for row in body.split("</tr>")[:-1]:
            assert row.count("<td") == table_text.count("<th>")


@pytest.mark.slow
def test_no_script_of_a_model_card_runs(card: str, browser: Any, tmp_path: Path):
    html = f"<meta charset=utf-8><title>card</title>{card}"
    (tmp_path / "card.html").write_text(html, encoding="utf-8")
    browser.get((tmp_path / "card.html").as_uri())
    assert browser.title == "card"
    assert HOSTILE.strip() in " ".join(browser.find_element("tag name", "h1").text.split())


@pytest.fixture(scope="module")
def data_page(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The page of a data set with hostile text in every field, and its picture."""
    fields = ("name", "title", "unit", "source", "license", "split", "smiles")
    named = {field: f"{field} {HOSTILE}" for field in fields}
    targets = [f"y {HOSTILE}", f"z {HOSTILE}"]
    card = DatasetCard(**named, rows=14, targets=targets)
    esol = load_dataset("esol")
    smiles = [*esol.smiles[:12], IMAGE, HOSTILE]
    table = MoleculeTable(
        card.name, smiles, np.repeat(esol.targets[:14], 2, axis=1), targets, card.unit
    )
    split = Split(np.arange(10), np.arange(10, 12), np.arange(12, 14))
    dataset = NamedDataset(card, table, split, {f"subset {HOSTILE}": np.arange(14) < 3})
    console = Console(file=StringIO(), width=4000, force_terminal=True, no_color=True)
    print_description(console, describe(dataset))
    path = tmp_path_factory.mktemp("data") / "set.svg"
    draw(dataset, path)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue(), path


def test_the_page_of_a_data_set_shows_text_as_it_is(data_page: tuple[str, Path]):
    text = data_page[0]
    for field in ("name", "title", "unit", "source", "license", "split", "subset", "y", "z"):
        assert f"{field} {HOSTILE}" in text


@pytest.mark.slow
def test_no_script_of_a_data_set_runs(data_page: tuple[str, Path], browser: Any):
    path = data_page[1]
    browser.get(path.as_uri())
    texts = browser.execute_script(
        "return [...document.querySelectorAll('text')].map(t => t.textContent)"
    )
    assert sum(HOSTILE.strip() in text for text in texts) >= 3
    assert not browser.find_elements("css selector", "script, img, iframe, a, foreignObject")
    assert "owned" not in browser.title
    assert browser.get_log("browser") == []


@pytest.mark.slow
def test_markdown_tables_keep_their_columns(results: Path):
    text = (results / "table.md").read_text(encoding="utf-8")
    assert "<" not in "".join(line for line in text.splitlines() if "Made by `" not in line)
    columns = 0
    for line in text.splitlines():
        if not line.startswith("|"):
            columns = 0
            continue
        bars = len(re.findall(r"(?<!\\)\|", line))
        assert columns in (0, bars)
        columns = bars


@pytest.mark.slow
def test_figures_are_drawn_and_their_text_is_text(results: Path):
    for path in (results / "paper").glob("*.svg"):
        tags = {element.tag.split("}")[1] for element in ET.parse(path).iter()}
        assert not tags & {"script", "img", "a", "foreignObject", "image"}
    drawing = (results / "paper" / "differences.svg").read_text(encoding="utf-8")
    assert "&lt;img src=x" in drawing
    assert len(list(results.glob("*.png"))) == 6


@pytest.mark.slow
def test_latex_has_no_command_of_a_name(results: Path):
    text = (results / "paper" / "table.tex").read_text(encoding="utf-8")
    assert r"\input" not in text
    assert r"\frac" not in text
    for line in text.splitlines():
        if line.endswith(r"\\"):
            assert len(re.findall(r"(?<!\\)&", line)) == 5


def test_text_of_every_kind():
    assert markdown("a|b\n<c> [d](e) _f_ g_h `i` $j$") == (
        r"a\|b &lt;c&gt; [d\](e) \_f\_ g_h \`i\` \$j\$"
    )
    assert code("a`b``c") == "``` a`b``c ```"
    assert latex("a_b & 5% {x} \\ ~^$#") == (
        r"a\_b \& 5\% \{x\} \textbackslash{} \textasciitilde{}\textasciicircum{}\$\#"
    )
