"""Splits that the data decide: by a group, a time, a column of sets, or a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.splits.split import (
    PUBLISHED,
    SPLITS,
    SUBSET,
    Fractions,
    Split,
    SplitSamples,
    balanced,
    check_fractions,
    checked,
    filled,
    groups_of,
    leaking_pairs,
    merged,
    numbered,
)
from rnc_graph.errors import BadValueError, unreadable
from rnc_graph.files import write_text

Leaks = Literal["keep", "drop", "raise"]

_SETS = ("train", "validation", "test")
_SPELLINGS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@SPLITS.register("group")
class GroupSplitter:
    """Random groups, such as a series or a laboratory; groups that share a molecule stay together.

    Args:
        column: names the group of each sample; an empty cell is a group of its own.
    """

    def __init__(self, column: str) -> None:
        self.column = column

    def split(self, samples: SplitSamples, seed: int, fractions: Fractions) -> Split:
        """Return the split."""
        check_fractions(fractions)
        cells = [cell.strip() for cell in samples.column(self.column)]
        own = numbered(f"={cell}" if cell else number for number, cell in enumerate(cells))
        groups = groups_of(merged(own, samples.identity))
        split = filled(balanced(groups, seed, fractions), fractions)
        return checked(split, samples, "group", fractions)


@SPLITS.register("time")
class TimeSplitter:
    """The earliest samples for training, the latest for testing; equal times stay together.

    Args:
        column: of numbers or dates, such as 2019 or 2021-04-30.
        leaks: "drop" leaves out the later samples of a molecule that would be in two sets, "raise"
            raises an error.
    """

    by_seed = False

    def __init__(self, column: str, leaks: Literal["drop", "raise"] = "raise") -> None:
        self.column = column
        self.leaks = leaks

    def split(self, samples: SplitSamples, seed: int, fractions: Fractions) -> Split:
        """Return the split."""
        check_fractions(fractions)
        times = self._times(samples)
        order = np.argsort(times, kind="stable")
        # A run of equal times ends where the next time is later.
        ends = np.flatnonzero(np.append(times[order][1:] > times[order][:-1], True)) + 1
        if fractions[2] > 0 and len(ends) > 1:  # Something must be left for the test set.
            ends = ends[:-1]
        limits = np.cumsum(fractions[:2]) * len(order)
        first, second = (int(ends[np.abs(ends - limit).argmin()]) for limit in limits)
        split = Split(order[:first], order[first:second], order[second:])
        if self.leaks == "drop":  # The samples whose molecule has its first one in another set.
            dropped = [later for _, later in leaking_pairs(split, samples, order)]
            split = Split(*(index[~np.isin(index, dropped)] for index in split.sets().values()))
        return checked(split, samples, "time", fractions)

    def _times(self, samples: SplitSamples) -> NDArray[np.float64]:
        import pandas as pd  # To list data sets takes half the time without it.

        cells = pd.Series(samples.column(self.column), dtype=object)
        times = pd.to_numeric(cells, errors="coerce")
        if times.isna().any():
            dates = pd.to_datetime(cells, errors="coerce", format="ISO8601", utc=True)
            # The reading that most cells have, so that the odd one is named.
            if dates.notna().sum() >= times.notna().sum():
                times = dates.astype("int64").where(dates.notna()).astype(float)
        bad = np.flatnonzero(times.isna())
        if bad.size:
            raise BadValueError(
                f"{samples.name}, row {samples.rows[bad[0]]}, column {self.column!r}: expected "
                f"numbers, or dates such as 2021-04-30, got {cells[bad[0]]!r}, or a mix of both"
            )
        return times.to_numpy(dtype=np.float64)


@SPLITS.register("column")
class ColumnSplitter:
    """The sets that a column names: train, validation (valid, val, dev) or test, in any case.

    Where the column names no validation set, one is drawn from the training set by the seed, with
    the same share of each subset (columns that begin with "subset ") in both; none if the share of
    the validation set is 0.

    Args:
        column: its name; a sample with an empty cell is in none of the sets.
        leaks: what becomes of a molecule that is in two sets: "keep" takes the split as it is, so
            that a published protocol can be repeated; "drop" leaves molecules of the test set out
            of the training and validation set, and those of the validation set out of the training
            set; "raise" raises an error.
    """

    by_seed = False

    def __init__(self, column: str, leaks: Leaks = "keep") -> None:
        self.column = column
        self.leaks = leaks

    def split(self, samples: SplitSamples, seed: int, fractions: Fractions) -> Split:
        """Return the split; of the fractions, the validation set's counts where one is drawn."""
        split = self._named(samples)
        if self.leaks == "drop":
            split = _without_leaks(split, samples)
        if len(split.validation) == 0 and fractions[1] > 0:
            split = _with_validation(split, samples, seed, fractions[1])
        needed = (1.0, fractions[1], 0.0)
        return checked(
            split, samples, f"column {self.column!r}", needed, leaks=self.leaks == "keep"
        )

    def _named(self, samples: SplitSamples) -> Split:
        cells = [cell.strip() for cell in samples.column(self.column)]
        for number, cell in enumerate(cells):
            if cell and cell.lower() not in _SPELLINGS:
                raise BadValueError(
                    f"{samples.name}, row {samples.rows[number]}, column {self.column!r}: expected "
                    f"train, validation or test, got {cell!r}"
                )
        sets = np.array([_SPELLINGS.get(cell.lower(), "") for cell in cells])
        return Split(*(np.flatnonzero(sets == name) for name in _SETS))


