"""Models from the shell: train, predict, embed, evaluate, and what goes wrong on the way."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnc_graph.cli.update import load_old
from rnc_graph.data import MoleculeTable
from rnc_graph.errors import RncGraphError
from rnc_graph.files import OWN_FILES
from rnc_graph.models.estimator import MoleculeRegressor
from rnc_graph.models.fingerprint_svr import FingerprintSVR
from rnc_graph.models.saving import PluginWarning
from rnc_graph.models.streaming import _free_names
from tests.shell import run, written

QUICK = ["--no-baselines", "--networks", "1", "--epochs", "1", "--pretraining-epochs", "1"]
QUICK += ["--jobs", "1"]
CHEAP = ["--no-descriptors", "--member", "fingerprint-svr"]
CHEAPEST = ["--no-baselines", "--networks", "0", *CHEAP, "--jobs", "1"]


@pytest.fixture(scope="module")
def folder(esol: MoleculeTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, one with two targets and further columns, and a model."""
    path = tmp_path_factory.mktemp("shell")
    y = esol.targets[:80, 0]
    cells = {"name": range(80), "smiles": esol.smiles[:80], "logS": y}
    frame = pd.DataFrame(cells, dtype=object)
    frame.loc[5, "smiles"] = "C("
    frame.loc[6, "logS"] = "high"
    frame.to_csv(path / "my.csv", index=False)
    frame = pd.DataFrame({"smiles": esol.smiles[:80], "a": y, "b": -y, "year": range(80)})
    frame.loc[::3, "b"] = np.nan
    frame["set"] = ["train"] * 60 + ["valid"] * 10 + ["test"] * 10
    frame.to_csv(path / "two.tsv", index=False, sep="\t")
    later = {"smiles": esol.smiles[80:100], "logS": esol.targets[80:100, 0]}
    pd.DataFrame(later).to_csv(path / "later.csv", index=False)
    (path / "empty.csv").write_text("smiles\n")
    (path / "reactions.csv").write_text("smiles,y\n" + "CC>>CCO,1\nCO>>C,2\n" * 20)
    named = ["train", str(path / "my.csv"), "--target", "logS", "--out", str(path / "model")]
    out = written(run(*named, *QUICK[1:]))
    assert "random forest on Morgan bits" in out
    assert "2 rows cannot be used" in out
    assert "row 6 (line 7), column 'smiles': 'C(': not a valid SMILES" in out
    assert "row 7 (line 8), column 'logS': 'high'" in out
    return path


def test_a_models_folder(folder: Path) -> None:
    files = {path.name for path in (folder / "model").iterdir()}
    assert files == {
        "README.md",
        "bad_rows.csv",
        "calibration.png",
        "config.json",
        "error_against_distance.png",
        "model.safetensors",
        "predictions.csv",
        "predictions.png",
        "split.json",
        "worst.png",
    }
    assert files <= OWN_FILES  # That --overwrite replaces.
    card = (folder / "model" / "README.md").read_text()
    assert "78 rows used, 2 rows left out" in card
    assert "training: 70 molecules, test: 8 molecules" in card
    assert "torch " in card
    for name in ("the model", "embedding-svr", "random forest on Morgan bits", "mean of the"):
        assert f"| logS | {name}" in card
    counts = [int(row.split(" | ")[2]) for row in card.splitlines() if "domain | " in row]
    assert sum(counts) == 8
    bad = pd.read_csv(folder / "model" / "bad_rows.csv")
    assert bad["row"].tolist() == [6, 7]
    parts = pd.read_csv(folder / "model" / "predictions.csv")["set"].value_counts()
    assert parts.to_dict() == {"out of fold": 14, "test": 8}


