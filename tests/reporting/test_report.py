"""The report in a real browser: molecules, sorting, keyboard, a narrow window, no network."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import ExecutionConfig, Experiment, read_spec
from rnc_graph.reporting.findings import best_of, findings
from rnc_graph.reporting.report import write_report
from rnc_graph.reporting.report.page import as_html, pack
from rnc_graph.reporting.report.write import open_results
from rnc_graph.reporting.tables import MEAN_OF_TARGETS
from tests.run_and_write import run_and_write
from tests.show_report import packed_data, show_report, unpack


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished experiment with two conditions on an axis, and its report."""
    from rnc_graph.data import load_dataset
    from tests.conftest import SPEC

    folder = tmp_path_factory.mktemp("results")
    table = load_dataset("esol")
    rows = [f"{s},{y}" for s, y in zip(table.smiles[:60], table.targets[:60, 0], strict=True)]
    (folder / "molecules.csv").write_text("\n".join(["smiles,logS", *rows]) + "\n")
    axes = "grid: {train_size: [0.5, 1.0], label_noise: [0.0, 0.3]}\n"
    (folder / "small.yaml").write_text(SPEC.replace("seeds: 2", "seeds: 3") + axes)
    before = Path.cwd()
    os.chdir(folder)
    try:
        run_and_write(
            read_spec(Path("small.yaml")),
            Path("out"),
            command="a <command>",
            execution=ExecutionConfig(2),
        )
        write_report(Path("out"))
        yield folder / "out"
    finally:
        os.chdir(before)


@pytest.mark.slow
def test_equal_results_give_equal_bytes(results: Path):
    files = [results / "report.html", *(results / "paper").iterdir()]
    before = {path: path.read_bytes() for path in files}
    assert {path.name for path in files} == {
        "report.html",
        "table.tex",
        *(
            f"{name}.{suffix}"
            for name in ("differences", "by_train_size", "by_label_noise")
            for suffix in ("svg", "png")
        ),
    }
    write_report(results)
    assert {path: path.read_bytes() for path in files} == before


@pytest.mark.slow
def test_the_maps_are_what_was_asked_for(results: Path):
    opened = open_results(results)
    pages = [as_html(opened, maps) for maps in ("tsne", "tsne", "pca")]
    assert pages[0] == pages[1]
    assert pages[0] != pages[2]
    assert pages[2].encode() == (results / "report.html").read_bytes()


@pytest.mark.slow
def test_a_folder_that_is_no_experiment_is_told(tmp_path: Path, results: Path):
    with pytest.raises(RncGraphError, match=r"has no spec\.yaml; give the folder of a finished"):
        write_report(tmp_path)
    shutil.copytree(results, tmp_path / "out")
    shutil.rmtree(next((tmp_path / "out" / "store").glob("run-*")))
    with pytest.raises(RncGraphError, match="runs are missing; finish the experiment"):
        write_report(tmp_path / "out")
    with pytest.raises(RncGraphError, match="unknown map 'pac'; known: pca, tsne, umap"):
        write_report(results, maps="pac")


@pytest.mark.slow
def test_the_findings_name_the_best_rows_of_all(results: Path):
    opened = open_results(results)
    tables, experiment = opened.tables, opened.outcome.experiment
    means = [{row.name: table.score(row).mean for row in table.rows} for table in tables]
    lowest = [min(found, key=found.__getitem__) for found in means]
    said = findings(experiment, tables)
    for name in set(lowest):
        assert f"{name} in {lowest.count(name)}" in said[1]
    assert said[1].endswith("of 4.")
    (alone,) = (sentence for sentence in findings(experiment, tables[:1]) if "all rows" in sentence)
    assert alone == best_of(tables[0])
    assert alone.startswith(f"Lowest test RMSE of all rows: {lowest[0]}")
    _, tied = tables[0].best_and_tied("rmse")
    for row in tables[0].rows:
        named = alone.split("Not significantly higher: ")[-1].split(". ")[0].rstrip(".").split(", ")
        assert (row.name in named) == (row.name in tied)


