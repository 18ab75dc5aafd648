"""The samples of an experiment: its datasets, those to pretrain on, out-of-distribution ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rnc_graph.data import MoleculeTable, load_dataset, read_table, without
from rnc_graph.data.cache import OnDone
from rnc_graph.data.features import packed_graphs
from rnc_graph.data.inputs import ImageSource, ImageStore, InputDataset, InputKind, Store
from rnc_graph.data.scaling import Transform, not_positive
from rnc_graph.data.table import Table
from rnc_graph.errors import BadValueError
from rnc_graph.experiments.digests import image_digest, table_digest
from rnc_graph.experiments.own_graphs import GraphTable, graph_table, graphs_digest, load_graphs
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec.sources import (
    CsvData,
    DrawingSpec,
    GraphData,
    Source,
    source_name,
)
from rnc_graph.experiments.store import digest

# Fewer molecules are not pretrained on.
_FEWEST_TO_PRETRAIN = 10


@dataclass(frozen=True)
class Loaded:
    """A loaded dataset.

    Attributes:
        table: its samples and their targets.
        digest: a short name for its content.
        images: the pixels of images.
        graphs: the graphs of samples without SMILES. Molecules have neither: they are featurized or
            drawn as encoders take them.
        skipped: a message that lists the bad images left out, "" for none.
        groups: (C,) the group of each class, if they have a hierarchy.
        transforms: of the targets before they are learned; () for none.
    """

    table: Table
    digest: str
    images: ImageStore | None = None
    graphs: Store | None = None
    skipped: str = ""
    groups: tuple[int, ...] | None = None
    transforms: tuple[Transform, ...] = ()

    @property
    def store(self) -> Store | None:
        """What encoders take of samples that are not molecules."""
        return self.images if self.images is not None else self.graphs


@dataclass(frozen=True)
class Datasets:
    """All samples that an experiment needs.

    Attributes:
        sets: the datasets, by name.
        kinds: what its encoders take.
        drawing: how molecules are drawn for encoders of images.
        sources: what is pretrained on, without the molecules of the dataset it is for, by the
            names of both.
        ood: SMILES of out-of-distribution molecules, by the name of the dataset.
        ood_images: out-of-distribution images, the same for all datasets.
    """

    sets: dict[str, Loaded]
    kinds: frozenset[InputKind]
    drawing: DrawingSpec
    sources: dict[tuple[str, str], Loaded] = field(default_factory=dict)
    ood: dict[str, list[str]] = field(default_factory=dict)
    ood_images: Loaded | None = None

    @property
    def tables(self) -> dict[str, Table]:
        """The datasets' tables, by name."""
        return {name: loaded.table for name, loaded in self.sets.items()}

    def channels(self, data: str) -> int:
        """Return the channels of a dataset's images, or of the drawings of its molecules."""
        images = self.sets[data].images
        return self.drawing.channels if images is None else images.shape[0]

    def digest(self, data: str, kind: InputKind | None = None) -> str:
        """Return a short name for a dataset as encoders of a kind see it; as itself by default."""
        return self._digest(self.sets[data], kind)

    def source_digest(self, source: str, data: str, kind: InputKind) -> str:
        """Return a short name for what is pretrained on, as encoders of a kind see it."""
        return self._digest(self.sources[source, data], kind)

    def ood_digest(self, data: str, kind: InputKind) -> str | None:
        """Return a short name for the out-of-distribution samples, if there are any."""
        if self.ood_images is not None:
            return self.ood_images.digest
        ood = self.ood.get(data)
        return digest({"smiles": ood, **self._drawn(kind)}) if ood else None

    def inputs(self) -> dict[str, InputDataset]:
        """Return the datasets with what encoders take, by digest.

        Raises:
            RncGraphError: a SMILES gives no molecule, or encoders take what a dataset lacks.
        """
        found: dict[str, InputDataset] = {}
        for loaded in (*self.sets.values(), *self.sources.values()):
            table = loaded.table
            if loaded.store is not None:
                kind: InputKind = "images" if loaded.images is not None else "graphs"
                found[loaded.digest] = InputDataset(table, loaded.store, kind, loaded.groups)
                continue
            assert isinstance(table, MoleculeTable)
            # Baselines know molecules by the digest of their graphs.
            kinds: set[InputKind] = {"graphs", *self.kinds}
            for kind in kinds:
                store = self._store(table.smiles, table.name, kind)
                dataset = InputDataset(table, store, kind, transforms=loaded.transforms)
                found[self._digest(loaded, kind)] = dataset
        return found

    def ood_stores(self) -> dict[str, Store]:
        """Return what encoders take of the out-of-distribution samples, by their digest."""
        found: dict[str, Store] = {}
        if self.ood_images is not None and self.ood_images.images is not None:
            found[self.ood_images.digest] = self.ood_images.images
        for data, smiles in self.ood.items():
            for kind in self.kinds:
                name = self.ood_digest(data, kind)
                if name is not None:
                    found[name] = self._store(smiles, "out-of-distribution set", kind)
        return found

    def _store(self, smiles: list[str], source: str, kind: InputKind) -> Store:
        if kind == "images":
            return self.drawing.draw(smiles, source)
        return packed_graphs(smiles, source)

    def _digest(self, loaded: Loaded, kind: InputKind | None) -> str:
        drawn = self._drawn(kind) if loaded.store is None else {}
        return digest({"molecules": loaded.digest, **drawn}) if drawn else loaded.digest

    def _drawn(self, kind: InputKind | None) -> Mapping[str, object]:
        """Return what drawings of molecules depend on in addition."""
        return {"drawing": self.drawing.model_dump()} if kind == "images" else {}


