"""From a table to a model with its evaluation: what ``rnc-graph train`` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data import MoleculeTable
from rnc_graph.data.bad import BadRow, bad_row, bad_rows, check_bad, describe_bad, without_value
from rnc_graph.data.duplicates import find_duplicates, lost_bounds, merge_transformed
from rnc_graph.data.features import MoleculeFeatures, molecule_features
from rnc_graph.data.featurizer import FeaturizerConfig
from rnc_graph.data.scaling import TargetScaler, Transform, not_positive
from rnc_graph.data.smiles import canonical_smiles
from rnc_graph.data.splits import SPLITS, Split, SplitSamples
from rnc_graph.data.splits.split import Splitter, first_rows, leaking_pairs
from rnc_graph.data.table import FloatArray
from rnc_graph.errors import BadValueError, plural
from rnc_graph.models.baselines import baseline_predictions
from rnc_graph.models.evaluation import Evaluation, evaluate_predictions
from rnc_graph.models.members import QUICK
from rnc_graph.models.model import MoleculeModel, Predictions
from rnc_graph.models.settings import ModelSettings
from rnc_graph.models.train import train_model
from rnc_graph.plugins import Plugin


@dataclass(frozen=True)
class DataConfig:
    """What is done with a table before a model is trained on it.

    Attributes:
        merge: how several measurements of one molecule become one; "no" keeps them all.
        weigh_merged: whether a merged row weighs as many times as it was rows.
        on_bad: "skip" leaves out rows that cannot be used, "raise" raises an error.
        split: name of a splitter, with options.
        fractions: shares of training, validation and test set; the last two may be 0.
        seed: of the split and of the training.
    """

    merge: Literal["no", "mean", "median", "first"] = "no"
    weigh_merged: bool = False
    on_bad: Literal["skip", "raise"] = "skip"
    split: str = "random"
    split_options: dict[str, Any] | None = None
    fractions: tuple[float, float, float] = (0.9, 0.0, 0.1)
    seed: int = 0


@dataclass(frozen=True)
class DataSetup:
    """N molecules that can be trained on, the rows left out, and notes on what was done."""

    table: MoleculeTable
    features: MoleculeFeatures
    split: Split
    bad: list[BadRow]
    notes: list[str]

    def sizes(self) -> str:
        """Return the numbers of rows and molecules of the table and those of its sets with any."""
        sets = {"the table": np.arange(len(self.table)), "training": self.split.train}
        held_out = {"validation": self.split.validation, "test": self.split.test}
        sets |= {name: rows for name, rows in held_out.items() if len(rows)}
        sizes = []
        for name, rows in sets.items():
            molecules = len(first_rows(self.features.canonical, rows))
            in_rows = f" in {len(rows)} rows" if len(rows) > molecules else ""
            sizes.append(f"{name}: {molecules} molecules{in_rows}")
        return ", ".join(sizes)

    def size_notes(self, settings: ModelSettings) -> list[str]:
        """Say which members of a model learn from a part of so large a training set."""
        known = ~np.isnan(self.table.targets[self.split.train])
        sizes = len(known), int(known.sum(axis=0).max())
        notes = (QUICK[kind].size_note(*sizes) for kind in settings.other_members)
        return [note for note in notes if note]

    def molecules(self) -> SplitSamples:
        """Return what splits are made of and checked against."""
        return SplitSamples.of(self.table, self.features.canonical)


@dataclass(frozen=True)
class Built:
    """A trained model and how good it is.

    Attributes:
        model: the trained model.
        validation: its evaluation on the validation set; without one, on the training molecules
            that were predicted out of fold.
        test: on the test set; None where no part was kept for it.
        by_member: (m, N, t) what each member predicts of the test set; without one, of the
            validation set, or out of fold, NaN where a network has seen the molecule.
        out_of_fold: whether there is no validation set.
        baselines: (N, t) what each baseline predicts of the test set, by its name; none without a
            test set.
    """

    model: MoleculeModel
    validation: Evaluation
    test: Evaluation | None
    by_member: FloatArray
    out_of_fold: bool
    baselines: dict[str, FloatArray] = field(default_factory=dict)


def setup_data(
    table: MoleculeTable,
    bad: Sequence[BadRow],
    data_config: DataConfig,
    featurizer_config: FeaturizerConfig,
    *,
    transforms: Sequence[Transform] = (),
    jobs: int = 1,
    on_progress: Callable[[float], None] = lambda share: None,
) -> DataSetup:
    """Featurize, merge and split a table.

    Args:
        table: rows with a SMILES and a target.
        bad: rows that were left out when it was read; those without any value are counted in the
            notes alone.
        data_config: what is done.
        featurizer_config: what the model needs of molecules.
        transforms: of the targets; rows with a value that has no logarithm are bad.
        jobs: processes to featurize in.
        on_progress: receives the share of molecules that is done.

    Raises:
        BadValueError: rows are bad and ``on_bad`` is "raise", or the split cannot be made.
    """
    bad, notes = without_value(bad)
    featurizer_config = replace(featurizer_config, fingerprints=True, canonical=True)
    done = 0
    table, without_logarithm = with_logarithms(table, transforms)

    def count(molecules: int) -> None:
        nonlocal done
        done += molecules
        on_progress(done / max(1, len(table)))

    features = molecule_features(table.smiles, featurizer_config, jobs=jobs, on_done=count)
    unreadable = bad_rows(features.bad, table)
    all_bad = sorted([*bad, *without_logarithm, *unreadable], key=lambda row: row.row)
    check_bad(all_bad, data_config.on_bad, table.name)
    if not len(features.good):
        raise BadValueError(
            f"{table.name}: no molecule is left\n{describe_bad(all_bad, table.name)}"
        )
    if unreadable:
        table = table.take(features.good)
        features = molecule_features(table.smiles, featurizer_config, jobs=jobs)
    if featurizer_config.clean:
        changed = sum(
            canonical_smiles(text) != cleaned
            for text, cleaned in zip(table.smiles, features.canonical, strict=True)
        )
        notes.append(f"{changed} rows were changed by cleaning; predictions clean molecules alike")
    # Values that are learned as logarithms are compared and merged as logarithms.
    scaler = TargetScaler(np.zeros(1), np.ones(1), tuple(transforms))
    duplicates = find_duplicates(features.canonical, scaler.transform(table.exact))
    splitter = SPLITS.make(data_config.split, **(data_config.split_options or {}))
    split = None
    if data_config.weigh_merged and table.weights is None:
        table = replace(table, weights=np.ones(len(table)))
    if duplicates.groups:
        hint = "; --merge mean makes one row of each" if data_config.merge == "no" else ""
        notes.append(duplicates.summary(table.rows) + hint)
        if data_config.merge != "no":
            keys, split = _split_first(table, features.canonical, splitter, data_config, all_bad)
            if split is not None:
                notes.append(
                    "rows of a molecule differ in the column that the table is split by: they are "
                    "merged within each set"
                )
            if lost := lost_bounds(table, keys):
                notes.append(
                    f"{plural(lost, 'molecule')} lost a bound in merging: a value is kept before a "
                    "bound, and of bounds on both sides those on the side of the first"
                )
            table = merge_transformed(table, keys, data_config.merge, scaler)
            features = molecule_features(table.smiles, featurizer_config, jobs=jobs)
            notes.append(f"merged by their {data_config.merge}: {len(table)} molecules are left")
    molecules = SplitSamples.of(table, features.canonical)
    if split is None:
        split = _split(splitter, molecules, data_config, all_bad, table.name)
    if left_out := len(table) - sum(map(len, split.sets().values())):
        notes.append(f"{left_out} rows are in no set of the split and are left out")
    if leaks := leaking_pairs(split, molecules):
        notes.append(
            f"{len(leaks)} rows hold a molecule that is in another set of the given split too: "
            "kept as given; --leaks drop leaves them out"
        )
    return DataSetup(table, features, split, all_bad, notes)


def _split(
    splitter: Splitter,
    molecules: SplitSamples,
    data_config: DataConfig,
    bad: Sequence[BadRow],
    name: str,
) -> Split:
    """Split the rows that are left; an error also says which are not, and may be why."""
    try:
        return splitter.split(molecules, data_config.seed, data_config.fractions)
    except BadValueError as error:
        if not bad:
            raise
        raise BadValueError(f"{error}\n{describe_bad(bad, name)}") from error


def _split_first(
    table: MoleculeTable,
    canonical: list[str],
    splitter: Splitter,
    data_config: DataConfig,
    bad: Sequence[BadRow],
) -> tuple[list[str], Split | None]:
    """Split before merging, where the rows of a molecule differ in the column that is split by.

    Else a training set would learn the mean of its values and those of the test set.

    Returns:
        N keys, by which rows are merged, and the split of the merged rows; None if they are merged
        first.
    """
    molecules = SplitSamples.of(table, canonical)
    cells = molecules.columns.get(getattr(splitter, "column", ""), [""] * len(canonical))
    if len({*zip(canonical, map(str.strip, cells), strict=True)}) == len({*canonical}):
        return canonical, None
    split = _split(splitter, molecules, data_config, bad, table.name)
    set_of = np.full(len(canonical), -1)
    for number, rows in enumerate(split.sets().values()):
        set_of[rows] = number
    keys = [f"{number} {key}" for number, key in zip(set_of.tolist(), canonical, strict=True)]
    kept = set_of[np.sort(first_rows(keys, np.arange(len(keys))))]
    return keys, Split(*(np.flatnonzero(kept == number) for number in range(3)))


def build(
    setup: DataSetup,
    settings: ModelSettings,
    *,
    seed: int = 0,
    jobs: int = 1,
    device: str = "cpu",
    on_progress: Callable[[float], None] = lambda share: None,
    plugins: Sequence[Plugin] = (),
    baselines: bool = True,
    start: MoleculeModel | None = None,
) -> Built:
    """Train a model on a table that is set up, as :func:`~rnc_graph.models.train_model` does.

    The test set is predicted once, at the end, and by ``baselines`` for comparison.
    """
    table, split, features = setup.table, setup.split, setup.features
    trained = train_model(
        features,
        table.targets,
        split.train,
        split.validation,
        settings,
        target_names=table.target_names,
        units=table.unit_of_each,
        censored=table.censored,
        weights=table.weights,
        seed=seed,
        jobs=jobs,
        device=device,
        on_progress=on_progress,
        plugins=plugins,
        start=start,
    )
    model = replace(trained.model, id_column=table.id_column)

    def evaluated(rows: NDArray[np.int64], predictions: Predictions) -> Evaluation:
        return evaluate_predictions(
            model,
            [table.smiles[row] for row in rows],
            table.rows[rows],
            table.targets[rows],
            predictions,
            censored=None if table.censored is None else table.censored[rows],
            ids=[table.ids[row] for row in rows] if table.ids else [],
            id_column=table.id_column,
        )

    test: Evaluation | None = None
    by_member, compared = trained.by_member, dict[str, FloatArray]()
    if len(split.test):
        test = evaluated(split.test, model.predict_rows(features, split.test))
        by_member = model.predict_by_member(features, split.test)
        if baselines:
            compared = baseline_predictions(
                features, table.exact, split.train, split.test, model.scaler, seed=seed, jobs=jobs
            )
    return Built(
        model=model,
        validation=evaluated(trained.rows, trained.predictions),
        test=test,
        by_member=by_member,
        out_of_fold=not len(split.validation),
        baselines=compared,
    )


def with_logarithms(
    table: MoleculeTable, transforms: Sequence[Transform]
) -> tuple[MoleculeTable, list[BadRow]]:
    """Return the rows whose values can be transformed, and the others as bad rows."""
    wrong = not_positive(table.targets, transforms or ["none"])
    bad = []
    for row, target in np.argwhere(wrong).tolist():
        found, reason = f"{table.targets[row, target]:g}", f"no {transforms[target]}"
        name = table.target_names[target]
        bad.append(bad_row(table, row, name, found, f"not positive: it has {reason}"))
    return (table.take(np.flatnonzero(~wrong.any(axis=1))) if bad else table), bad
