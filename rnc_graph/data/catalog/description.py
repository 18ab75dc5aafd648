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
        name: of the target.
        measured: how many molecules have a value.
        missing: how many have none.
        mean: of the values.
        sd: of the values.
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
        parts: molecules in each part it came with.
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
    table = dataset.table
    given = dataset.given_split
    bad, repeated, conflicts = _structures(table.smiles, table.targets)
    return DatasetDescription(
        card=dataset.card,
        rows=len(table),
        bad=bad,
        repeated=repeated,
        conflicts=conflicts,
        targets=[
            _describe(target, values)
            for target, values in zip(table.target_names, table.targets.T, strict=True)
        ],
        parts={part: len(rows) for part, rows in given.parts().items()} if given else {},
        subsets={subset: int(mask.sum()) for subset, mask in dataset.subsets.items()},
    )


def _structures(smiles: list[str], targets: FloatArray) -> tuple[list[BadMolecule], int, int]:
    """Return the bad rows, and how many molecules are repeated and in conflict."""
    from rnc_graph.data.featurizer import BadMolecule, canonical_smiles

    bad: list[BadMolecule] = []
    rows: dict[str, list[int]] = {}
    for row, text in enumerate(smiles):
        try:
            rows.setdefault(canonical_smiles(text), []).append(row)
        except ValueError as reason:
            bad.append(BadMolecule(row, text, str(reason)))
    repeated = [targets[same] for same in rows.values() if len(same) > 1]
    conflicts = sum(bool((np.fmax.reduce(t) > np.fmin.reduce(t)).any()) for t in repeated)
    return bad, len(repeated), conflicts


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
