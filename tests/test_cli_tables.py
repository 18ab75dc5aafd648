"""Real tables from the shell: identifiers, units, logarithms and gaps."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from rnc_graph.cli import app
from rnc_graph.cli.tables import by_target, column_of_each, read, relations_in_training
from rnc_graph.data import MoleculeTable
from rnc_graph.data.featurizer import FeaturizerConfig
from rnc_graph.errors import BadValueError
from rnc_graph.models import load_model
from rnc_graph.models.build import DataConfig, DataSetup, setup_data

pytestmark = pytest.mark.slow

QUICK = ["--no-baselines", "--networks", "0", "--member", "svr", "--jobs", "1"]


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result


@pytest.fixture(scope="module")
def folder(esol: MoleculeTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table as laboratories have them, and a model of it."""
    path = tmp_path_factory.mktemp("tables")
    y = esol.targets[:120, 0]
    cells = {
        "CMPD": [f"C-{number:03d}" for number in range(120)],
        "smiles": esol.smiles[:120],
        "ic50": [f"{value:.4g}" for value in 10 ** (y + 4)],
        "logS": y,
    }
    frame = pd.DataFrame(cells, dtype=object)
    frame.loc[3, "ic50"] = "-1"
    frame.loc[5, "ic50"] = "3.11 uM"
    frame.loc[10:19, ["ic50", "logS"]] = ""
    frame.to_csv(path / "my.csv", index=False)
    columns = ["--target", "ic50", "--target", "logS", "--id", "CMPD"]
    told = ["--unit", "ic50=nM", "--unit", "logS=log mol/L", "--transform", "ic50=log10"]
    result = run("train", path / "my.csv", *columns, *told, "--out", path / "model", *QUICK)
    assert "10 rows have no value\n" in result.output
    assert "2 rows cannot be used" in result.output
    return path


def test_rows_without_a_value_are_counted_and_bad_ones_named(folder: Path) -> None:
    bad = pd.read_csv(folder / "model" / "bad_rows.csv")
    assert bad["id"].tolist() == ["C-003", "C-005"]
    assert bad["reason"].tolist() == [
        "not positive: it has no log10",
        "a number with a unit: leave 'uM' out (--unit takes the unit of a column)",
    ]


def test_names_units_and_scales_are_in_all_that_is_written(folder: Path) -> None:
    card = (folder / "model" / "README.md").read_text()
    for line in ("| ic50 (nM) |", "| log10 of ic50 (nM) |", "| logS (log mol/L) |"):
        assert line in card
    assert "ic50 is learned as its log10" in card
    assert "\n- 10 rows have no value\n" in card
    config = json.loads((folder / "model" / "config.json").read_text())
    assert config["units"] == ["nM", "log mol/L"]
    predictions = pd.read_csv(folder / "model" / "predictions.csv")
    assert predictions["id"].str.startswith("C-").all()
    assert (predictions["predicted_ic50"] > 0).all()
    # The column of names is the model's from now on.
    run("evaluate", folder / "model", folder / "my.csv", "--out", folder / "ev", "--jobs", 1)
    metrics = json.loads((folder / "ev" / "metrics.json").read_text())
    seen = metrics["molecules seen"]
    assert {"rmse", "coverage", "width", "out_of_domain"} <= seen["logS"].keys()
    assert seen["log10 of ic50"]["rmse"] == pytest.approx(seen["logS"]["rmse"], rel=1e-2)
    assert seen["ic50"]["rmse"] > 10 * seen["logS"]["rmse"]
    evaluated = pd.read_csv(folder / "ev" / "predictions.csv")
    assert len(evaluated) == evaluated["id"].nunique() == 108
    bad = pd.read_csv(folder / "ev" / "bad_rows.csv")
    assert bad["id"].tolist() == ["C-003", "C-005"]


