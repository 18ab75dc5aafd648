"""A file with every kind of spoiled row: each row is answered, or named."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnc_graph import MoleculeRegressor
from rnc_graph.data import MoleculeTable, load_dataset
from rnc_graph.data.featurizer import FeaturizerConfig
from rnc_graph.data.reading.molecules import read_molecules
from rnc_graph.data.reading.strict import read_csv
from rnc_graph.errors import RncGraphError
from rnc_graph.models import MoleculeModel
from rnc_graph.models.build import DataConfig, setup_data
from rnc_graph.models.streaming import predict_file
from tests.data.spoiled import NO_NUMBER, UNREADABLE, write_spoiled

ROWS = 2_500  # More than two blocks.
FILES = pytest.mark.parametrize(
    ("byte_order_mark", "line_end"),
    [(False, "\n"), pytest.param(True, "\r\n", marks=pytest.mark.slow)],
    ids=["plain", "windows"],
)


@pytest.fixture(scope="module")
def model(esol: MoleculeTable) -> MoleculeModel:
    quick = MoleculeRegressor(
        networks=1,
        descriptors=False,
        descriptor_models=[],
        encoder="gin",
        encoder_options={"hidden_dim": 8, "layers": 1},
        objective=None,
        epochs=1,
    )
    return quick.fit(esol.smiles[:100], esol.targets[:100, 0]).model_


@pytest.mark.slow
@FILES
def test_every_row_is_predicted_or_says_why_not(
    tmp_path: Path, model: MoleculeModel, byte_order_mark: bool, line_end: str
) -> None:
    path = tmp_path / "spoiled.csv"
    options = {"byte_order_mark": byte_order_mark, "line_end": line_end}
    kinds = write_spoiled(path, rows=ROWS, spoiled=120, **options)
    report = predict_file(model, path, tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert len(found) == report.rows == ROWS
    esol = load_dataset("esol").smiles
    for row, (smiles, predicted, problem) in enumerate(
        zip(found["smiles"], found["predicted_target"], found["problem"], strict=True), start=1
    ):
        kind = kinds.get(row)
        if kind is None:
            # Its own cells, in its own place.
            assert (smiles, problem) == (esol[row % len(esol)], "")
        assert (problem != "") == (kind in UNREADABLE), (row, kind, problem)
        assert (predicted == "") == (kind in UNREADABLE), (row, kind)
    assert report.problems == sum(kind in UNREADABLE for kind in kinds.values())


@pytest.mark.slow
@FILES
def test_training_names_the_bad_rows_and_goes_on_or_stops(
    tmp_path: Path, byte_order_mark: bool, line_end: str
) -> None:
    path = tmp_path / "spoiled.csv"
    options = {"byte_order_mark": byte_order_mark, "line_end": line_end}
    kinds = write_spoiled(path, rows=ROWS, spoiled=120, **options)
    left_out = {row for row, kind in kinds.items() if kind in UNREADABLE or kind in NO_NUMBER}
    without_value = {row for row, kind in kinds.items() if kind == "missing number"}
    table, bad, _ = read_molecules(path)
    setup = setup_data(table, bad, DataConfig(), FeaturizerConfig())
    assert {row.row for row in setup.bad} == left_out - without_value
    assert f"{len(without_value)} rows have no value" in setup.notes
    assert all(row.reason for row in setup.bad)
    # A row's line is one more than its number: the header's.
    assert all(row.line == row.row + 1 for row in setup.bad)
    assert len(setup.table) == ROWS - len(left_out)
    assert not set(setup.table.rows.tolist()) & left_out
    parts = setup.split
    everything = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(everything) == list(range(len(setup.table)))
    with pytest.raises(RncGraphError, match=f"{len(setup.bad)} rows cannot be used"):
        setup_data(table, bad, DataConfig(on_bad="raise"), FeaturizerConfig())


def test_a_row_that_is_spoiled_keeps_its_whole_text(tmp_path: Path, model: MoleculeModel) -> None:
    line = "CCN,a remark with a comma, " + "and much more to say " * 9
    (tmp_path / "in.csv").write_text(f"smiles,note\nCCO,fine\n{line}\n")
    predict_file(model, tmp_path / "in.csv", tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert found["smiles"].tolist() == ["CCO", line]
    with pytest.raises(RncGraphError, match=r"and much\.\.\.'$"):
        read_csv(tmp_path / "in.csv")


def test_cells_that_a_spreadsheet_would_compute_stay_as_they_are(
    tmp_path: Path, model: MoleculeModel
) -> None:
    cells = ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")']
    frame = pd.DataFrame({"smiles": ["CCO"] * len(cells), "name": cells})
    frame.to_csv(tmp_path / "in.csv", index=False)
    predict_file(model, tmp_path / "in.csv", tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv", dtype=str)["name"].tolist() == cells