def test_members_are_chosen_and_weighted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FingerprintSVR, "largest", 40)
    named = ["train", str(folder / "my.csv"), "--target", "logS", "--jobs", "1", QUICK[0]]
    chosen = ["--member", "svr", "--member", "fingerprint-svr", "--weights", "stacked"]
    out = written(run(*named, *chosen, "--networks", "0", "--out", str(tmp_path / "model")))
    assert "fingerprint-svr learns from one in 2 of the 70 rows" in out
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["settings"]["descriptor_models"] == ["svr", "fingerprint-svr"]
    card = (tmp_path / "model" / "README.md").read_text()
    assert "fingerprint-svr learns from one in 2 of the 70 rows" in card


def test_why_too_few_rows_are_left_is_told(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text("smiles,y\nCCO,-1\nCCC,2\nCCN,-3\n")
    options = ["--target", "y", "--transform", "log10", "--out", str(tmp_path / "model")]
    result = run("train", str(tmp_path / "my.csv"), *options)
    assert isinstance(result.exception, RncGraphError)
    message = str(result.exception)
    assert message.startswith("1 different samples are too few for sets of")
    assert "row 1 (line 2), column 'y': '-1': not positive: it has no log10" in message
    assert not (tmp_path / "model").exists()


def test_new_columns_have_names_of_their_own() -> None:
    free = _free_names(["predicted_a", "predicted_a_2"], ["predicted_a"])
    assert free == {"predicted_a": "predicted_a_2", "predicted_a_2": "predicted_a_2_2"}


def test_networks_that_do_not_help_are_left_out_and_it_is_said(
    esol: MoleculeTable, tmp_path: Path
) -> None:
    table = pd.DataFrame({"smiles": esol.smiles[:120], "logS": esol.targets[:120, 0]})
    table.to_csv(tmp_path / "my.csv", index=False)
    network = ["--encoder", "gin", "--encoder-option", "hidden_dim=4", "--objective", "none"]
    members = ["--member", "svr", "--member", "fingerprint-svr", "--epochs", "1"]
    named = [str(tmp_path / "my.csv"), "--out", str(tmp_path / "model"), "--no-baselines"]
    out = written(run("train", *named, *network, *members, "--jobs", "1"))
    vain = "encoder, encoder_options, objective"
    assert f"no network is a member: it did not lower the error, so {vain}" in out
    card = (tmp_path / "model" / "README.md").read_text()
    assert "it did not lower the error, so" in card
    assert json.loads((tmp_path / "model" / "config.json").read_text())["settings"]["networks"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--networks", "-1"], "--networks: expected a number or auto, got '-1'"),
        (["--weights", "best"], "--weights: expected equal or stacked, got 'best'"),
        (
            ["--member", "forest"],
            "--member: expected svr, extra-trees, fingerprint-svr, fingerprint-trees, "
            "embedding-svr or gaussian-process, got 'forest'",
        ),
    ],
)
def test_members_that_there_are_not(
    folder: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    result = run("train", str(folder / "my.csv"), "--out", str(tmp_path / "model"), *options)
    assert isinstance(result.exception, RncGraphError)
    assert message in str(result.exception)


def test_predict_embed_and_evaluate(folder: Path, tmp_path: Path) -> None:
    model, table = str(folder / "model"), str(folder / "my.csv")
    predicting = ["predict", model, table, "--out", str(tmp_path / "p.csv"), "--jobs", "1"]
    told = written(run(*predicting, "--interval", "0.99"))
    assert told.count("logS: no intervals at 0.99: 14 molecules calibrate them") == 1
    assert "inf" not in (tmp_path / "p.csv").read_text()
    found = pd.read_csv(tmp_path / "p.csv")
    assert found[["low_logS", "high_logS"]].isna().all(axis=None)
    assert found["name"].tolist() == list(range(80))
    assert found["predicted_logS"].isna().tolist() == [row == 5 for row in range(80)]
    written(run("embed", model, table, "--out", str(tmp_path / "e.npy"), "--jobs", "1"))
    embedding = np.load(tmp_path / "e.npy")
    assert embedding.shape == (80, 384)
    assert np.isnan(embedding).any(axis=1).tolist() == [row == 5 for row in range(80)]
    written(run("embed", model, table, "--out", str(tmp_path / "e.csv"), "--jobs", "1"))
    np.testing.assert_allclose(
        pd.read_csv(tmp_path / "e.csv")[[f"e{i}" for i in range(embedding.shape[1])]],
        embedding,
        rtol=1e-5,
    )
    out = written(run("evaluate", model, table, "--out", str(tmp_path / "ev"), "--jobs", "1"))
    assert out.index("70 of 79 rows hold molecules of") < out.index("RMSE")
    metrics = json.loads((tmp_path / "ev" / "metrics.json").read_text())
    counts = {name: values["logS"]["count"] for name, values in metrics.items()}
    assert counts == {"new molecules": 8, "molecules seen": 70}
    assert {path.suffix for path in (tmp_path / "ev").iterdir()} == {".png", ".json", ".csv"}
    assert {path.name for path in (tmp_path / "ev").iterdir()} <= OWN_FILES
    assert "row 6 (line 7), column 'smiles': 'C(': not a valid SMILES" in out
    bad = pd.read_csv(tmp_path / "ev" / "bad_rows.csv")
    assert bad["row"].tolist() == [6, 7]


def test_models_are_compared(folder: Path, tmp_path: Path) -> None:
    model, table = str(folder / "model"), str(folder / "my.csv")
    out = written(run("compare", model, model, table, "--out", str(tmp_path / "c"), "--jobs", "1"))
    assert "70 rows left out: of molecules in the training or validation set of A (70 rows)" in out
    assert "logS, 8 rows, 8 molecules: the predictions have equal errors" in out
    assert {path.name for path in (tmp_path / "c").iterdir()} == {
        "comparison.md",
        "comparison.png",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "split",
    [
        ["--split-column", "set"],
        ["--split", "time", "--split-column", "year"],
        ["--split", "stratified", "--test-fraction", "0", "--validation-fraction", "0.2"],
    ],
)
def test_several_targets_and_other_splits(folder: Path, tmp_path: Path, split: list[str]) -> None:
    targets = ["--target", "a", "--target", "b"]
    table = str(folder / "two.tsv")
    out = written(run("train", table, *targets, *split, "--out", str(tmp_path / "m"), *CHEAPEST))
    card = (tmp_path / "m" / "README.md").read_text()
    assert "| b |" in card
    assert ("No test set was kept" in card) == ("--test-fraction" in split)
    saved = ["--split-file", str(tmp_path / "m" / "split.json")]
    again = written(run("train", table, *targets, *saved, "--out", str(tmp_path / "n"), *CHEAPEST))
    (sizes,) = (line for line in out.splitlines() if line.startswith("the table: "))
    assert ("validation: " in sizes) == ("time" not in split)
    assert sizes in again.splitlines()


@pytest.mark.slow
def test_one_target_of_a_data_set_with_several(tmp_path: Path) -> None:
    training = ["train", "photoswitch", "--target", "Z_n_pi", *CHEAPEST]
    written(run(*training, "--out", str(tmp_path / "m")))
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert config["targets"] == ["Z_n_pi"]
    wrong = run("train", "photoswitch", "--target", "Z_pi", "--out", str(tmp_path / "n"))
    assert "known: E_n_pi, E_pi_pi, Z_n_pi, Z_pi_pi" in str(wrong.exception)
    assert not (tmp_path / "n").exists()


PLUGIN = """
from torch import nn
from torch_geometric.nn import global_add_pool
from rnc_graph.encoders import ENCODERS, Encoder

@ENCODERS.register("own")
class Own(Encoder):
    inputs = "graphs"

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.embedding_dim = width
        self.layer = nn.Linear(9, width)

    def forward(self, batch):
        return self.layer(global_add_pool(batch.x.float(), batch.batch))
"""


@pytest.mark.slow
def test_a_model_with_an_encoder_of_a_plugin(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table, own = str(folder / "my.csv"), Path("own.py")
    own.write_text(PLUGIN)
    encoder = ["--plugin", "own.py", "--encoder", "own", "--encoder-option", "width=5"]
    # The members train in two processes, which load the plugin too.
    options = [*encoder, *CHEAP, *QUICK[:-1], "2"]
    written(run("train", table, "--target", "logS", *options, "--out", "m"))
    config = json.loads(Path("m/config.json").read_text())
    assert config["settings"]["encoder_options"] == {"width": 5}
    assert config["plugins"] == [
        {"file": "own.py", "sha256": hashlib.sha256(PLUGIN.encode()).hexdigest()}
    ]

    embedding = ["m", table, "--jobs", "1", "--out", "e.npy"]
    refused = run("embed", *embedding)
    assert "trained with the plugin 'own.py'" in str(refused.exception)
    written(run("embed", *embedding, "--plugin", "own.py"))
    assert np.load("e.npy").shape == (80, 5)
    written(run("evaluate", "m", table, "--jobs", "1", "--plugin", "own.py"))
    written(run("predict", "m", table, "--out", "p.csv", "--plugin", "own.py"))
    found = pd.read_csv("p.csv")["predicted_logS"]
    assert found.notna().sum() == 79

    model = MoleculeRegressor.load("m", plugins=[own])
    np.testing.assert_allclose(model.predict(["CCO"]), model.predict(["OCC"]))
    model.save("again")
    own.rename("renamed.py")
    assert MoleculeRegressor.load("again", plugins=["renamed.py"]).embed(["C"]).shape == (1, 5)
    with pytest.raises(RncGraphError, match=r"again/config.json: .* expected --plugin own.py"):
        MoleculeRegressor.load("again")
    own.write_text(PLUGIN.replace("global_add_pool", "global_mean_pool"))
    with pytest.warns(PluginWarning, match="'own.py' is not the one that the model was trained"):
        MoleculeRegressor.load("m", plugins=["own.py"])


@pytest.mark.slow
def test_a_module_is_imported_if_it_is_trusted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("own_encoders.py").write_text(PLUGIN.replace('@ENCODERS.register("own")\n', ""))
    table = str(folder / "my.csv")
    named = ["--encoder", "own_encoders.Own", "--target", "logS", "--out", "m"]
    written(run("train", table, *named, *QUICK, *CHEAP))
    for arguments in (
        ["predict", "m", table, "--out", "p.csv", "--jobs", "1"],
        ["embed", "m", table, "--out", "e.npy", "--jobs", "1"],
        ["evaluate", "m", table, "--jobs", "1"],
    ):
        refused = run(*arguments)
        assert "--trusted own_encoders" in str(refused.exception)
        written(run(*arguments, "--trusted", "own_encoders"))
    with pytest.raises(RncGraphError, match="--trusted own_encoders"):
        load_old(Path("m"), {})
    assert load_old(Path("m"), {"trusted": ["own_encoders"]}).targets == ["logS"]


def test_metrics_that_are_not_determined_are_null(folder: Path, tmp_path: Path) -> None:
    """Of one new molecule: no correlation, and too few calibrate its interval."""
    frame = pd.DataFrame({"smiles": ["C" * 40], "logS": [-9.0]})
    frame.to_csv(tmp_path / "one.csv", index=False)
    arguments = [str(folder / "model"), str(tmp_path / "one.csv"), "--jobs", "1"]
    out = written(run("evaluate", *arguments, "--interval", "0.99", "--out", str(tmp_path / "ev")))
    assert out.count("no intervals at 0.99") == 1

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    text = (tmp_path / "ev" / "metrics.json").read_text()
    metrics = json.loads(text, parse_constant=refuse)["new molecules"]["logS"]
    assert metrics["count"] == 1
    assert metrics["spearman"] is metrics["coverage"] is metrics["width"] is None
    assert not (tmp_path / "ev" / "bad_rows.csv").exists()


def test_what_a_killed_prediction_left_is_removed(folder: Path, tmp_path: Path) -> None:
    """By the next one into the same file; what a running process is writing stays."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / f".p.csv.{dead.pid}.rnc_graph.tmp"
    running = tmp_path / f".p.csv.{os.getppid()}.rnc_graph.tmp"
    for path in (left, running, tmp_path / ".p.csv.mine.tmp"):
        path.touch()
    table, out = str(folder / "my.csv"), str(tmp_path / "p.csv")
    written(run("predict", str(folder / "model"), table, "--out", out, "--jobs", "1"))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"p.csv", running.name, ".p.csv.mine.tmp"}


@pytest.mark.slow
def test_an_encoder_of_pyg_with_options(folder: Path, tmp_path: Path) -> None:
    path = "torch_geometric.nn.models.AttentiveFP"
    given = {"hidden_channels": 8, "num_layers": 2, "num_timesteps": 1, "dropout": 1e-1}
    written_as = given | {"dropout": "1e-1"}  # Text in YAML 1.1.
    options = [f"--encoder-option={key}={value}" for key, value in written_as.items()]
    options += ["--encoder", path, "--out", str(tmp_path / "m"), *CHEAP, *QUICK]
    options += ["--set", "head_epochs=1", "--set", "objective_options={temperature: 1.5}"]
    written(run("train", str(folder / "my.csv"), "--target", "logS", *options))
    model = MoleculeRegressor.load(tmp_path / "m")
    assert model.encoder_options == given
    assert (model.head_epochs, model.objective_options) == (1, {"temperature": 1.5})
    assert model.embed(["CCO"]).shape == (1, 8)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["train", "none.csv", "--out", "m"], r"none\.csv: no such file"),
        (["train", "my.csv", "--encoder", "gin", "--encoder", "gcn", "--out", "m"], "--encoder: "),
        (["predict", "model", "my.csv", "--out", "p.csv", "--jobs=1", "--jobs=2"], "--jobs: "),
        (["run", "a.yaml", "--encoder", "gin", "--encoder", "gcn"], "--encoder: expected one"),
        (["train", "my.csv", "--out", "model"], "is not empty"),
        (["train", "my.csv", "--target", "logs", "--out", "m"], "did you mean 'logS'"),
        (["train", "my.csv", "--out", "m"], r"'name', 'logS'.*--target"),
        (["train", "my.csv", "--encoder", "gni", "--out", "m"], "unknown encoder 'gni'"),
        (["train", "my.csv", "--encoder-option", "layers=03", "--out", "m"], "got 03"),
        (["train", "my.csv", "--encoder-option", "layers", "--out", "m"], "expected KEY=VALUE"),
        (["train", "my.csv", "--encoder-option", "layers=[", "--out", "m"], "is not YAML"),
        (
            ["train", "my.csv", "--encoder", "gin", "--encoder-option", "layer=2", "--out", "m"],
            "'layer'.*layers",
        ),
        (["train", "my.csv", "--set", "epochs=2", "--out", "m"], "--set epochs: has an option"),
        (
            ["train", "my.csv", "--set", "depth=2", "--out", "m"],
            "--set: unknown setting 'depth'; k",
        ),
        (["train", "my.csv", "--weigh-merged", "--out", "m"], "--weigh-merged: expected --merge"),
        (
            ["train", "my.csv", "--target", "logS", "--weight", "logS", "--out", "m"],
            "--weight: expected a column that is no --target, got 'logS'",
        ),
        (
            ["train", "my.csv", "--target", "logS", "--id", "logS", "--out", "m"],
            "--id: expected a column that is no --target, got 'logS'",
        ),
        (
            ["train", "my.csv", "--target", "logS", "--transform", "ln", "--out", "m"],
            "--transform: expected none or log10, got 'ln'",
        ),
        (["train", "my.csv", "--set", "views=yes", "--out", "m"], "views.*expected a number"),
        (["train", "my.csv", "--plugin", "gone.py", "--out", "m"], "gone.py: cannot be read"),
        (["train", "my.csv", "--objective", "rcn", "--out", "m"], "unknown objective 'rcn'"),
        (
            ["train", "my.csv", "--target", "logS", "--split", "scafold", "--out", "m"],
            "unknown split 'scafold'",
        ),
        (
            ["train", "my.csv", "--target", "logS", "--split", "group", "--out", "m"],
            "needs --split-column",
        ),
        (["train", "my.csv", "--merge", "sum", "--out", "m"], "--merge: expected no, mean"),
        (
            ["train", "my.csv", "--target", "logS", "--on-bad", "raise", "--out", "m"],
            "2 rows cannot be used",
        ),
        (
            ["train", "my.csv", "--target", "logS", "--test-fraction", "1", "--out", "m"],
            "must be positive",
        ),
        (["predict", "model", "empty.csv", "--out", "p.csv"], "has no rows below its header"),
        (["train", "reactions.csv", "--out", "m"], "no molecule is left"),
        (["train", "my.csv", "--target", "logS", "--test-fraction", "nan", "--out", "m"], "sum to"),
        (["predict", "none", "my.csv", "--out", "p.csv"], "none: no such folder"),
        (["predict", "model", "my.csv", "--smiles", "x", "--out", "p.csv"], "no column 'x'"),
        (["predict", "model", "my.csv", "--out", "my.csv"], "is the table that is read"),
        (
            ["predict", "none", "my.csv", "--interval", "90", "--out", "p.csv"],
            "--interval: expected a number between 0 and 1, got 90",
        ),
        (
            ["predict", "model", "my.csv", "--out", "p.xls"],
            r"\.csv, \.csv\.gz, \.parquet, \.xlsx, got '\.xls'",
        ),
        (["train", "my.csv", "--decimal", "x", "--out", "m"], "--decimal: expected"),
        (["train", "my.csv", "--leaks", "stop", "--out", "m"], "--leaks: expected keep, drop"),
        (["train", "my.csv", "--target", "logS", "--leaks", "drop", "--out", "m"], "--leaks needs"),
        (["embed", "model", "my.csv", "--out", "e.txt"], r"\.xlsx, \.npy, got '\.txt'"),
        (["evaluate", "model", "later.csv", "--out", "model"], "is the folder of a model"),
        (["evaluate", "model", "later.csv", "--out", "my.csv/e"], r"my\.csv is no folder, or read"),
        (["compare", "model", "model", "later.csv", "--out", "my.csv/c"], r"my\.csv is no folder"),
        (["evaluate", "model", "two.tsv"], r"no column 'logS'(.|\n)*--target TARGET=COLUMN"),
    ],
)
def test_mistakes_end_in_one_message_and_leave_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], reason: str
) -> None:
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    result = run(*arguments)
    assert isinstance(result.exception, RncGraphError), result.output
    assert result.exception.args
    with pytest.raises(RncGraphError, match=reason):
        raise result.exception
    assert sorted(folder.rglob("*")) == before


@pytest.mark.slow
def test_what_was_made_outlives_a_closed_pipe(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object, **__: object) -> None:
        raise BrokenPipeError

    for name in ("print_built", "print_evaluation", "print_table"):
        monkeypatch.setattr(f"rnc_graph.reporting.console.{name}", closed)
    table, model = folder / "my.csv", tmp_path / "model"
    commands = (
        ["train", table, "--target", "logS", "--out", model, *CHEAPEST],
        ["evaluate", model, table, "--out", tmp_path / "evaluation", "--jobs", "1"],
        ["compare", model, model, folder / "later.csv", "--out", tmp_path / "comparison"],
    )
    for command in commands:
        result = run(*command)
        assert isinstance(result.exception, BrokenPipeError), result.output
    load_old(model, {})
    assert (tmp_path / "evaluation" / "metrics.json").exists()
    assert (tmp_path / "comparison" / "comparison.md").exists()
