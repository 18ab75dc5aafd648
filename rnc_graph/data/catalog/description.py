"""What is inside a data set: its rows, gaps, repeats and the spread of its labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.catalog.card import DatasetCard
from rnc_graph.data.catalog.load import load_named_dataset
from rnc_graph.data.catalog.named import NamedDataset

if TYPE_CHECKING:
    from rnc_graph.data.featurizer import BadMolecule
    from rnc_graph.data.table import FloatArray

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
BINS = 24


@dataclass(frozen=True)
class TargetDescription:
    """The labels of one target, in its unit.

    Attributes:
        measured: how many molecules have a value.
        missing: how many have none.
        quantiles: values at ``QUANTILES``, from the least to the greatest.
        counts: (BINS,) values in bins of equal width.
        edges: (BINS + 1,) ends of the bins.
    """

    name: str
    measured: int
    missing: int
    mean: float
    sd: float
    quantiles: FloatArray
    counts: NDArray[np.int64]
    edges: FloatArray


@dataclass(frozen=True)
class DatasetDescription:
    """What is inside a data set.

    Attributes:
        card: its source, license and unit.
        rows: N.
        bad: the rows whose SMILES give no molecule.
        repeated: molecules with more than one row.
        conflicts: those of them whose rows differ in a target.
        targets: one for each target.
        parts: molecules in each set of its published split.
        subsets: molecules in each subset it came with.
    """

    card: DatasetCard
    rows: int
    bad: list[BadMolecule]
    repeated: int
    conflicts: int
    targets: list[TargetDescription]
    parts: dict[str, int]
    subsets: dict[str, int]


def describe_dataset(name: str, *, download: bool = False) -> DatasetDescription:
    """Read a named data set and describe it.

    Arguments and errors are those of :func:`rnc_graph.data.load_dataset`.
    """
    return describe(load_named_dataset(name, download=download))


def describe(dataset: NamedDataset) -> DatasetDescription:
    """Describe a data set that is loaded."""
    from rnc_graph.data.duplicates import find_duplicates
    from rnc_graph.data.featurizer import BadMolecule, canonical_smiles

    table = dataset.table
    sets = dataset.given_split.sets() if dataset.given_split else {}
    canonical: list[str] = []
    bad: list[BadMolecule] = []
    for row, text in enumerate(table.smiles):
        try:
            canonical.append(canonical_smiles(text))
        except ValueError as reason:
            bad.append(BadMolecule(row, text, str(reason)))
            canonical.append(f"bad row {row}")
    duplicates = find_duplicates(canonical, table.targets, tolerance=0)
    return DatasetDescription(
        card=dataset.card,
        rows=len(table),
        bad=bad,
        repeated=len(duplicates.groups),
        conflicts=len(duplicates.conflicts),
        targets=[
            _describe(target, values)
            for target, values in zip(table.target_names, table.targets.T, strict=True)
        ],
        parts={name: len(rows) for name, rows in sets.items() if len(rows)},
        subsets={subset: int(mask.sum()) for subset, mask in dataset.subsets.items()},
    )


def _describe(name: str, values: FloatArray) -> TargetDescription:
    known = values[~np.isnan(values)]
    counts, edges = np.histogram(known, bins=BINS)
    return TargetDescription(
        name=name,
        measured=len(known),
        missing=len(values) - len(known),
        mean=float(known.mean()),
        sd=float(known.std()),
        quantiles=np.quantile(known, QUANTILES),
        counts=counts,
        edges=edges,
    )
