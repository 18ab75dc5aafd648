"""A description of a table: repeats, limits, units, structures."""

import numpy as np
import pytest

from rnc_graph.data import MoleculeTable, describe
from rnc_graph.data.description import QUANTILES
from rnc_graph.data.duplicates import TOLERANCE
from rnc_graph.data.featurizer import FeaturizerConfig
from rnc_graph.models.build import DataConfig, setup_data


def table(smiles: list[str], values: list[float]) -> MoleculeTable:
    return MoleculeTable("my.csv", smiles, np.array(values)[:, None], ["y"], "nM")


def test_repeats_estimate_the_error_of_the_measurement() -> None:
    found = describe(table(["CO", "OC", "CC", "CC", "C"], [1, 3, 5, 5, 9]), structures=False)
    (target,) = found.targets
    assert (target.unit, target.repeated) == ("nM", 2)
    # Deviations of 1, 1, 0 and 0 with two degrees of freedom.
    assert target.repeat_sd == pytest.approx(1.0)
    assert target.other_units == 0
    assert found.structures is None
    assert np.isnan(describe(table(["CO", "C"], [1, 2]), structures=False).targets[0].repeat_sd)


def test_repeats_conflict_as_they_do_in_training() -> None:
    """The same rows are counted, by the same tolerance, before and by a training."""
    smiles = ["CO", "OC", "CC", "CC", "C", "CCC", "C1CC"]
    repeated = table(smiles, [1.0, 1.1, 5.0, 9.0, 0.0, 10.0, 1.0])
    found = describe(repeated, structures=False)
    assert (found.repeated, found.conflicts) == (2, 1)
    trained = setup_data(repeated, [], DataConfig(fractions=(1, 0, 0)), FeaturizerConfig())
    assert trained.notes[0].startswith(
        f"2 molecules are in several rows; the values of 1 differ by more than {TOLERANCE}"
    )


def test_values_that_pile_up_at_a_limit_are_found() -> None:
    chains = ["C" * length for length in range(1, 101)]
    capped = np.minimum(np.arange(100.0), 80)
    assert describe(table(chains, capped.tolist()), structures=False).targets[0].limits == [
        (80.0, 20)
    ]
    years = (np.arange(100) // 10).astype(float)  # All values have as many rows.
    assert describe(table(chains, years.tolist()), structures=False).targets[0].limits == []


@pytest.mark.parametrize(("second", "mixed"), [(2000.0, 1), (5.0, 1), (700.0, 0)])
def test_repeats_a_factor_of_a_thousand_apart_may_have_other_units(
    second: float, mixed: int
) -> None:
    found = describe(table(["CO", "OC", "C"], [2.0, second, 1.0]), structures=False)
    assert found.targets[0].other_units == mixed
    wavelengths = describe(table(["CO", "OC", "C"], [302.0, 305.0, 1.0]), structures=False)
    assert wavelengths.targets[0].other_units == 0


def test_structures_are_those_of_different_molecules() -> None:
    smiles = ["c1ccccc1C", "Cc1ccccc1", "c1ccccc1O", "C[C@H](O)F", "CC(O)F", "[Na+].[Cl-]", "C1CC"]
    found = describe(table(smiles, [float(n) for n in range(7)]))
    structures = found.structures
    assert structures is not None
    assert (found.rows, found.molecules, len(found.bad)) == (7, 5, 1)
    assert found.targets[0].n_values == 6  # As many as a model can learn from.
    assert (structures.salts, structures.chiral, structures.unspecified) == (1, 1, 1)
    assert structures.atoms[[0, QUANTILES.index(0.5), -1]].tolist() == [2, 4, 7]
    assert (structures.scaffolds, structures.single, structures.largest) == (2, 0, ("", 3))
    assert structures.nearest_set
    assert 0 < structures.similarity <= 1