def test_an_option_of_each_target() -> None:
    assert by_target("--unit", None, ["a", "b"], "none") == ["none", "none"]
    assert by_target("--unit", ["nM"], ["a", "b"]) == ["nM", "nM"]
    assert by_target("--unit", ["a=b=c=d"], ["a", "a=b"]) == ["", "c=d"]
    assert by_target("--unit", ["b=nM"], ["a", "b"]) == ["", "nM"]
    with pytest.raises(BadValueError, match=r"--unit: expected .* \(a, b, c\), .* got m, s"):
        by_target("--unit", ["m", "s"], ["a", "b", "c"])
    for wrong in (["c=m"], ["a=m", "s"], ["nM", "c=m"]):
        with pytest.raises(BadValueError, match=r"--unit: expected NAME=VALUE .* targets a, b, "):
            by_target("--unit", wrong, ["a", "b"])
    with pytest.raises(BadValueError, match="--unit: a target is given twice"):
        by_target("--unit", ["a=m", "a=s"], ["a", "b"])


def test_a_target_that_is_named_is_its_own_column() -> None:
    targets = ["logS", "logP"]
    assert column_of_each(["logP", "logS"], targets) == {"logP": "logP", "logS": "logS"}
    assert column_of_each(["logS", "other"], targets) == {"logS": "logS", "logP": "other"}
    assert column_of_each(["s", "p"], targets) == {"logS": "s", "logP": "p"}
    with pytest.raises(BadValueError, match="got 'other'"):
        column_of_each(["logP", "other"], targets)
    # Of names that begin alike, the longest is meant.
    assert column_of_each(["pH=7=sol"], ["pH", "pH=7"]) == {"pH=7": "sol"}


def test_a_target_of_a_data_set_is_no_two_targets() -> None:
    with pytest.raises(BadValueError, match="targets: expected different ones, got logS, logS"):
        read("esol", None, ["logS", "logS"], None)


@pytest.mark.slow
def test_one_of_a_models_targets_is_evaluated(folder: Path, tmp_path: Path) -> None:
    """The table has it alone, under a name of its own."""
    table = pd.read_csv(folder / "my.csv", dtype=str)
    table = table[["CMPD", "smiles", "logS"]].rename(columns={"logS": "solubility"})
    table.to_csv(tmp_path / "one.csv", index=False)
    arguments = ["evaluate", folder / "model", tmp_path / "one.csv", "--jobs", 1]
    run(*arguments, "--target", "logS=solubility", "--out", tmp_path / "ev")
    run("evaluate", folder / "model", folder / "my.csv", "--jobs", 1, "--out", tmp_path / "both")
    both = json.loads((tmp_path / "both" / "metrics.json").read_text())
    one = json.loads((tmp_path / "ev" / "metrics.json").read_text())
    assert list(one["molecules seen"]) == ["logS"]
    assert one["molecules seen"]["logS"]["count"] >= both["molecules seen"]["logS"]["count"]
    wrong = ["--target", "solubility"]
    refused = CliRunner().invoke(app, list(map(str, [*arguments, *wrong])))
    assert "(ic50, logS) in their order, one of these, or TARGET=COLUMN, got" in str(
        refused.exception
    )
    assert column_of_each(["b=x=y"], ["a", "b"]) == {"b": "x=y"}
    with pytest.raises(BadValueError, match="b is given twice"):
        column_of_each(["b=x", "b"], ["a", "b", "c"])


@pytest.fixture(scope="module")
def bounded(esol: MoleculeTable, folder: Path) -> Path:
    """A table with bounds, weights and replicates, and a model of it."""
    y = esol.targets[:120, 0]
    low, high = np.quantile(y, [0.15, 0.85])
    marks = np.where(y > high, ">", np.where(y < low, "<", "="))
    frame = pd.DataFrame(
        {"smiles": esol.smiles[:120], "y": y.clip(low, high), "how": marks, "w": 1 + y - y.min()}
    )
    frame["cells"] = [
        m.strip("=") + repr(v) for m, v in zip(marks, frame["y"].tolist(), strict=True)
    ]
    pd.concat([frame, frame.head(4)]).to_csv(folder / "bounds.csv", index=False)
    told = ["--weight", "w", "--merge", "mean", "--weigh-merged", *QUICK]
    table = folder / "bounds.csv"
    by_cell = run("train", table, "--target", "cells", *told, "--out", folder / "cells")
    assert "38 of 124 rows have a bound in place of a value: " in by_cell.output
    by_column = ["--target", "y", "--relation", "how"]
    run("train", table, *by_column, *told, "--out", folder / "column")
    return folder


