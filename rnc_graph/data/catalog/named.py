"""A named data set: its card, its table, and the split and subsets that it was published with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.catalog.card import DatasetCard
from rnc_graph.data.splits import PUBLISHED, SPLITS, SUBSET, Split, SplitSamples
from rnc_graph.data.table import MoleculeTable
from rnc_graph.errors import BadValueError


@dataclass(frozen=True)
class NamedDataset:
    """A named data set of N molecules.

    Attributes:
        card: what is known of it.
        table: its SMILES and targets.
        given_split: the split it was published with, perhaps without a validation set.
        subsets: (N,) masks by name, of molecules whose errors are reported separately.
    """

    card: DatasetCard
    table: MoleculeTable
    given_split: Split | None = None
    subsets: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = len(self.table)
        if rows != self.card.rows:
            raise BadValueError(
                f"{self.table.name}: expected {self.card.rows} rows as the card of "
                f"{self.card.name!r} says, got {rows}"
            )
        if self.given_split is None:
            return
        used = np.sort(np.concatenate(list(self.given_split.sets().values())))
        if not np.array_equal(used, np.arange(rows)):
            raise BadValueError(
                f"{self.table.name}: its published sets do not hold each of its {rows} rows once"
            )

    def with_columns(self) -> NamedDataset:
        """Return the dataset with its published split and its subsets as columns of the table."""
        columns = {
            f"{SUBSET}{name}": ["yes" if inside else "" for inside in mask]
            for name, mask in self.subsets.items()
        }
        if self.given_split is not None:
            sets = np.empty(len(self.table), dtype=object)
            for name, rows in self.given_split.sets().items():
                sets[rows] = name
            columns[PUBLISHED] = sets.tolist()
        return replace(self, table=replace(self.table, extra={**self.table.extra, **columns}))

    def published_split(self, seed: int, validation: float = 0.1) -> Split:
        """Return the published split: see :class:`~rnc_graph.data.splits.PublishedSplitter`.

        Args:
            seed: of the draw of a missing validation set from the training set.
            validation: its share of all N molecules; 0 for none.

        Raises:
            RncGraphError: the dataset has no split, or the training set is too small.
        """
        samples = SplitSamples.of(self.with_columns().table)
        fractions = (0.9 - validation, validation, 0.1)
        return SPLITS.make("published").split(samples, seed, fractions)


def read_card_table(path: Path, card: DatasetCard, extra: Sequence[str] = ()) -> MoleculeTable:
    """Read the file of a named data set; raises as :func:`read_table`."""
    from rnc_graph.data.reading.strict import read_table  # It brings pandas; a list needs none.

    return read_table(
        path,
        card.smiles,
        card.targets,
        unit=card.unit,
        name=card.name,
        missing=card.missing,
        extra=extra,
    )
