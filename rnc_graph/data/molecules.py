"""Data sets of molecules: graphs with their SMILES and table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from typing_extensions import Self

from rnc_graph.data.bad import BadRow, OnBad, bad_rows, check_bad
from rnc_graph.data.catalog import load_dataset
from rnc_graph.data.catalog.deepchem import deepchem_table, unpacked
from rnc_graph.data.features import molecule_features
from rnc_graph.data.featurizer import FeaturizerConfig
from rnc_graph.data.graphs import GraphDataset, default_names
from rnc_graph.data.reading.molecules import read_molecules
from rnc_graph.data.table import MoleculeTable
from rnc_graph.errors import BadValueError


class MoleculeDataset(GraphDataset):
    """N molecules with their targets: a :class:`GraphDataset` that knows its SMILES.

    Made by :meth:`from_smiles`, :meth:`from_csv`, :meth:`from_deepchem`, :meth:`load` or
    :meth:`from_table`: ``on_bad`` decides whether they "raise" a :class:`BadValueError` that names
    the rows that cannot be used, or "skip" them; ``jobs`` is the number of processes. Graphs come
    from the cache on disk if they were made before.

    Attributes:
        bad: the rows that ``on_bad="skip"`` left out.
    """

    _table: MoleculeTable
    bad: list[BadRow]

    @classmethod
    def from_table(
        cls,
        table: MoleculeTable,
        *,
        bad: Sequence[BadRow] = (),
        on_bad: OnBad = "raise",
        jobs: int = 1,
    ) -> Self:
        """Featurize a table of N molecules; ``bad`` are rows that reading it left out.

        Raises:
            BadValueError: a row is bad, or all are.
        """
        features = molecule_features(table.smiles, FeaturizerConfig(), jobs=jobs)
        bad = sorted([*bad, *bad_rows(features.bad, table)], key=lambda row: row.row)
        check_bad(bad, on_bad, table.name)
        if len(features.good) == 0:
            raise BadValueError(f"{table.name}: expected molecules, got none")
        whole = cls(features.graphs.packed, features.graphs.schema)
        whole._table, whole.bad = table, bad
        if table.target_names:
            whole = whole.with_y(table.targets, table.target_names)
            whole._table = table  # With its unit and published predictions.
        return whole[features.good] if features.bad else whole

    @classmethod
    def from_smiles(
        cls,
        smiles: Sequence[str],
        y: Any = None,
        *,
        target_names: Sequence[str] | None = None,
        unit: str = "",
        on_bad: OnBad = "raise",
        jobs: int = 1,
    ) -> Self:
        """Featurize N SMILES.

        Args:
            smiles: N SMILES.
            y: (N,) or (N, t) targets, NaN where missing; None for molecules to predict.
            target_names: the t columns of ``y``.
            unit: of the targets.
            on_bad: see the class.
            jobs: see the class.

        Raises:
            BadValueError: a SMILES gives no molecule, or ``y`` has another shape.
        """
        texts = list(smiles)
        targets = np.empty((len(texts), 0)) if y is None else np.asarray(y, dtype=np.float64)
        targets = targets[:, None] if targets.ndim == 1 else targets
        if targets.ndim != 2 or len(targets) != len(texts):
            raise BadValueError(
                f"expected y with a row for each of {len(texts)} SMILES, got shape {targets.shape}"
            )
        names = list(target_names or default_names(targets.shape[1]))
        table = MoleculeTable("SMILES", texts, targets, names, unit)
        return cls.from_table(table, on_bad=on_bad, jobs=jobs)

    @classmethod
    def from_csv(
        cls,
        path: Path | str | pd.DataFrame,
        smiles: str | None = None,
        targets: Sequence[str] | None = None,
        *,
        unit: str = "",
        on_bad: OnBad = "raise",
        jobs: int = 1,
    ) -> Self:
        """Read a table: CSV, TSV, SDF, Excel or Parquet, or a data frame.

        Args:
            path: the file; its first line names the columns.
            smiles: the column of SMILES, guessed if None.
            targets: the columns of targets, guessed if None; empty cells are missing values.
            unit: of the targets.
            on_bad: see the class.
            jobs: see the class.

        Raises:
            BadValueError: the file or a column is missing, or a row cannot be used.
        """
        source = path if isinstance(path, pd.DataFrame) else Path(path)
        table, bad, _ = read_molecules(source, smiles, targets, unit=unit)
        return cls.from_table(table, bad=bad, on_bad=on_bad, jobs=jobs)

    @classmethod
    def from_deepchem(cls, data: Any, *, on_bad: OnBad = "raise") -> Any:
        """Featurize a DeepChem data set, whose ``ids`` are SMILES.

        Args:
            data: a ``deepchem.data.Dataset``; or a tuple of them, as train, validation and test
                set; or what a loader of ``deepchem.molnet`` returns: the names of the tasks, the
                tuple, and the transformers, which are undone.
            on_bad: see the class.

        Returns:
            A data set, or a tuple of as many as were given. Values of weight 0 are missing.

        Raises:
            BadValueError: an id gives no molecule, or it is no data set of DeepChem's.
        """
        tasks, parts, transformers = unpacked(data)
        found = tuple(
            cls.from_table(deepchem_table(part, tasks, transformers), on_bad=on_bad)
            for part in parts
        )
        return found if isinstance(data, tuple) else found[0]

    @classmethod
    def load(cls, name: str, *, download: bool = False) -> Self:
        """Load a data set of the catalog: see :func:`rnc_graph.data.load_dataset`.

        >>> MoleculeDataset.load("esol")
        MoleculeDataset(1128)
        """
        return cls.from_table(load_dataset(name, download=download))

    @classmethod
    def from_pyg(cls, *args: Any, **options: Any) -> Self:
        """Raise :class:`BadValueError`: PyG's graphs have no table of SMILES."""
        raise BadValueError(
            "MoleculeDataset.from_pyg: expected SMILES, got graphs; use GraphDataset.from_pyg, or "
            "MoleculeDataset.from_smiles"
        )

    def with_y(self, y: Any, target_names: Sequence[str] | None = None) -> Self:
        """Return the data set with other targets, in its table too; their unit is unknown."""
        view = super().with_y(y, target_names)
        view._table = replace(
            self._table,
            targets=view.packed.attributes["y"].values.double().cpu().numpy(),
            target_names=view.target_names,
            unit="",
            units=(),
            published_predictions={},
            censored=None,
        )
        return view

    @property
    def table(self) -> MoleculeTable:
        """The SMILES and targets of the N molecules."""
        return self._table if self._index is None else self._table.take(self.rows.cpu().numpy())

    @property
    def smiles(self) -> list[str]:
        """N SMILES."""
        return [self._table.smiles[row] for row in self.rows.tolist()]
