"""The three parts, and how they are drawn at random row by row."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from rnc_graph.errors import BadValueError


@dataclass(frozen=True)
class Split:
    """Row numbers of the three parts, disjoint."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def random_split(rows: int, seed: int, fractions: tuple[float, float, float]) -> Split:
    """Split ``rows`` molecules at random.

    Args:
        rows: N.
        seed: the same seed gives the same split.
        fractions: shares of the training, validation and test set, summing to 1.

    Raises:
        RncGraphError: a fraction is not positive, they do not sum to 1, or a part would be empty.

    >>> split = random_split(1128, seed=0, fractions=(0.8, 0.1, 0.1))
    >>> len(split.train), len(split.validation), len(split.test)
    (902, 113, 113)
    """
    if min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-9:
        raise BadValueError(f"split fractions must be positive and sum to 1, not {fractions}")
    validation_rows, test_rows = (round(fraction * rows) for fraction in fractions[1:])
    if min(validation_rows, test_rows, rows - validation_rows - test_rows) < 1:
        raise BadValueError(f"{rows} molecules are too few to split into parts of {fractions}")
    rest, test = train_test_split(np.arange(rows), test_size=test_rows, random_state=seed)
    train, validation = train_test_split(rest, test_size=validation_rows, random_state=seed)
    return Split(train=train, validation=validation, test=test)
