"""The page of explained predictions, from the shell and in a browser."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnc_graph import MoleculeRegressor
from rnc_graph.data import MoleculeTable
from tests.shell import run

IMAGE = "<img src=x onerror=\"document.title='owned'\">"
KNOWN = 60


@pytest.fixture(scope="module")
def folder(esol: MoleculeTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of two targets, the table it was trained on, and a page."""
    path = tmp_path_factory.mktemp("explain")
    y = esol.targets[:KNOWN, 0]
    targets = pd.DataFrame({"logS": y, IMAGE: 10 - y})
    members = {"networks": 0, "descriptors": False, "descriptor_models": ["fingerprint-svr"]}
    model = MoleculeRegressor(**members)  # type: ignore[arg-type]
    model.fit(esol.smiles[:KNOWN], targets).save(path / "model")
    targets.assign(smiles=esol.smiles[:KNOWN]).to_csv(path / "known.csv", index=False)
    new = ["CC(=O)Oc1ccccc1C(=O)O", "C1CC", IMAGE, "C1CCCCC1O", "CCO"]
    pd.DataFrame({"smiles": new, "name": list("abc<e")}).to_csv(path / "new.csv", index=False)
    options = (
        "--rows",
        4,
        "--id",
        "name",
        "--jobs",
        1,
        "--training",
        path / "known.csv",
        "--interval",
        0.5,
    )
    done = run("explain", path / "model", path / "new.csv", "--out", path / "page.html", *options)
    assert done.exit_code == 0, done.output
    assert "row 2 (line 3), 'b', column 'smiles': 'C1CC': not a valid SMILES" in done.output
    assert "the first 4 rows are explained; --rows takes more" in done.output
    return path


def test_the_page_has_predictions_atoms_neighbors_and_bad_rows(folder: Path) -> None:
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", page) == [
        "Row 1: a",
        "Row 4: &lt;",
        "Rows that cannot be read",
    ]
    # Aspirin has 13 atoms, cyclohexanol 7: a table and a picture for each target.
    assert page.count("<circle") >= 2 * (13 + 7)
    assert page.count("<summary>All contributions</summary>") == 4
    for text in ('<th scope="row">O 13</th>', "50%: [", "domain: distance 0.", "Tanimoto"):
        assert text in page
    assert page.count("<dt>Tanimoto</dt>") == 2 * 3
    assert "in the model&#39;s embedding" not in page  # A kernel on fingerprints has none.
    assert '<td class="text">not a valid SMILES</td>' in page


def test_names_and_smiles_stay_text(folder: Path) -> None:
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert IMAGE not in page
    assert "&lt;img src=x onerror=" in page
    assert "<script" not in page


def test_what_is_wrong_is_said(folder: Path) -> None:
    model, new, out = folder / "model", folder / "new.csv", folder / "other.html"
    wrong = run("explain", model, new, "--out", folder / "page.txt")
    assert "expected a name that ends in .html, got '.txt'" in repr(wrong.exception)
    wrong = run("explain", model, new, "--out", out, "--training", new)
    assert "no column 'logS'" in repr(wrong.exception)
    (folder / "empty.csv").write_text("smiles\n")
    wrong = run("explain", model, folder / "empty.csv", "--out", out)
    assert "has no rows below its header" in repr(wrong.exception)
    assert not out.exists()


