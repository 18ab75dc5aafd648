"""A named data set as it is loaded: its table, and what came with it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.catalog.card import DatasetCard
from rnc_graph.data.splits.split import PUBLISHED, SUBSET
from rnc_graph.errors import BadValueError

if TYPE_CHECKING:
    from rnc_graph.data.splits import Split
    from rnc_graph.data.table import MoleculeTable


@dataclass(frozen=True)
class GivenSplit:
    """Row numbers of the parts that a data set came with.

    Attributes:
        train: (n,) rows.
        test: (m,) rows.
        validation: (k,) rows, None where it came with two parts.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    validation: NDArray[np.int64] | None = None

    def parts(self) -> dict[str, NDArray[np.int64]]:
        """Return the rows of the parts there are, by their names."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: rows for name, rows in parts.items() if rows is not None}


@dataclass(frozen=True)
class NamedDataset:
    """A named data set of N molecules.

    Attributes:
        card: what is known of it.
        table: its SMILES and targets.
        given_split: the parts it came with, None where it came with none.
        subsets: (N,) masks by name, of molecules whose errors are worth a number of their own.
    """

    card: DatasetCard
    table: MoleculeTable
    given_split: GivenSplit | None = None
    subsets: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = len(self.table)
        if rows != self.card.rows:
            raise BadValueError(
                f"{self.table.name}: {rows} rows, the card of {self.card.name!r} says "
                f"{self.card.rows}"
            )
        if self.given_split is None:
            return
        used = np.sort(np.concatenate(list(self.given_split.parts().values())))
        if not np.array_equal(used, np.arange(rows)):
            raise BadValueError(
                f"{self.table.name}: the parts it came with do not hold each of its {rows} rows "
                "once"
            )

    def with_columns(self) -> NamedDataset:
        """Return the dataset with its published split and its subsets as columns of the table."""
        columns = {
            f"{SUBSET}{name}": ["yes" if inside else "" for inside in mask]
            for name, mask in self.subsets.items()
        }
        if self.given_split is not None:
            sets = np.empty(len(self.table), dtype=object)
            for name, rows in self.given_split.parts().items():
                sets[rows] = name
            columns[PUBLISHED] = sets.tolist()
        return replace(self, table=replace(self.table, extra={**self.table.extra, **columns}))

    def published_split(self, seed: int, validation: float = 0.1) -> Split:
        """Return the split that the dataset was published with.

        See :class:`~rnc_graph.data.splits.given.PublishedSplitter`: a missing validation set is
        drawn from the training set by the seed, with the same share of each subset in both, and
        no molecule is in two sets.

        Args:
            seed: the same seed gives the same validation set.
            validation: its share of all N molecules, if it is to be drawn.

        Raises:
            RncGraphError: the dataset has no split, or the training set is too small.
        """
        from rnc_graph.data.splits import SPLITS, SplitSamples

        samples = SplitSamples.of(self.with_columns().table)
        fractions = (0.9 - validation, validation, 0.1)
        return SPLITS.make("published").split(samples, seed, fractions)
