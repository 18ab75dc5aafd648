"""What the estimator warns of."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

from rnc_graph.data.smiles import BadMolecule


class BadMoleculeWarning(UserWarning):
    """SMILES that cannot be read: they are left out of training, and predicted as NaN."""


class IntervalWarning(UserWarning):
    """Too few molecules calibrate intervals of the level: their ends are NaN."""


class NoNetworkWarning(UserWarning):
    """No network is a member, so that settings of networks have no effect."""


class FewValuesWarning(UserWarning):
    """A target has two or three different values: it looks like classes."""


def describe_bad_smiles(bad: Sequence[BadMolecule]) -> str:
    """Say how many SMILES cannot be read, and which is the first."""
    first = bad[0]
    return (
        f"{len(bad)} SMILES cannot be read; the first is row {first.row} (from 0), "
        f"{str(first.smiles)[:80]!r}: {first.reason}"
    )


def warn_of_bad(bad: Sequence[BadMolecule], consequence: str) -> None:
    """Warn the caller of a method of SMILES that cannot be read, if there are any."""
    if bad:
        warnings.warn(
            f"{describe_bad_smiles(bad)}; {consequence}", BadMoleculeWarning, stacklevel=3
        )


def warn_of_each(notes: Iterable[str], category: type[UserWarning]) -> None:
    """Warn the caller of a method of each of the notes."""
    for note in notes:
        warnings.warn(note, category, stacklevel=3)


def warn_of_no_network(without_effect: Sequence[str]) -> None:
    """Warn the caller of a method of settings without effect, if there are any."""
    if without_effect:
        warnings.warn(
            f"no network is a member, since it did not lower the error: "
            f"{', '.join(without_effect)} had no effect; networks=3 trains three",
            NoNetworkWarning,
            stacklevel=3,
        )
