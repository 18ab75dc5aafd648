"""Axes, exclusions and inclusions; what the axes of the split do to the data."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnc_graph.data import MoleculeTable, SplitRecipe
from rnc_graph.data.recipe import within
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import ExecutionConfig, read_spec
from rnc_graph.experiments.forecast import forecast
from tests.run_and_write import run_and_write

GRID = """
name: grid
data: {path: molecules.csv, smiles: smiles, targets: [logS]}
seeds: 2
reference: "plain, L1"
encoders:
  gcn: {hidden_dim: 8, layers: 1}
pretraining: {epochs: 1}
regression: {epochs: 2}
grid:
  objective: {none: null, RnC: {name: rnc, temperature: 1.0}}
  head_loss: [l1, l2]
  freeze: [true, false]
  train_size: [0.5, 1.0]
exclude:
  - {head_loss: l2, train_size: 0.5}
include:
  - {objective: supcon, head_loss: l1, train_size: 1.0}
"""


def test_a_grid_is_spelt_out(folder: Path):
    (folder / "grid.yaml").write_text(GRID)
    experiment = read_spec(folder / "grid.yaml")
    rows: dict[str, list[str]] = {}
    for point in experiment.grid_points():
        rows.setdefault(point.split, []).append(point.method.name)
    l1 = ["plain, L1", "RnC, L1, frozen", "RnC, L1, fine-tuned"]
    l2 = ["plain, L2", "RnC, L2, frozen", "RnC, L2, fine-tuned"]
    assert sorted(rows["train_size=0.5"]) == sorted(l1)
    assert sorted(rows["train_size=1.0"]) == sorted([*l1, *l2, "supcon, L1"])
    by_name = {method.name: method for method in experiment.methods}
    assert by_name["RnC, L2, frozen"].regression.freeze
    assert by_name["RnC, L2, frozen"].regression.head_loss == "l2"
    assert by_name["RnC, L1, frozen"].pretraining.objective.model_extra == {"temperature": 1.0}
    assert by_name["plain, L2"].pretraining is None
    assert by_name["plain, L2"].regression.epochs == 3, "those of both stages"
    assert experiment.splits["train_size=0.5"].train_size == 0.5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("freeze: [true, false]", 'freeze: ["no"]', "freeze: expected true or false, got ['no']"),
        ("head_loss: [l1, l2]", "loss: [l1]", "line 12: grid.loss: unknown axis; known: objective"),
        ("train_size: [0.5, 1.0]", "train_size: []", "grid.train_size: expected a list of values"),
        ("{head_loss: l2,", "{head: l2,", "exclude.0: unknown axis 'head'; known: "),
        ("train_size: 0.5}", "train_size: 0.7}", "exclude.0: 0.7 is not on axis 'train_size'"),
        ("[0.5, 1.0]", "[0.0, 1.0]", "grid.train_size: Input should be greater"),
        (
            "{head_loss: l2, train",
            "{head_loss: l1, train",
            "line 10: grid: 'plain, L2' is compared with",
        ),
        (
            "[l1, l2]",
            "[l1, l3]",
            "grid.head_loss: Input should be 'l1', 'l2', 'huber' or 'cross-entropy', got 'l3'",
        ),
    ],
)
def test_mistakes_in_a_grid_are_told(folder: Path, old: str, new: str, message: str):
    assert old in GRID
    (folder / "grid.yaml").write_text(GRID.replace(old, new))
    with pytest.raises(RncGraphError) as told:
        read_spec(folder / "grid.yaml")
    assert message in str(told.value)


def test_an_encoder_with_weights_is_frozen_without_an_objective_too(folder: Path):
    text = GRID.replace("gcn: {hidden_dim: 8, layers: 1}", "gin-moses: {}").replace(
        "plain, L1", "plain, L1, fine-tuned"
    )
    path = folder / "grid.yaml"
    path.write_text(text)
    frozen = {m.name: m.regression.freeze for m in read_spec(path).methods}
    assert frozen["plain, L1, frozen"]
    assert not frozen["plain, L1, fine-tuned"]
    # A random encoder is not.
    path.write_text(text.replace("gin-moses: {}", "gin-moses: {}\n  gcn: {}"))
    message = "line 14: grid.freeze: freeze without .* a random encoder, 'gcn'; .* `exclude`"
    with pytest.raises(RncGraphError, match=message):
        read_spec(path)
    out = "exclude:\n  - {encoder: gcn, objective: none, freeze: true}"
    path.write_text(path.read_text().replace("exclude:", out))
    points = read_spec(path).grid_points()
    kept = {p.encoder for p in points if p.method.name == "plain, L1, frozen"}
    assert kept == {"gin-moses"}


@pytest.mark.parametrize(
    ("include", "only"),
    [
        ("[{objective: rince, train_size: [0.5, 1.0], head_loss: l1}]", {"train_size": [0.5, 1.0]}),
        # Here, and everywhere: that is everywhere.
        ("[{objective: rince, train_size: 0.5}, {objective: rince}]", {}),
        ("[{objective: {name: rince, tau_max: 0.5}, head_loss: l1}]", {}),
    ],
)
def test_a_row_that_is_included(folder: Path, include: str, only: dict[str, object]):
    (folder / "grid.yaml").write_text(f"{GRID[: GRID.index('include:')]}include: {include}\n")
    found = [m for m in read_spec(folder / "grid.yaml").methods if "rince" in m.name]
    assert [method.only for method in found] == [only]


def test_names_of_the_grid_are_known_in_what_is_included(folder: Path):
    """They mean the same as in what is excluded, and the row is called after them."""
    grid = GRID[: GRID.index("exclude:")].replace(
        "freeze: [true, false]", "freeze: {frozen: true, tuned: false}\n  temperature: [1.0, 2.0]"
    )
    include = "include: [{objective: RnC, temperature: 4.0, freeze: tuned}]\n"
    (folder / "grid.yaml").write_text(grid + include)
    (found,) = (m for m in read_spec(folder / "grid.yaml").methods if "T=4.0" in m.name)
    assert found.name == "RnC, T=4.0, tuned"
    assert not found.regression.freeze
    assert found.pretraining.objective.model_dump() == {"name": "rnc", "temperature": 4.0}


def test_one_row_at_two_places_is_one_entry(folder: Path):
    include = "[{objective: rince, train_size: 0.5}, {objective: rince, train_size: 1.0}]"
    (folder / "grid.yaml").write_text(f"{GRID[: GRID.index('include:')]}include: {include}\n")
    with pytest.raises(RncGraphError, match="include: two entries make the method 'rince'"):
        read_spec(folder / "grid.yaml")


@pytest.mark.slow
def test_a_forecast_counts_and_writes_nothing(folder: Path):
    (folder / "grid.yaml").write_text(GRID)
    experiment = read_spec(folder / "grid.yaml")
    found = forecast(experiment, folder / "out", ExecutionConfig(jobs=2))
    assert not (folder / "out").exists()
    assert sum(line.seeds for line in found.lines) == 2 * (3 + 7)
    # Pretrainings: RnC at both sizes, SupCon at one, for two seeds.
    assert found.missing == found.tasks == 20 + 6
    assert found.seconds > 0
    run_and_write(experiment, folder / "out", execution=ExecutionConfig(jobs=2))
    after = forecast(experiment, folder / "out", ExecutionConfig(jobs=2))
    assert (after.missing, after.seconds) == (0, 0.0)
    assert sum(line.done for line in after.lines) == 20


COUNTED = """
from rnc_graph.encoders import GCN

