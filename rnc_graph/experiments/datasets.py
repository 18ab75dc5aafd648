"""The molecules of an experiment: its data sets, those to pretrain on, those from outside."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

import numpy as np

from rnc_graph.data import MoleculeData, MoleculeTable, PackedGraphs, without
from rnc_graph.data.cache import packed_graphs
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec.sections import CsvData, source_name
from rnc_graph.experiments.store import digest


@dataclass(frozen=True)
class Datasets:
    """All molecules that an experiment needs.

    Attributes:
        tables: the data sets, by name.
        digests: short names of their content, by name.
        sources: what is pretrained on, without the molecules of the data set it is for, by the
            names of both; and the digests of these tables.
        outside: SMILES to be told from a data set's, by its name.
    """

    tables: dict[str, MoleculeTable]
    digests: dict[str, str]
    sources: dict[tuple[str, str], tuple[MoleculeTable, str]] = field(default_factory=dict)
    outside: dict[str, list[str]] = field(default_factory=dict)

    def outside_digest(self, data: str) -> str | None:
        """Return a short name for the molecules from outside, if there are any."""
        outside = self.outside.get(data)
        return digest({"smiles": outside}) if outside else None

    def featurised(self) -> dict[str, MoleculeData]:
        """Return the tables with their graphs, by digest.

        Raises:
            RncGraphError: a SMILES gives no molecule.
        """
        own = {self.digests[name]: table for name, table in self.tables.items()}
        every = own | {name: table for table, name in self.sources.values()}
        return {name: MoleculeData.from_table(table) for name, table in every.items()}

    def featurised_outside(self) -> dict[str, PackedGraphs]:
        """Return the graphs of the molecules from outside, by their digest."""
        found = {}
        for data, smiles in self.outside.items():
            name = self.outside_digest(data)
            if name is not None:
                found[name] = packed_graphs(smiles, "outside")
        return found


def load_datasets(experiment: Experiment) -> Datasets:
    """Load all that an experiment needs.

    Raises:
        RncGraphError: a file, a column or a value is missing or wrong, or too little is left to
            pretrain on, or from outside.
    """
    tables = experiment.tables()
    digests = {name: table_digest(table) for name, table in tables.items()}
    sources = {}
    for method in experiment.methods:
        source = method.pretraining.data if method.pretraining else None
        if source is not None:
            for name, table in tables.items():
                if (source_name(source), name) not in sources:
                    left = _without(experiment, source, table)
                    sources[source_name(source), name] = left, table_digest(left)
    outside = {name: _outside(experiment, table) for name, table in tables.items()}
    return Datasets(tables, digests, sources, {k: v for k, v in outside.items() if v})


def _without(experiment: Experiment, source: str | CsvData, table: MoleculeTable) -> MoleculeTable:
    """Return a data set to pretrain on, without the molecules that the runs are about."""
    whole = experiment.load(source)
    kept = set(without(whole.smiles, table.smiles))
    rows = np.flatnonzero([smiles in kept for smiles in whole.smiles])
    if len(rows) < 10:
        raise RncGraphError(
            f"pretraining.data: {source_name(source)!r} has {len(rows)} molecules that "
            f"{table.name!r} lacks, and 10 are needed; another set is needed"
        )
    return whole.take(rows)


def _outside(experiment: Experiment, table: MoleculeTable) -> list[str]:
    """Return the molecules to be told from the data set's: those of another set that it lacks."""
    judged = experiment.representation
    if judged is None or judged.outside is None:
        return []
    outside = without(experiment.load(judged.outside).smiles, table.smiles)
    if len(outside) < 2:
        raise RncGraphError(
            f"representation.outside: {judged.outside!r} has {len(outside)} molecules that the "
            "data set lacks; another set is needed"
        )
    return outside


def table_digest(table: MoleculeTable) -> str:
    """Return a short name for a table's molecules and targets."""
    content = json.dumps([table.smiles, table.targets.tolist(), table.target_names])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
