"""A chemist's day, step by step: a table is looked at, learned, trusted, explained and renewed."""

import json
import runpy
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from rnc_graph.cli import app
from rnc_graph.models import load_model

pytestmark = pytest.mark.slow

DAY = runpy.run_path(str(Path(__file__).parent.parent / "benchmarks" / "day.py"))
MOLECULES, NEW, TARGETS = DAY["MOLECULES"], DAY["NEW"], DAY["TARGETS"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The day from the shell; times.json has the seconds of each step, which no test judges."""
    path = tmp_path_factory.mktemp("day")
    DAY["make_tables"](path)
    said, seconds = {}, {}
    for name, step in DAY["shell_steps"](path).items():
        begun = time.perf_counter()
        result = CliRunner().invoke(app, step)
        assert result.exit_code == 0, f"{name}: {result.output}{result.exception!r}"
        seconds[name], said[name] = time.perf_counter() - begun, result.output
    (path / "said.json").write_text(json.dumps(said))
    (path / "times.json").write_text(json.dumps(seconds))
    print(*(f"{name}: {of:.1f} s" for name, of in seconds.items()), sep="\n")
    return path


def test_the_table_is_described(folder: Path) -> None:
    said = json.loads((folder / "said.json").read_text())["data"]
    assert "'relation': relations" in said
    assert "salts" in said
    page = (folder / "data.html").read_text()
    assert all(name in page for name in TARGETS)
    assert "bounds" in page


def test_the_card_says_what_was_done(folder: Path) -> None:
    card = (folder / "model" / "README.md").read_text()
    for line in (
        "made with --quick",
        "rows were changed by cleaning",
        "merged by their mean",
        "rows have a bound in place of a value",
        "rows have weights from",
        "rows have no value",
        "HLM is learned as its log10",
        "column compound names the rows",
        "random forest on Morgan bits",
        "## In and out of the domain",
    ):
        assert line in card, line
    model = load_model(folder / "model")
    assert model.targets == list(TARGETS)
    assert model.units == list(TARGETS.values())
    assert [member.kind for member in model.members] == ["network", "fingerprint-svr"]


def test_a_learning_curve_is_drawn_of_each_target(folder: Path) -> None:
    assert "## Learning curve without networks" in (folder / "plain" / "README.md").read_text()
    assert (folder / "plain" / "learning_curve.png").exists()
    curve = pd.read_csv(folder / "plain" / "learning_curve.csv")
    assert {"log10 of HLM", "logD"} <= set(curve["target"])
    for _, one in curve.groupby("target"):
        assert 1 < len(one) <= 11
        assert one["molecules"].max() > 2 * one["molecules"].min()
        assert np.isfinite(one["rmse"]).all()


def test_models_are_evaluated_compared_and_explained(folder: Path) -> None:
    metrics = json.loads((folder / "evaluated" / "metrics.json").read_text())
    assert {"log10 of HLM", "logD"} <= metrics["new molecules"].keys()
    compared = (folder / "compared" / "comparison.md").read_text()
    assert all(f"{name}, " in compared for name in ("logD", "log10 of HLM"))
    assert "<svg" in (folder / "explained.html").read_text()


def test_an_update_keeps_everything_but_what_is_set(folder: Path) -> None:
    old, new = load_model(folder / "model"), load_model(folder / "renewed")
    assert new.settings == old.settings.model_copy(update={"head_dropout": 0.1})
    assert new.table == old.table
    card = (folder / "renewed" / "README.md").read_text()
    assert "## Compared with the old model" in card
    said = json.loads((folder / "said.json").read_text())["train, an update"]
    assert "networks start from the old ones" in said


def test_tables_of_every_kind_hold_the_same(folder: Path) -> None:
    frames = [
        pd.read_csv(folder / "predictions.csv"),
        pd.read_parquet(folder / "predictions.parquet"),
        pd.read_excel(folder / "predictions.xlsx"),
    ]
    for frame in frames:
        assert len(frame) == NEW
        assert frame["compound"].tolist() == [f"A-{MOLECULES + n:04d}" for n in range(NEW)]
        for name in TARGETS:
            low, value, high = (frame[f"{part}_{name}"] for part in ("low", "predicted", "high"))
            assert value.notna().all()
            assert (low.fillna(-np.inf) <= value).all()
            assert (value <= high.fillna(np.inf)).all()
            np.testing.assert_allclose(value, frames[0][f"predicted_{name}"], rtol=1e-5)
    assert len(pd.read_parquet(folder / "embedding.parquet")) == NEW


def test_the_same_in_python(folder: Path) -> None:
    found = {name: call() for name, call in DAY["python_steps"](folder).items()}
    assert [target.bounds > 0 for target in found["describe"].targets] == [True, True]
    frame = found["predict_frame"]
    assert frame.index.name == "compound"
    assert (frame[["predicted_HLM", "predicted_RLM"]] > 0).all().all()
    assert [len(one.contributions) > 0 for one in found["explain"]] == [True, True]
    smiles = pd.read_csv(folder / "new.csv", index_col="compound")["smiles"]
    again = found["load"].predict_frame(smiles)
    pd.testing.assert_frame_equal(again, frame)
