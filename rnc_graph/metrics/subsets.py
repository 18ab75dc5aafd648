"""Errors on subsets of the molecules, such as those with an activity cliff."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError
from rnc_graph.metrics.regression import regression_metrics


def subset_metrics(
    measured: NDArray[np.float64],
    predicted: NDArray[np.float64],
    subsets: Mapping[str, NDArray[np.bool_]],
) -> dict[str, dict[str, float]]:
    """Return the regression metrics of each subset that holds a molecule, by its name.

    With the subset "cliff" of a MoleculeACE set its "rmse" is the cliff RMSE of van Tilborg,
    Alenicheva and Grisoni (J. Chem. Inf. Model. 62 (2022) 5938-5951).

    Args:
        measured: (N, t) targets.
        predicted: (N, t) predictions, in the same unit.
        subsets: (N,) masks by name.

    Raises:
        RncGraphError: a mask is not of the N molecules.

    >>> measured, predicted = np.zeros((3, 1)), np.array([[1.0], [2.0], [2.0]])
    >>> errors = subset_metrics(measured, predicted, {"cliff": np.array([False, True, True])})
    >>> errors["cliff"]["rmse"]
    2.0
    """
    for name, mask in subsets.items():
        if mask.shape != (len(measured),):
            raise BadValueError(
                f"the mask of subset {name!r} has shape {mask.shape}; with {len(measured)} "
                f"molecules it must be ({len(measured)},)"
            )
    return {
        name: regression_metrics(measured[mask], predicted[mask])
        for name, mask in subsets.items()
        if mask.any()
    }