def test_neighbors_by_structure_and_by_the_embedding(esol: MoleculeTable, tmp_path: Path) -> None:
    table = esol.take(np.arange(KNOWN))
    members = {"networks": 1, "pretraining_epochs": 1, "epochs": 1, "descriptor_models": []}
    model = MoleculeRegressor(**members)  # type: ignore[arg-type]
    model.fit(table.smiles, pd.Series(table.targets[:, 0], name="logS")).save(tmp_path / "model")
    known = pd.DataFrame({"smiles": table.smiles, "logS": table.targets[:, 0]})
    known.to_csv(tmp_path / "known.csv", index=False)
    for name, smiles in {"new": [table.smiles[3], "C1CC", "CCO"], "bad": ["C1CC"]}.items():
        pd.DataFrame({"smiles": smiles}).to_csv(tmp_path / f"{name}.csv", index=False)
        pages = ["--training", tmp_path / "known.csv", "--out", tmp_path / f"{name}.html"]
        done = run("explain", tmp_path / "model", tmp_path / f"{name}.csv", "--jobs", 1, *pages)
        assert done.exit_code == 0, done.output
    page = (tmp_path / "new.html").read_text(encoding="utf-8")
    titles = re.findall(r"<h3>(Training.*?)</h3>", page)
    assert titles == 2 * [
        "Training molecules of similar structure",
        "Training molecules near in the model&#39;s embedding",
    ]
    assert page.count("<dt>Tanimoto</dt>") == 2 * 6
    # The first molecule is the nearest to itself in both.
    assert page.count("<strong>The molecule itself</strong>") == 2


def test_bounds_logarithms_and_the_molecule_itself_are_shown(
    esol: MoleculeTable, tmp_path: Path
) -> None:
    smiles, y = esol.smiles[:KNOWN], np.arange(1.0, KNOWN + 1)
    members = {"networks": 0, "descriptors": False, "descriptor_models": ["fingerprint-svr"]}
    model = MoleculeRegressor(**members, target_transform="log10")  # type: ignore[arg-type]
    model.fit(smiles, pd.Series(y, name="clearance")).save(tmp_path / "model")
    cells = pd.DataFrame({"smiles": smiles, "clearance": y, "how": "="}).astype(str)
    cells.loc[0, "clearance"], cells.loc[1, "how"] = "<19132.5", ">"
    cells.to_csv(tmp_path / "known.csv", index=False)
    cells[["smiles"]].head(2).to_csv(tmp_path / "new.csv", index=False)
    known, out = ["--training", tmp_path / "known.csv"], tmp_path / "page.html"
    arguments = ["explain", tmp_path / "model", tmp_path / "new.csv", "--jobs", 1, "--out", out]
    done = run(*arguments, *known, "--relation", "how")
    assert done.exit_code == 0, done.output
    page = out.read_text(encoding="utf-8")
    assert page.count("<strong>The molecule itself</strong>") == 2
    for text in ("<dd>&lt;19132.5</dd>", "<dd>&gt;2</dd>", "contribution (log10 units)"):
        assert text in page
    wrong = run(*arguments, "--relation", "how")
    assert "names a column of --training" in repr(wrong.exception)


@pytest.mark.slow
def test_axe_finds_no_serious_fault(
    folder: Path, browser: Any, faults: Callable[[Any], list[str]]
) -> None:
    browser.get((folder / "page.html").as_uri())
    assert faults(browser) == []


@pytest.mark.slow
def test_a_browser_shows_it_without_requests(folder: Path, browser: Any) -> None:
    browser.get((folder / "page.html").as_uri())
    assert browser.title.startswith("Which atoms matter: logS")
    assert not browser.get_log("browser")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )
    assert browser.execute_script("return document.documentElement.scrollWidth") == 390


@pytest.mark.slow
def test_neighbors_have_their_names(esol: MoleculeTable, tmp_path: Path) -> None:
    table = tmp_path / "known.csv"
    cells = {"smiles": esol.smiles[:40], "logS": esol.targets[:40, 0]}
    names = [f"C-<{number}>" for number in range(40)]
    pd.DataFrame(cells | {"compound": names}).to_csv(table, index=False)
    members = ["--networks", 0, "--no-descriptors", "--member", "fingerprint-svr"]
    options = [*members, "--id", "compound", "--no-baselines", "--jobs", 1, "--test-fraction", 0]
    trained = run("train", table, "--target", "logS", *options, "--out", tmp_path / "model")
    assert trained.exit_code == 0, trained.output
    out = tmp_path / "page.html"
    known = ["--training", table, "--rows", 1, "--out", out, "--jobs", 1]
    assert run("explain", tmp_path / "model", table, *known).exit_code == 0
    cards = out.read_text(encoding="utf-8").partition("Training molecules")[2]
    assert "<p>C-&lt;0&gt;</p>" in cards
    assert cards.count("<p>C-&lt;") == 3