@pytest.mark.slow
def test_the_latex_table_is_complete(results: Path):
    text = (results / "paper" / "table.tex").read_text(encoding="utf-8")
    found = text.split("\\begin{table}")[1:]
    assert len(found) == 4
    labels = {re.search(r"\\label\{(tab:[a-z0-9-]+)\}", table)[1] for table in found}
    assert len(labels) == 4
    for table in found:
        for word in ("Bold:", "Underlined:", "Holm", "to plain"):
            assert word in table
        lines = [line for line in table.splitlines() if line.endswith(r"\\")]
        assert len(lines) == 1 + 5
        assert {line.count("&") for line in lines} == {5}
        assert lines[0].endswith(r"& p \\")
        assert table.count(r"\midrule") == 2


@pytest.fixture
def page(results: Path, browser: Any) -> Any:
    show_report(browser, results / "report.html")
    return browser


@pytest.mark.slow
def test_axe_finds_no_serious_fault(page: Any, faults: Callable[[Any], list[str]]):
    assert faults(page) == []


@pytest.mark.slow
def test_nothing_is_wrong_and_nothing_is_fetched(page):
    assert page.execute_script("return document.documentElement.dataset.ready") == "yes"
    assert page.get_log("browser") == []
    sent = [
        message["params"]["request"]["url"]
        for entry in page.get_log("performance")
        if (message := json.loads(entry["message"])["message"])["method"]
        == "Network.requestWillBeSent"
    ]
    assert sent
    assert all(url.startswith(("file:", "data:", "blob:")) for url in sent)
    assert "a <command>" in page.find_element("id", "command").text
    assert page.title == "small"