class Counted(GCN):
    calls = 0

    def forward(self, batch):
        Counted.calls += 1
        return super().forward(batch)
"""


def test_encoders_of_molecules_are_timed_on_one_data_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(folder)
    (folder / "counted.py").write_text(COUNTED)
    lines = (folder / "molecules.csv").read_text().splitlines(keepends=True)
    (folder / "fewer.csv").write_text("".join(lines[:-5]))
    fewer = "{path: fewer.csv, smiles: smiles, targets: [logS]}"
    text = GRID.replace("data: {", f"data: [{fewer}, {{").replace("[logS]}\n", "[logS]}]\n")
    text = text.replace("gcn: {", "gcn: {class: counted.Counted, ")
    (folder / "grid.yaml").write_text(text.replace("plain, L1", "plain, L1, fine-tuned"))
    found = forecast(read_spec(folder / "grid.yaml"), folder / "out", ExecutionConfig(jobs=1))
    assert {line.data for line in found.lines} == {"fewer", "molecules"}
    assert found.missing == found.tasks > 0
    assert sys.modules["counted"].Counted.calls == 4
    monkeypatch.delitem(sys.modules, "counted")


def _table(count: int) -> MoleculeTable:
    labels = np.random.default_rng(0).normal(size=(count, 1))
    return MoleculeTable("made", ["C" * (n + 1) for n in range(count)], labels, ["y"])


@given(size=st.floats(0.05, 1.0), smaller=st.floats(0.05, 1.0), seed=st.integers(0, 99))
def test_smaller_training_parts_are_parts_of_larger_ones(size: float, smaller: float, seed: int):
    table = _table(50)
    sizes = sorted((smaller, size))
    few, many = (SplitRecipe(train_size=s).split(table, seed) for s in sizes)
    whole = SplitRecipe().split(table, seed)
    assert set(few.train.tolist()) <= set(many.train.tolist()) <= set(whole.train.tolist())
    assert few.test.tolist() == whole.test.tolist()
    assert few.validation.tolist() == whole.validation.tolist()
    assert len(many.train) == max(2, round(sizes[1] * 40))


@pytest.mark.slow
@given(noise=st.floats(0, 1), seed=st.integers(0, 99))
def test_noise_moves_labels_of_the_training_part_alone(noise: float, seed: int):
    table = _table(50)
    split = SplitRecipe(label_noise=noise).split(table, seed)
    train = split.train.numpy()
    assert sorted(split.training_targets[:, 0]) == sorted(table.targets[train, 0])
    moved = int((split.training_targets != table.targets[train]).sum())
    assert moved == (0 if round(noise * 40) < 2 else round(noise * 40))
    others = np.setdiff1d(np.arange(50), train)
    restored = split.scaler.restore(split.targets.double().numpy())
    np.testing.assert_allclose(restored[others], table.targets[others], atol=1e-6)


@pytest.mark.parametrize("band", [(0.0, 0.2), (0.4, 0.6), (0.8, 1.0)])
def test_a_band_of_labels_is_for_the_test_part_alone(band: tuple[float, float]):
    table = _table(200)
    split = SplitRecipe(unseen=band).split(table, 3)
    whole = SplitRecipe().split(table, 3)
    low, high = split.band
    label = table.targets[:, 0]
    for part in ("train", "validation"):
        rows = getattr(split, part).numpy()
        assert not ((label[rows] >= low) & (label[rows] < high)).any()
    assert split.test.tolist() == whole.test.tolist()
    assert len(split.train) == pytest.approx(0.8 * 160, abs=2)


@pytest.mark.parametrize(("quantiles", "extreme"), [((0.0, 0.2), "min"), ((0.8, 1.0), "max")])
def test_a_band_at_an_end_has_no_limit_there(quantiles: tuple[float, float], extreme: str) -> None:
    table = _table(60)
    labels = table.targets[:, 0]
    outermost = int(getattr(np, f"arg{extreme}")(labels))
    seeds = [SplitRecipe(unseen=quantiles).split(table, seed) for seed in range(20)]
    for split in seeds:
        assert split.band is not None
        assert within(labels[[outermost]], split.band).all()
        assert outermost not in [*split.train.tolist(), *split.validation.tolist()]
    # Also where the training set, of which the quantiles are, had not had it.
    assert any(outermost in split.test.tolist() for split in seeds)