def test_data_shows_bounds_of_a_column_and_reads_commas(bounded: Path, tmp_path: Path) -> None:
    shown = run("data", bounded / "bounds.csv", "--target", "y", "--relation", "how").output
    assert "'how': relations" in shown
    assert "38" in shown
    (tmp_path / "comma.csv").write_text("smiles;y\nC;1,234\nCC;2,345\nCCC;3,456\n")
    by_comma = run("data", tmp_path / "comma.csv", "--decimal", ",").output
    assert "1.234" in by_comma


@pytest.mark.slow
def test_bounds_are_in_the_card_and_never_in_the_errors(bounded: Path) -> None:
    card = (bounded / "cells" / "README.md").read_text()
    assert "bounds violated" in card
    assert "rows have a bound in place of a value" in card
    assert "rows have weights from 1 to " in card
    parts = pd.read_csv(bounded / "cells" / "predictions.csv")
    assert set(parts["relation_cells"]) == {"=", "<", ">"}
    run("evaluate", bounded / "cells", bounded / "bounds.csv", "--out", bounded / "e", "--jobs", 1)
    metrics = json.loads((bounded / "e" / "metrics.json").read_text())
    for name, part in pd.read_csv(bounded / "e" / "predictions.csv").groupby("set"):
        values = part[part["relation_cells"] == "="]
        errors = values["predicted_cells"] - values["measured_cells"]
        found = metrics[name]["cells"]
        assert found["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)))
        assert found["count"] == len(values)
        assert found["bounds"] == len(part) - len(values)
        sides = part["relation_cells"].map({"=": 0, ">": 1, "<": -1})
        wrong = sides * (part["predicted_cells"] - part["measured_cells"]) < 0
        assert found["violations"] == pytest.approx(wrong.sum() / found["bounds"])


def test_a_column_of_relations_says_what_cells_do(bounded: Path) -> None:
    by_cell, by_column = (
        pd.read_csv(bounded / name / "predictions.csv").rename(columns=lambda c: c.split("_")[0])
        for name in ("cells", "column")
    )
    pd.testing.assert_frame_equal(by_cell, by_column)


def test_relations_are_read_as_in_training(bounded: Path) -> None:
    model, table, out = bounded / "column", bounded / "bounds.csv", bounded / "again"
    said = "relations are read from column 'how', as in training"
    assert said in run("evaluate", model, table, "--out", out, "--jobs", 1).output
    assert json.loads((out / "metrics.json").read_text())["molecules seen"]["y"]["bounds"] > 0
    page = ["--training", table, "--rows", 1, "--out", bounded / "page.html", "--jobs", 1]
    shown = run("explain", model, table, *page).output
    assert said in shown
    assert "nearer ones may be missing" not in shown
    few = bounded / "few.csv"
    pd.read_csv(table).head(20).to_csv(few, index=False)
    page[1] = few
    assert "molecules that the model has learned from: nearer" in run(
        "explain", model, table, *page
    ).output.replace("\n", " ")
    lacking = pd.read_csv(table).drop(columns="how")
    lacking.to_csv(bounded / "lacking.csv", index=False)
    assert said not in run("evaluate", model, bounded / "lacking.csv", "--jobs", 1).output
    assert relations_in_training(load_model(model)) == {"y": "how"}


def test_repeats_are_hinted_at(esol: MoleculeTable) -> None:
    table = esol.take(np.arange(20).repeat(2))
    kept = setup_data(table, [], DataConfig(), FeaturizerConfig())
    assert kept.notes[0].endswith("; --merge mean makes one row of each")
    merged = setup_data(table, [], DataConfig(merge="mean", weigh_merged=True), FeaturizerConfig())
    assert "--merge" not in merged.notes[0]
    assert merged.table.weights is not None
    assert merged.table.weights.tolist() == [2] * 20


def test_a_split_before_merging_that_fails_names_the_rows_that_cannot_be_used(
    tmp_path: Path,
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("smiles,y,set\nCCO,1,train\nCCO,2,test\nCCN,3,other\nC1CC,4,test\n")
    training = ["train", table, "--split-column", "set", "--merge", "mean", *QUICK]
    result = CliRunner().invoke(app, list(map(str, [*training, "--out", tmp_path / "m"])))
    assert re.search(r"got 'other'\n.* 1 row cannot be used\n.*'C1CC'", str(result.exception))


def test_logarithms_are_merged_as_such() -> None:
    smiles = ["C" * (1 + number) for number in range(20)]
    values = np.array([[0.1 + number] for number in range(20)])
    table = MoleculeTable("t", [*smiles, "C"], np.array([*values, [1000.0]]), ["y"])
    made = DataConfig(merge="mean")
    setup = setup_data(table, [], made, FeaturizerConfig(), transforms=["log10"])
    assert setup.table.targets[0, 0] == pytest.approx(10.0)
    np.testing.assert_array_equal(setup.table.targets[1:], values[1:])
    plain = setup_data(table, [], made, FeaturizerConfig())
    assert plain.table.targets[0, 0] == pytest.approx(500.05)


@pytest.mark.parametrize("first", [0, 20])
def test_no_value_of_the_test_set_is_merged_into_training(first: int) -> None:
    # Methane is in both sets, whichever row is the first.
    order = np.roll(np.arange(21), -first)
    smiles = ["C" * (1 + number) for number in range(20)] + ["C"]
    values = np.array([*range(20), 1000.0])[:, None]
    cells = ["train"] * 15 + ["test"] * 6
    table = MoleculeTable("t", smiles, values, ["y"], extra={"set": cells}).take(order)

    def setup(split: str, **options: str) -> DataSetup:
        return setup_data(
            table,
            [],
            DataConfig(merge="mean", split=split, split_options={"column": "set", **options}),
            FeaturizerConfig(),
        )

    kept = setup("column")
    assert len(kept.table) == 21
    assert [kept.table.smiles[row] for row in kept.split.train].count("C") == 1
    assert {kept.table.targets[row, 0] for row in kept.split.train} == {*map(float, range(15))}
    dropped = setup("column", leaks="drop")
    assert len(dropped.split.train) == 14
    with pytest.raises(BadValueError, match="one molecule into two sets"):
        setup("column", leaks="raise")
    with pytest.raises(BadValueError, match="a group split leaves the train set empty"):
        setup("group")  # The two groups share methane: they are one.


def test_a_column_of_relations_has_its_target(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("smiles,a,b,how\nC,1,2,=\nCC,2,3,=\n")
    several = ["--target", "a", "--target", "b", "--relation", "how"]
    wrong = CliRunner().invoke(
        app, ["train", str(tmp_path / "t.csv"), *several, "--out", str(tmp_path / "m")]
    )
    assert "--relation: expected TARGET=COLUMN of the targets a, b" in str(wrong.exception)
    named = ["--target", "a", "--relation", "c=how"]
    wrong = CliRunner().invoke(
        app, ["train", str(tmp_path / "t.csv"), *named, "--out", str(tmp_path / "m")]
    )
    assert "--relation: expected NAME=VALUE with a NAME of the targets a" in str(wrong.exception)


def test_bounds_that_merging_leaves_out_are_counted() -> None:
    smiles = ["C", "C", "CC", "CC", "CO", "CO", "CN", "CCC", "CCN", "CCO"]
    censored = np.array([1, -1, 1, 0, 1, 1, -1, 0, 0, 0], dtype=np.int8)[:, None]
    values = np.arange(10.0)[:, None]
    table = MoleculeTable("t", smiles, values, ["y"], censored=censored)
    setup = setup_data(table, [], DataConfig(merge="mean"), FeaturizerConfig())
    assert [note for note in setup.notes if note.startswith("2 molecules lost a bound")]


@pytest.mark.slow
def test_a_missing_measurement_has_no_relation(esol: MoleculeTable, tmp_path: Path) -> None:
    frame = pd.DataFrame({"smiles": esol.smiles[:60], "a": esol.targets[:60, 0]}, dtype=object)
    frame["b"] = frame["a"]
    frame.loc[::3, "b"] = ""
    frame.loc[1::3, "a"] = [f">{value}" for value in frame["a"][1::3]]
    frame.to_csv(tmp_path / "t.csv", index=False)
    several = ["--target", "a", "--target", "b", "--validation-fraction", 0.3]
    run("train", tmp_path / "t.csv", *several, "--out", tmp_path / "m", *QUICK)
    found = pd.read_csv(tmp_path / "m" / "predictions.csv")
    missing = found["measured_b"].isna()
    assert missing.any()
    assert found["relation_b"].isna().tolist() == missing.tolist()
    assert set(found["relation_b"][~missing]) == {"="}