@pytest.mark.slow
def test_pointing_draws_the_right_molecule(page, results: Path):
    """Of the tuned row under the second condition; by mouse, and by keyboard."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.select import Select

    Select(page.find_element("id", "condition")).select_by_index(1)
    Select(page.find_element("id", "method")).select_by_visible_text("tuned")
    chart = page.find_element("id", "scatter")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    number = 3
    x, y = page.execute_script(
        """const chart = arguments[0], n = arguments[1], trace = chart.data[0];
           const box = chart.getBoundingClientRect(), l = chart._fullLayout;
           return [box.left + l._size.l + l.xaxis.d2p(trace.x[n]),
                   box.top + l._size.t + l.yaxis.d2p(trace.y[n])];""",
        chart,
        number,
    )
    mouse = ActionChains(page)
    mouse.w3c_actions.pointer_action.move_to_location(int(x) + 4, int(y))
    mouse.w3c_actions.pointer_action.move_to_location(round(x), round(y))
    mouse.perform()
    opened = open_results(results)
    split = list(opened.outcome.experiment.splits)[1]
    runs = [run for run in opened.outcome.runs if (run.split, run.method) == (split, "tuned")]
    rows = [row for run in runs for row in run.tensors["test_rows"].tolist()]
    panel = page.find_element("id", "sample")
    smiles = opened.outcome.tables["molecules"].smiles
    assert panel.get_attribute("data-label") == smiles[rows[number]]
    assert smiles[rows[number]] in panel.text
    assert panel.find_elements("css selector", "svg path")

    chart.send_keys(Keys.ARROW_RIGHT)
    lowest = min(rows, key=lambda row: opened.outcome.tables["molecules"].targets[row, 0])
    assert panel.get_attribute("data-label") == smiles[lowest]
    marked = page.execute_script(
        "return [...document.querySelectorAll('#maps .chart')].map(c => c.data[1].x.length)"
    )
    assert len(marked) == 4
    assert max(marked) <= 1


@pytest.mark.slow
def test_headings_sort_by_mouse_and_by_keyboard(page):
    from selenium.webdriver.common.keys import Keys

    section = page.find_element("css selector", ".condition:not([hidden])")
    heading = section.find_elements("css selector", "thead button")[1]

    def values() -> list[float]:
        cells = section.find_elements("css selector", "tbody td:nth-of-type(1)")
        return [float(cell.get_attribute("data-value")) for cell in cells]

    before = values()
    assert before != sorted(before)
    heading.click()
    assert values() == sorted(before)
    heading.send_keys(Keys.ENTER)
    assert values() == sorted(before, reverse=True)
    head = heading.find_element("xpath", "..")
    assert head.get_attribute("aria-sort") == "descending"


@pytest.mark.slow
def test_charts_are_as_wide_as_their_places(page):
    widths = page.execute_script(
        "return [...document.querySelectorAll('.chart')].filter((c) => c.clientWidth)"
        ".map((c) => [c.clientWidth, c.querySelector('svg.main-svg').clientWidth])"
    )
    assert len(widths) >= 8
    assert all(chart == place for place, chart in widths), widths


@pytest.mark.slow
def test_a_line_has_one_value_on_all_other_axes(page):
    charts = page.execute_script(
        "return [...document.querySelectorAll('#curves-by-axis .chart')].map((c) => "
        "[c.layout.title.text, c.data.filter((t) => t.name).map((t) => t.x)])"
    )
    assert {title for title, _ in charts} == {
        f"molecules, gcn, {fixed}"
        for fixed in ("label noise 0", "label noise 0.3", "train size 0.5", "train size 1")
    }
    for title, lines in charts:
        assert lines
        assert all(x == ([0.5, 1] if "noise" in title else [0, 0.3]) for x in lines)


@pytest.mark.slow
def test_a_row_that_a_condition_lacks_is_not_drawn_there(page, results: Path, tmp_path: Path):
    """As baselines are lacking where molecules are altered."""
    html = (results / "report.html").read_text(encoding="utf-8")
    data = unpack(packed_data(html))
    last = data["conditions"][-1]
    last["rows"] = [row for row in last["rows"] if not row["baseline"]]
    changed = html.replace(packed_data(html), pack(json.dumps(data)))
    (tmp_path / "report.html").write_text(changed, encoding="utf-8")
    show_report(page, tmp_path / "report.html")
    drawn = page.execute_script(
        "return [...document.querySelectorAll('#curves-by-axis .chart')].map((c) => "
        "[c.layout.title.text, c.data.find((t) => t.name === 'mean').x])"
    )
    assert dict(drawn) == {
        "molecules, gcn, label noise 0": [0.5, 1],
        "molecules, gcn, label noise 0.3": [0.5],
        "molecules, gcn, train size 0.5": [0, 0.3],
        "molecules, gcn, train size 1": [0],
    }


@pytest.mark.slow
def test_a_narrow_dark_window_has_all_in_it(page, results: Path):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True},
    )
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": "dark"}]},
    )
    show_report(page, results / "report.html")
    width = page.execute_script("return document.documentElement.scrollWidth")
    assert width <= 390
    assert page.execute_script("return document.documentElement.dataset.theme") == "dark"
    page.find_element("id", "theme").click()
    assert page.execute_script("return document.documentElement.dataset.theme") == "light"
    assert page.get_log("browser") == []


@pytest.mark.slow
def test_the_experiment_is_read_back(results: Path):
    opened = open_results(results)
    assert isinstance(opened.outcome.experiment, Experiment)
    assert [table.name for table in opened.tables] == [
        f"molecules, train_size={size}, label_noise={noise}, gcn"
        for size in ("0.5", "1.0")
        for noise in ("0.0", "0.3")
    ]


MEANS_ALONE = """
name: small
data: {path: sparse.csv, smiles: smiles, targets: [a, b], missing: true}
seeds: 1
reference: plain
encoders: {gcn: {hidden_dim: 8, layers: 1}}
split: {splitter: {name: column, column: part}}
regression: {epochs: 1}
methods: [{name: plain, pretraining: null}]
"""


@pytest.mark.slow
def test_targets_that_no_seed_has_in_all_sets_leave_their_mean(folder: Path):
    """The validation set lacks the one, and the test set the other."""
    rows = ["smiles,a,b,part"]
    for number in range(1, 31):
        part = "train" if number <= 20 else "validation" if number <= 25 else "test"
        a, b = "" if part == "validation" else number, "" if part == "test" else -number
        rows.append(f"{'C' * number},{a},{b},{part}")
    (folder / "sparse.csv").write_text("\n".join(rows) + "\n")
    (folder / "sparse.yaml").write_text(MEANS_ALONE)
    written = run_and_write(read_spec(folder / "sparse.yaml"), folder / "out")
    assert [table.target for table in written.tables] == [MEAN_OF_TARGETS]
    page, *_ = write_report(folder / "out")
    data = unpack(packed_data(page.read_text(encoding="utf-8")))
    assert (data["details"], data["left_out"]) == ({}, "")
    assert "target by target" in data["conditions"][0]["unshown"]
