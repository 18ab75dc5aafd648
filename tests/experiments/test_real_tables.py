"""A laboratory table in a spec: bounds, weights, logarithms and names, from run to report."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnc_graph.data import MoleculeTable, SplitRecipe
from rnc_graph.data.bounds import exact
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import read_spec
from rnc_graph.experiments.datasets import load_datasets
from rnc_graph.experiments.digests import table_digest
from rnc_graph.experiments.progress import Progress
from rnc_graph.experiments.results import open_outcome
from rnc_graph.experiments.spec.sources import CsvData
from rnc_graph.reporting.report import write_report
from tests.run_and_write import Written, run_and_write

SPEC = """
name: real
seeds: 1
data:
  path: PATH
  targets: [ic50, sol]
  missing: true
  relation: {sol: how}
  weight: w
  id: compound
  transform: {ic50: log10}
encoders:
  gcn: {hidden_dim: 8, layers: 1}
regression: {epochs: 1}
pretraining: {epochs: 1}
reference: plain
methods:
  - name: plain
    pretraining: null
  - name: rnc
baselines: [mean, fingerprint-svr]
"""


@pytest.fixture(scope="module")
def spec(esol: MoleculeTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    y = esol.targets[:80, 0]
    frame = pd.DataFrame(
        {
            "compound": [f"C-{number}" for number in range(80)],
            "smiles": esol.smiles[:80],
            "ic50": 10**y,
            "sol": y,
            "how": "=",
            "w": 1 + np.arange(80) % 3,
        },
        dtype=object,
    )
    frame.loc[::5, "ic50"] = [f">{value}" for value in frame.loc[::5, "ic50"]]
    frame.loc[1::5, "how"] = "<"
    frame.loc[2::5, "sol"] = ""
    frame.loc[7, "ic50"] = ""  # No value at all.
    frame.to_csv(folder / "my.csv", index=False)
    (folder / "real.yaml").write_text(SPEC.replace("PATH", str(folder / "my.csv")))
    return folder / "real.yaml"


class Heard(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture(scope="module")
def written(spec: Path) -> Written:
    heard = Heard()
    written = run_and_write(read_spec(spec), spec.parent / "out", progress=heard)
    assert [text.partition("'ic50': ")[2] for text in heard.said if "'ic50'" in text] == [
        "16 of 79 rows have a bound in place of a value: 16 times >, 0 times <"
    ]
    return written


def test_bounds_weights_and_logarithms_are_what_networks_and_members_learn(spec: Path) -> None:
    data = load_datasets(read_spec(spec))
    (loaded,) = data.sets.values()
    table = loaded.table
    assert isinstance(table, MoleculeTable)
    assert len(table) == 79
    assert table.censored is not None
    assert table.weights is not None
    split = data.inputs()[loaded.digest].split(0, read_spec(spec).splits[""].recipe())
    train, learned = split.train.numpy(), split.targets.numpy()
    values = np.column_stack([np.log10(table.targets[:, 0]), table.targets[:, 1]])
    known = np.where(table.censored == 0, values, np.nan)
    mean, sd = np.nanmean(known[train], axis=0), np.nanstd(known[train], axis=0)
    np.testing.assert_allclose(learned[..., 0], (values - mean) / sd, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(learned[..., 1], table.censored)
    weights = table.weights / table.weights[train].mean()
    np.testing.assert_allclose(learned[..., 2], weights[:, None].repeat(2, 1), rtol=1e-6)
    np.testing.assert_array_equal(np.isnan(exact(split.targets).numpy()), np.isnan(known))
    np.testing.assert_allclose(split.true_targets, exact(split.targets))
    # A bound goes where its number goes.
    noisy = data.inputs()[loaded.digest].split(0, SplitRecipe(label_noise=1.0))
    moved = noisy.training_targets[:, 0], noisy.targets[noisy.train][:, 0, 1].tolist()
    assert sorted(zip(*moved, strict=True), key=str) == sorted(
        zip(table.targets[train, 0], table.censored[train, 0].tolist(), strict=True), key=str
    )
    np.testing.assert_allclose(noisy.true_targets, split.true_targets)


@pytest.mark.slow
def test_errors_are_those_of_values_alone_in_the_unit(written: Written) -> None:
    table = written.outcome.tables["my"]
    assert isinstance(table, MoleculeTable)
    folder = written.outcome.store.folder.parent
    frame = pd.read_csv(folder / "predictions.csv.gz")
    names = dict(zip(table.rows.tolist(), table.ids, strict=True))
    assert frame["id"].tolist() == [names[row] for row in frame["sample"]]
    assert set(frame["relation"].dropna()) == {"=", ">", "<"}
    assert frame["relation"].isna().equals(frame["measured"].isna())
    for run in written.outcome.runs:
        own = frame[(frame["method"] == run.method) & (frame["seed"] == run.seed)]
        for target, part in own.groupby("target"):
            values = part[part["relation"] == "="]
            errors = values["predicted"] - values["measured"]
            found = run.record["targets"][target]["test"]
            assert found["unit"]["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-4)
        assert (own.loc[own["target"] == "ic50", "predicted"] > 0).all()
    # The mean of logarithms.
    mean = frame.loc[(frame["method"] == "mean") & (frame["target"] == "ic50"), "predicted"]
    assert mean.nunique() == 1


@pytest.mark.slow
def test_the_report_opens_and_shows_no_bound_as_a_value(written: Written) -> None:
    folder = written.outcome.store.folder.parent
    again = open_outcome(folder)
    assert {run.key for run in again.runs} == {run.key for run in written.outcome.runs}
    write_report(folder)
    for name in ("report.html", "table.md"):
        text = (folder / name).read_text()
        assert "ic50: learned as log10" in text
        assert (
            "samples of the training set weighted by w; bounds are learned, and in no error" in text
        )


def test_what_is_learned_names_the_runs(spec: Path) -> None:
    (loaded,) = load_datasets(read_spec(spec)).sets.values()
    table = loaded.table
    assert isinstance(table, MoleculeTable)
    digests = {
        loaded.digest,
        table_digest(table),
        table_digest(replace(table, weights=None), loaded.transforms),
        table_digest(replace(table, censored=None), loaded.transforms),
    }
    assert len(digests) == 4
    # The names of rows only where a split is made by them.
    unnamed = replace(table, id_column="", extra={})
    assert table_digest(unnamed, loaded.transforms) == loaded.digest
    assert table_digest(table, loaded.transforms, ["compound"]) not in digests
    # A spec without these keys is stored as before there were any.
    plain = CsvData(path=Path("my.csv"), targets=["y"])
    assert set(plain.model_dump()) == {"path", "name", "smiles", "targets", "unit", "missing"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("relation: {sol: how}", "relation: {soil: how}", "expected one of ic50, sol, got 'soil'"),
        ("relation: {sol: how}", "relation: {sol: compound}", "line 2, column 'sol': its relation"),
        ("weight: w", "weight: sol", "weight: expected a column of neither a target nor .* 'sol'"),
        ("weight: w", "weight: smiles", "weight: expected a column of neither .* 'smiles'"),
        ("how}", "ic50}", "relation: expected a column of neither .* 'ic50'"),
        ("how}", "smiles}", "relation: expected a column of neither .* 'smiles'"),
        ("id: compound", "id: sol", "id: expected a column that is no target, got 'sol'"),
        ("weight: w", "weight: bad", "line 3, column 'bad': expected a positive weight, got 0"),
        ("log10}", "log10, sol: log10}", "row 1, column 'sol': expected a positive number for log"),
        ("log10}", "ln}", "transform"),
    ],
)
def test_what_cannot_be_read_is_named(
    spec: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    frame = pd.read_csv(spec.parent / "my.csv", dtype=str, keep_default_na=False)
    frame["bad"] = ["1", "0"] + ["1"] * 78
    frame.to_csv(tmp_path / "my.csv", index=False)
    text = SPEC.replace("PATH", str(tmp_path / "my.csv")).replace(old, new)
    (tmp_path / "real.yaml").write_text(text)
    with pytest.raises(RncGraphError, match=message):
        load_datasets(read_spec(tmp_path / "real.yaml"))