def load_datasets(
    experiment: Experiment,
    on_images: OnDone = lambda images: None,
    *,
    graphs: Mapping[str, Any] | None = None,
) -> Datasets:
    """Load all that an experiment needs.

    Args:
        experiment: the grid.
        on_images: called with the number of images decoded since the last call.
        graphs: of finished runs, the tables of own graphs by name (see ``GraphTable.as_json``):
            they replace the import of the user's modules, and what only training and evaluation
            need is not loaded.

    Raises:
        RncGraphError: a file, a column, an image or a value is missing or wrong, or too few
            samples are left to pretrain on, or out of distribution.
    """
    sets = {
        source_name(source): _from_stored(graphs[source_name(source)])
        if graphs is not None and isinstance(source, GraphData)
        else _load(experiment, source, on_images)
        for source in experiment.data
    }
    kinds = frozenset(map(experiment.kind_of, experiment.encoders))
    if graphs is not None:
        return Datasets(sets, kinds, experiment.drawing)
    sources = {}
    for method in experiment.methods:
        source = method.pretraining.data if method.pretraining else None
        if source is not None:
            for name, loaded in sets.items():
                if (source_name(source), name) not in sources:
                    left = _without(experiment, source, loaded.table)
                    sources[source_name(source), name] = left
    evaluated = experiment.representation
    ood_source = evaluated.ood if evaluated else None
    ood: dict[str, list[str]] = {}
    ood_images = None
    # Of the kind that all data are of: a spec is checked for it.
    if isinstance(ood_source, ImageSource):
        ood_images = _ood_images(experiment, ood_source, sets.values(), on_images)
    elif isinstance(ood_source, str | CsvData):
        ood = {
            name: _ood_smiles(experiment, ood_source, loaded.table) for name, loaded in sets.items()
        }
    return Datasets(sets, kinds, experiment.drawing, sources, ood, ood_images)


def _load(experiment: Experiment, source: Source, on_images: OnDone) -> Loaded:
    """Load a dataset, and select the samples that the experiment uses."""
    if isinstance(source, str | CsvData):
        table = _load_molecules(experiment, source, experiment.targets, experiment.split_columns())
        return _loaded(table, source, experiment.split_columns())
    if isinstance(source, GraphData):
        return _load_graphs(experiment, source)
    data = source.load(on_images)
    rows = _subset(experiment, len(data.table))
    images = data.images if rows is None else data.images.take(torch.from_numpy(rows))
    own = data.table if rows is None else data.table.take(rows)
    return Loaded(
        own,
        image_digest(own, images),
        images=images,
        skipped=data.skipped_text,
        groups=data.groups,
    )


def _load_molecules(
    experiment: Experiment,
    source: str | CsvData,
    targets: Sequence[str] | None = None,
    columns: Sequence[str] = (),
) -> MoleculeTable:
    """Load a dataset of molecules, without those that have no target.

    ``targets`` are of a named dataset, all by default; ``columns`` are further ones of a file.
    """
    if isinstance(source, str):
        table = load_dataset(source).select(targets)
    else:
        table = read_table(
            source.path,
            source.smiles,
            source.targets,
            unit=source.unit,
            missing=source.missing,
            extra=columns,
            bounds=True,
            relations=source.relation,
            weight=source.weight,
            id_column=source.id,
        )
        _check_logarithms(table, source.transforms)
    known = ~np.isnan(table.exact)
    for name, values, has in zip(table.target_names, table.exact.T, known.T, strict=True):
        if not has.any() or np.ptp(values[has]) == 0:
            what = f"all its values are the same, {values[has][0]:g}" if has.any() else "is empty"
            raise BadValueError(f"{table.name}, column {name!r}: {what}; there is nothing to learn")
    measured = ~np.isnan(table.targets).all(axis=1)
    if not measured.all():
        table = table.take(np.flatnonzero(measured))
    rows = _subset(experiment, len(table))
    return table if rows is None else table.take(rows)


