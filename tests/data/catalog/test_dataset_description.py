import numpy as np
import pytest

from rnc_graph.data import MoleculeTable
from rnc_graph.data.catalog import DatasetCard, NamedDataset, describe_dataset
from rnc_graph.data.catalog.description import describe
from rnc_graph.data.description import BINS
from rnc_graph.data.splits import Split


def _small() -> NamedDataset:
    """Six rows: one is no molecule, ethanol stands three times, benzene twice."""
    card = DatasetCard(
        name="small",
        title="",
        rows=6,
        smiles="",
        targets=["a", "b"],
        unit="",
        source="",
        license="",
    )
    nan = np.nan
    targets = [[1.0, nan], [2.0, 5.0], [3.0, 6.0], [1.0, 7.0], [nan, 6.0], [1.5, nan]]
    smiles = ["OCC", "C1CC", "c1ccccc1", "CCO", "C1=CC=CC=C1", "C(O)C"]
    table = MoleculeTable("small", smiles, np.array(targets), ["a", "b"])
    split = Split(np.arange(4), np.arange(0), np.arange(4, 6))
    return NamedDataset(card, table, split, {"cliff": np.arange(6) > 3})


def test_rows_gaps_and_repeats_are_counted() -> None:
    found = describe(_small())
    assert (found.rows, found.molecules) == (6, 2)
    assert [(bad.row, bad.smiles) for bad in found.bad] == [(1, "C1CC")]
    assert found.repeated == 2
    assert found.conflicts == 1  # Ethanol: 1, 1 and 1.5; benzene's rows agree where both have one.
    assert found.set_sizes == {"train": 4, "test": 2}
    assert found.subsets == {"cliff": 2}
    assert [(t.name, t.n_values, t.missing) for t in found.targets] == [("a", 4, 1), ("b", 3, 2)]


def test_labels_are_those_that_were_measured() -> None:
    first, second = describe(_small()).targets
    assert first.quantiles[[0, 3, -1]].tolist() == [1.0, 1.25, 3.0]
    assert first.mean == pytest.approx(1.625)
    assert first.sd == pytest.approx(np.std([1.0, 3.0, 1.0, 1.5]))
    assert (len(first.counts), len(first.edges)) == (BINS, BINS + 1)
    assert (first.counts.sum(), second.counts.sum()) == (4, 3)
    assert (second.edges[0], second.edges[-1]) == (6.0, 7.0)


def test_esol_has_repeats_in_conflict() -> None:
    found = describe_dataset("esol")
    assert (found.rows, found.bad, found.repeated, found.conflicts) == (1128, [], 11, 1)
    assert found.targets[0].quantiles[[0, -1]].tolist() == [-11.6, 1.58]