@SPLITS.register("published")
class PublishedSplitter(ColumnSplitter):
    """The split that the dataset was published with.

    Args:
        leaks: as in :class:`ColumnSplitter`; "keep" takes all of it as it was published.
    """

    def __init__(self, leaks: Leaks = "drop") -> None:
        super().__init__(PUBLISHED, leaks)

    def _named(self, samples: SplitSamples) -> Split:
        if PUBLISHED not in samples.columns:
            raise BadValueError(f"dataset {samples.name!r} was published without a split")
        split = super()._named(samples)
        for name in ("train", "test"):
            if len(split.sets()[name]) == 0:
                raise BadValueError(f"{samples.name}: the published split has no {name} set")
        return split


@SPLITS.register("file")
class FileSplitter:
    """A saved split of the same table, or of one that it has been extended to.

    In another table, the molecules of the old one keep their sets, whatever their rows; each new
    molecule is put into a set at random, by the seed and the fractions.

    Args:
        path: a JSON of ``save_split``, such as a model's ``split.json``.
        leaks: as in :class:`ColumnSplitter`.
        missing: whether some molecules of the old table may be missing: "raise" or "keep".
    """

    by_seed = False

    def __init__(
        self, path: str, leaks: Leaks = "keep", missing: Literal["raise", "keep"] = "raise"
    ) -> None:
        self.path = path
        self.leaks = leaks
        self.missing = missing

    def split(self, samples: SplitSamples, seed: int, fractions: Fractions) -> Split:
        """Return the split."""
        path = Path(self.path)
        content = read_split(path)
        if content["molecules_sha256"] == _digest(samples) or not content.get("digests"):
            split = load_split(path, samples)
        else:
            split = self._extended(content["digests"], samples, seed, fractions)
        if self.leaks == "drop":
            split = _without_leaks(split, samples)
        return checked(split, samples, "saved", (1.0, 0.0, 0.0), leaks=self.leaks == "keep")

    def _extended(
        self, digests: dict[str, list[str]], samples: SplitSamples, seed: int, fractions: Fractions
    ) -> Split:
        check_fractions(fractions)
        known, own = old_sets(digests), [key_digest(key) for key in samples.keys]
        lacking = len(known.keys() - set(own))
        if lacking == len(known) or (lacking and self.missing == "raise"):
            raise BadValueError(
                f"{Path(self.path)}: is the split of another table: {lacking} of its {len(known)} "
                f"molecules are not in {samples.name}; expected all of them, with new ones or "
                "without"
            )
        # By the molecule alone, so that it stays where it is when the table grows again.
        limits = np.cumsum(fractions[:2])
        drawn = [int(key_digest(f"{seed} {key}"), 16) / 16**16 for key in samples.keys]
        new = np.array(_SETS)[np.searchsorted(limits, drawn, side="right")]
        names = np.array([known.get(digest, name) for digest, name in zip(own, new, strict=True)])
        return Split(*(np.flatnonzero(names == name) for name in _SETS))

    def sha256(self) -> str:
        """Return the digest of the file; raises :class:`RncGraphError` if it cannot be read."""
        try:
            return hashlib.sha256(Path(self.path).read_bytes()).hexdigest()
        except OSError as error:
            raise unreadable(Path(self.path), error) from error