def _loaded(table: MoleculeTable, source: Source, columns: Sequence[str] = ()) -> Loaded:
    transforms = source.transforms if isinstance(source, CsvData) else ()
    return Loaded(table, table_digest(table, transforms, columns), transforms=transforms)


def _check_logarithms(table: MoleculeTable, transforms: Sequence[Transform]) -> None:
    """Raise :class:`BadValueError` for a value that has no logarithm, if it is learned as one."""
    wrong = np.argwhere(not_positive(table.targets, transforms or ["none"]))
    if len(wrong):
        row, target = wrong[0].tolist()
        raise BadValueError(
            f"{table.name}, row {table.rows[row]}, column {table.target_names[target]!r}: expected "
            f"a positive number for {transforms[target]}, got {table.targets[row, target]:g}"
        )


def _load_graphs(experiment: Experiment, source: GraphData) -> Loaded:
    """Load graphs of the user's own."""
    dataset, sets = load_graphs(source.pyg, source.arguments)
    assert dataset.y is not None
    if experiment.targets:
        columns = []
        for name in experiment.targets:
            if name not in dataset.target_names:
                raise BadValueError(
                    f"targets: {source.pyg} has {', '.join(dataset.target_names)}, got {name!r}"
                )
            columns.append(dataset.target_names.index(name))
        dataset = dataset.with_y(dataset.y[:, columns], experiment.targets)
    rows = _subset(experiment, len(dataset))
    if rows is not None:
        dataset, sets = dataset[rows], sets and [sets[row] for row in rows]
    table = graph_table(source_name(source), dataset, source.unit, sets)
    return Loaded(table, graphs_digest(dataset, sets), graphs=dataset)


def _from_stored(content: Mapping[str, Any]) -> Loaded:
    """Return own graphs as finished runs kept their table."""
    table = GraphTable.from_json(content)
    return Loaded(table, digest(content))


def _subset(experiment: Experiment, count: int) -> NDArray[np.int64] | None:
    """Return the indices of the samples to use; None for all."""
    if experiment.samples is None or count <= experiment.samples:
        return None
    return np.linspace(0, count - 1, experiment.samples).astype(np.int64)


def _without(experiment: Experiment, source: Source, table: Table) -> Loaded:
    """Return a dataset to pretrain on, without the molecules that the runs are about."""
    if not isinstance(source, str | CsvData) or not isinstance(table, MoleculeTable):
        raise BadValueError(
            f"pretraining.data: {source_name(source)!r} for {table.name!r}: only molecules can be "
            "pretrained on for molecules of another set, since one that is in both must be left out"
        )
    whole = _load_molecules(experiment, source)
    kept = set(without(whole.smiles, table.smiles))
    rows = np.flatnonzero([smiles in kept for smiles in whole.smiles])
    if len(rows) < _FEWEST_TO_PRETRAIN:
        raise BadValueError(
            f"pretraining.data: {source_name(source)!r} has {len(rows)} molecules that "
            f"{table.name!r} lacks, and {_FEWEST_TO_PRETRAIN} are needed; another set is needed"
        )
    return _loaded(whole.take(rows), source)


def _ood_smiles(experiment: Experiment, ood: str | CsvData, table: Table) -> list[str]:
    """Return the out-of-distribution molecules: those of another dataset that are not in this."""
    assert isinstance(table, MoleculeTable)
    # Their targets do not matter.
    every = load_dataset(ood) if isinstance(ood, str) else _load_molecules(experiment, ood)
    rows = _subset(experiment, len(every))
    every = every if rows is None else every.take(rows)
    found = without(every.smiles, table.smiles)
    if len(found) < 2:
        raise BadValueError(
            f"representation.ood: {source_name(ood)!r} has {len(found)} molecules that "
            "the data set lacks; another set is needed"
        )
    return found


def _ood_images(
    experiment: Experiment, source: ImageSource, sets: Collection[Loaded], on_images: OnDone
) -> Loaded:
    """Return the out-of-distribution images: those of another dataset that are not in these."""
    ood = _load(experiment, source, on_images)
    assert ood.images is not None
    known: set[bytes] = set()
    for loaded in sets:
        assert loaded.images is not None
        if loaded.images.shape != ood.images.shape:
            raise BadValueError(
                f"representation.ood: {ood.table.name!r} has images of "
                f"{ood.images.shape} (channels, height, width), and {loaded.table.name!r} has "
                f"images of {loaded.images.shape}; both must be alike"
            )
        known.update(loaded.images.digests())
    new = [row for row, pixels in enumerate(ood.images.digests()) if pixels not in known]
    if len(new) < 2:
        raise BadValueError(
            f"representation.ood: {ood.table.name!r} has {len(new)} images that the data "
            "sets lack; another set is needed"
        )
    if len(new) == len(ood.table):
        return ood
    table, images = ood.table.take(np.array(new)), ood.images.take(torch.tensor(new))
    return replace(ood, table=table, images=images, digest=image_digest(table, images))
