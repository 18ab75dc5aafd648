"""Two models on the same molecules, and what is left out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnc_graph import MoleculeRegressor
from rnc_graph.errors import RncGraphError
from rnc_graph.metrics.regression import regression_metrics
from rnc_graph.metrics.statistics import holm
from rnc_graph.models import MoleculeModel, compare_models
from rnc_graph.models.comparison import compare_errors, error_shares
from rnc_graph.reporting.comparisons import comparison_notes

CHAIN = ["C" * length + "O" for length in range(1, 31)]
LENGTH = np.arange(1.0, 31.0)
NEW = ["C" * length + "N" for length in range(3, 23)]
QUICK = {"networks": 0, "descriptors": False, "descriptor_models": ["fingerprint-svr"]}


@pytest.fixture(scope="module")
def model() -> MoleculeModel:
    return MoleculeRegressor(**QUICK).fit(CHAIN, LENGTH).model_


@pytest.fixture(scope="module")
def worse() -> MoleculeModel:
    """Of half of the molecules, and of noise."""
    noise = np.random.default_rng(0).normal(scale=20, size=15)
    return MoleculeRegressor(**QUICK).fit(CHAIN[::2], LENGTH[::2] + noise).model_


def test_the_better_model_is_found(model: MoleculeModel, worse: MoleculeModel) -> None:
    y = np.arange(3.0, 23.0)
    found = compare_models(model, worse, [*CHAIN, *NEW, "C("], np.concatenate([LENGTH, y, [1.0]]))
    assert found.seen == (30, 15, 30)
    assert [molecule.row for molecule in found.bad] == [50]
    (one,) = found.targets
    assert len(one.y_true) == 20
    rmse = one.differences["rmse"]
    assert rmse.mean == pytest.approx(one.errors["rmse"][1] - one.errors["rmse"][0])
    assert rmse.mean > 0
    assert rmse.p_holm is not None
    assert rmse.p_holm < 0.05
    with pytest.raises(RncGraphError, match="new to both models, got none: 30 of 30 rows"):
        compare_models(model, worse, CHAIN, LENGTH)


def test_a_target_is_tested_once_whatever_its_scales() -> None:
    """Two targets, of which both models learn one as its logarithm, are two tests and not three."""
    two = np.arange(3.0, 23.0)[:, None].repeat(2, axis=1)
    several = [
        MoleculeRegressor(**QUICK, target_transform=["none", "log10"])
        .fit(smiles, np.column_stack([y, np.abs(y) + 1]))
        .model_
        for smiles, y in ((CHAIN, LENGTH), (CHAIN[::2], LENGTH[::-2]))
    ]
    plain, unit, logarithm = compare_models(*several, NEW, two).targets
    assert logarithm.name == f"log10 of {unit.name}"
    for error in ("rmse", "mae"):
        tested = [plain.differences[error], logarithm.differences[error]]
        assert unit.differences[error].p_holm is None
        assert [one.p_holm for one in tested] == pytest.approx(holm([one.p for one in tested]))
    notes = comparison_notes(compare_models(*several, NEW, two), {"A": "A", "B": "B"})
    assert [note.partition(",")[0] for note in notes[:-1]] == [plain.name, logarithm.name]


def test_bounds_are_in_no_error(model: MoleculeModel, worse: MoleculeModel) -> None:
    y, censored = np.arange(3.0, 23.0), np.zeros((20, 1), dtype=np.int8)
    y[:5], censored[:5] = 1e6, 1
    (one,) = compare_models(model, worse, NEW, y, censored=censored).targets
    assert len(one.y_true) == 15
    assert one.errors["rmse"][0] < 100


def test_rows_that_one_of_the_models_cannot_read_are_counted(model: MoleculeModel) -> None:
    cleaning = MoleculeRegressor(**QUICK, clean=True).fit(CHAIN, LENGTH).model_
    smiles = ["CCBr", "[Na+].[Cl-]", "C(", "CCI"]
    measured = np.array([[2.0], [0.0], [0.0], [3.0]])
    for pair in ((model, cleaning), (cleaning, model)):
        found = compare_models(*pair, smiles, measured)
        assert [molecule.row for molecule in found.bad] == [1, 2]
        assert len(found.targets[0].y_true) == 2


def test_models_that_cannot_be_compared(model: MoleculeModel) -> None:
    other = replace(model, targets=["other"])
    with pytest.raises(RncGraphError, match="a target in common, got target and other"):
        compare_models(model, other, NEW, LENGTH[:20])
    with pytest.raises(RncGraphError, match=r"20 rows and a column .* target, got .* \(1, 20\)"):
        compare_models(model, model, NEW, LENGTH[None, :20])
    units = replace(model, units=["nM"]), replace(model, units=["uM"])
    with pytest.raises(RncGraphError, match="one unit in both models, got nM and uM"):
        compare_models(*units, NEW, LENGTH[:20])


@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.integers(0, 5)), min_size=1, max_size=20),
)
def test_the_mean_over_molecules_is_the_metric(rows: list[tuple[float, int]]) -> None:
    errors = np.array([error for error, _ in rows])
    _, molecules = np.unique([molecule for _, molecule in rows], return_inverse=True)
    expected = regression_metrics(np.zeros(len(errors)), errors)
    for name, shares in error_shares(errors, molecules).items():
        assert len(shares) == molecules.max() + 1
        np.testing.assert_allclose(shares.mean(), expected[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("metric", ["rmse", "mae"])
def test_a_compound_measured_often_has_the_weight_of_its_rows_and_no_more(metric: str) -> None:
    """Where the difference is the same in every row, no choice of molecules changes it."""
    molecules = np.array([*range(9), *[9] * 60])
    one, two = (error_shares(e * np.ones(69), molecules)[metric] for e in (2, 1))
    assert two - one == pytest.approx(-1)
    # And otherwise the standard error is that of leaving out one molecule at a time.
    rng = np.random.default_rng(0)
    molecules = np.arange(80).repeat(rng.integers(1, 9, 80))
    errors = rng.normal(size=(2, len(molecules))) + rng.normal(size=(2, 80))[:, molecules]

    def difference(rows: np.ndarray) -> float:
        values = [regression_metrics(np.zeros(rows.sum()), e[rows])[metric] for e in errors]
        return values[1] - values[0]

    left_out = np.array([difference(molecules != molecule) for molecule in range(80)])
    jackknife = np.sqrt(79 / 80 * ((left_out - left_out.mean()) ** 2).sum())
    one, two = (error_shares(e, molecules)[metric] for e in errors)
    assert (two - one).std(ddof=1) / 80**0.5 == pytest.approx(jackknife, rel=0.1)


def test_rows_of_a_molecule_are_one_observation() -> None:
    """Ten copies of each row leave the p value as it is."""
    rng = np.random.default_rng(0)
    y, first, second = rng.normal(size=(3, 12))
    molecules = np.arange(12)
    once = compare_errors(y, {"b": second}, first, molecules)["b"]
    tenfold = (np.repeat(x, 10) for x in (y, first, second, molecules))
    copies, of_first, of_second, own = tenfold
    again = compare_errors(copies, {"b": of_second}, of_first, own)["b"]
    assert again.n == 12
    assert again.p == pytest.approx(once.p)