def _with_validation(split: Split, samples: SplitSamples, seed: int, share: float) -> Split:
    """Draw a validation set of a share of all samples from the training set."""
    from sklearn.model_selection import train_test_split

    size = round(share * len(samples))
    keys, first = np.unique(samples.identity[split.train], return_index=True)
    count = round(size * len(keys) / max(len(split.train), 1))
    if not 0 < count < len(keys):
        raise BadValueError(
            f"{samples.name}: a validation set of {share:g} of {len(samples)} samples does not fit "
            f"into a training set of {len(split.train)}"
        )
    marks = [cells for name, cells in samples.columns.items() if name.startswith(SUBSET)]
    of_first = split.train[first]
    strata = numbered(tuple(cells[index] for cells in marks) for index in of_first)
    # Too few of one kind cannot be stratified.
    stratify = strata if marks and np.bincount(strata).min() > 1 else None
    _, drawn = train_test_split(keys, test_size=count, random_state=seed, stratify=stratify)
    held_out = np.isin(samples.identity[split.train], drawn)
    return Split(split.train[~held_out], split.train[held_out], split.test)


def _without_leaks(split: Split, samples: SplitSamples) -> Split:
    """Leave the molecules of the test set, then of the validation set, out of the sets before."""
    keys = samples.identity
    validation = split.validation[~np.isin(keys[split.validation], keys[split.test])]
    held_out = np.concatenate([split.test, validation])
    train = split.train[~np.isin(keys[split.train], keys[held_out])]
    return Split(train, validation, split.test)


def save_split(path: Path, split: Split, samples: SplitSamples, how: Mapping[str, Any]) -> None:
    """Write a split as JSON: its rows, how it was made, and digests of the molecules.

    Raises:
        OSError: the file cannot be written.
    """
    rows = {name: samples.rows[index].tolist() for name, index in split.sets().items()}
    content = {
        "how": dict(how),
        "molecules_sha256": _digest(samples),
        **rows,
        # Of the molecules, by which an extended table is divided.
        "digests": {
            name: [key_digest(samples.keys[row]) for row in index]
            for name, index in split.sets().items()
        },
    }
    write_text(path, json.dumps(content) + "\n")


def load_split(path: Path, samples: SplitSamples) -> Split:
    """Read a split of the same molecules in the same rows.

    Raises:
        RncGraphError: the file is missing, is no split, or is that of another table.
    """
    content = read_split(path)
    if content["molecules_sha256"] != _digest(samples):
        raise BadValueError(
            f"{path}: is the split of another table: the molecules of {samples.name}, or their "
            "order, differ"
        )
    index_of = {int(row): index for index, row in enumerate(samples.rows)}
    try:
        sets = [np.array([index_of[row] for row in content[name]], np.int64) for name in _SETS]
    except (KeyError, TypeError) as error:
        raise BadValueError(f"{path}: names a row that {samples.name} lacks: {error}") from error
    if len(np.unique(np.concatenate(sets))) < sum(map(len, sets)):
        raise BadValueError(f"{path}: names a row twice")
    return Split(*sets)


def read_split(path: Path) -> dict[str, Any]:
    """Return the content of a file of :func:`save_split`.

    Raises:
        RncGraphError: the file is missing or is no split.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise BadValueError(f"{path}: is no JSON: {error}") from error
    if not isinstance(content, dict) or not {*_SETS, "molecules_sha256"} <= content.keys():
        raise BadValueError(
            f"{path}: is no split; it needs the keys {', '.join(_SETS)} and molecules_sha256"
        )
    digests = content.get("digests")
    if digests is not None and not (
        isinstance(digests, dict)
        and digests.keys() == set(_SETS)
        and all(isinstance(text, str) for name in _SETS for text in digests[name])
    ):
        raise BadValueError(f"{path}: digests: expected lists of texts, train, validation and test")
    return content


def key_digest(key: str) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of a molecule's canonical SMILES."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def old_sets(digests: Mapping[str, list[str]]) -> dict[str, str]:
    """Return the set of each molecule of a saved split, by its digest.

    A molecule in two sets has been learned from: it is in the training set, or the validation set.
    """
    return {digest: name for name in reversed(_SETS) for digest in digests.get(name, [])}


def _digest(samples: SplitSamples) -> str:
    described = json.dumps([samples.keys, samples.rows.tolist()])
    return hashlib.sha256(described.encode()).hexdigest()
