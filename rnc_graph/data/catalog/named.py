"""A named data set as it is loaded: its table, and what came with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.catalog.card import DatasetCard
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

    def published_split(self, seed: int, validation: float = 0.1) -> Split:
        """Return the split that the data set came with.

        Where it came without a validation set, one is carved out of the training set, at random
        by the seed, with the same share of each subset in both.

        Args:
            seed: the same seed gives the same validation set.
            validation: its share of all N molecules, if it is to be carved.

        Raises:
            RncGraphError: the data set came with no split, or the training set is too small.
        """
        from sklearn.model_selection import train_test_split

        from rnc_graph.data.splits import Split

        given = self.given_split
        if given is None:
            raise BadValueError(f"data set {self.card.name!r} came with no split of its own")
        if given.validation is not None:
            return Split(train=given.train, validation=given.validation, test=given.test)
        size = round(validation * len(self.table))
        if not 0 < size < len(given.train):
            raise BadValueError(
                f"a validation set of {validation:g} of {len(self.table)} molecules does not fit "
                f"into a training set of {len(given.train)}"
            )
        masks = [mask[given.train] for mask in self.subsets.values()]
        strata = np.stack(masks, axis=1) @ (1 << np.arange(len(masks))) if masks else None
        train, held_out = train_test_split(
            given.train, test_size=size, random_state=seed, stratify=strata
        )
        return Split(train=train, validation=held_out, test=given.test)
