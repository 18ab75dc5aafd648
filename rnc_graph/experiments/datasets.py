"""The samples of an experiment: its data sets, those to pretrain on, those from outside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from rnc_graph.data import MoleculeTable, without
from rnc_graph.data.cache import OnDone
from rnc_graph.data.features import packed_graphs
from rnc_graph.data.samples import ImageSource, ImageStore, InputKind, Samples, SampleTable, Store
from rnc_graph.errors import BadValueError
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec.sources import CsvData, DrawingSpec, source_name
from rnc_graph.experiments.store import digest


@dataclass(frozen=True)
class Loaded:
    """A data set as it was read.

    Attributes:
        table: what its samples are, and their targets.
        digest: a short name for its content.
        images: its pixels; None for molecules.
        skipped: a message that lists the bad images left out, "" for none.
        groups: (C,) the group of each class, where they have a hierarchy.
    """

    table: SampleTable
    digest: str
    images: ImageStore | None = None
    skipped: str = ""
    groups: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Datasets:
    """All samples that an experiment needs.

    Attributes:
        sets: the data sets, by name.
        kinds: what its encoders take.
        drawing: how molecules are drawn for encoders of images.
        sources: what is pretrained on, without the molecules of the data set it is for, by the
            names of both.
        outside: SMILES to be told from a data set's, by its name.
        outside_images: images to be told from those of any set of images.
    """

    sets: dict[str, Loaded]
    kinds: frozenset[InputKind]
    drawing: DrawingSpec
    sources: dict[tuple[str, str], Loaded] = field(default_factory=dict)
    outside: dict[str, list[str]] = field(default_factory=dict)
    outside_images: Loaded | None = None

    @property
    def tables(self) -> dict[str, SampleTable]:
        """The data sets' tables, by name."""
        return {name: loaded.table for name, loaded in self.sets.items()}

    def channels(self, data: str) -> int:
        """Return the channels of a data set's images, or of pictures of its molecules."""
        images = self.sets[data].images
        return images.shape[0] if images is not None else self.drawing.channels

    def digest(self, data: str, kind: InputKind | None = None) -> str:
        """Return a short name for a data set as encoders of a kind see it; as itself by default."""
        return self._digest(self.sets[data], kind)

    def source_digest(self, source: str, data: str, kind: InputKind) -> str:
        """Return a short name for what is pretrained on, as encoders of a kind see it."""
        return self._digest(self.sources[source, data], kind)

    def outside_digest(self, data: str, kind: InputKind) -> str | None:
        """Return a short name for the samples from outside, if there are any."""
        if self.outside_images is not None:
            return self.outside_images.digest
        outside = self.outside.get(data)
        return digest({"smiles": outside, **self._drawn(kind)}) if outside else None

    def samples(self) -> dict[str, Samples]:
        """Return the data sets with what encoders take, by digest.

        Raises:
            RncGraphError: a SMILES gives no molecule, or encoders take what a set has not.
        """
        found: dict[str, Samples] = {}
        for loaded in (*self.sets.values(), *self.sources.values()):
            table = loaded.table
            if not isinstance(table, MoleculeTable):
                assert loaded.images is not None
                found[loaded.digest] = Samples(table, loaded.images, "images", loaded.groups)
                continue
            # Baselines know molecules by what their graphs are known by.
            kinds: set[InputKind] = {"graphs", *self.kinds}
            for kind in kinds:
                store = self._store(table.smiles, table.name, kind)
                found[self._digest(loaded, kind)] = Samples(table, store, kind)
        return found

    def outside_stores(self) -> dict[str, Store]:
        """Return what encoders take of the samples from outside, by their digest."""
        found: dict[str, Store] = {}
        if self.outside_images is not None and self.outside_images.images is not None:
            found[self.outside_images.digest] = self.outside_images.images
        for data, smiles in self.outside.items():
            for kind in self.kinds:
                name = self.outside_digest(data, kind)
                if name is not None:
                    found[name] = self._store(smiles, "outside", kind)
        return found

    def _store(self, smiles: list[str], source: str, kind: InputKind) -> Store:
        if kind == "images":
            return self.drawing.draw(smiles, source)
        return packed_graphs(smiles, source)

    def _digest(self, loaded: Loaded, kind: InputKind | None) -> str:
        drawn = self._drawn(kind) if loaded.images is None else {}
        return digest({"molecules": loaded.digest, **drawn}) if drawn else loaded.digest

    def _drawn(self, kind: InputKind | None) -> Mapping[str, object]:
        """Return what pictures of molecules depend on beside them."""
        return {"drawing": self.drawing.model_dump()} if kind == "images" else {}


def load_datasets(experiment: Experiment, on_images: OnDone = lambda images: None) -> Datasets:
    """Load all that an experiment needs.

    Args:
        experiment: says which.
        on_images: told how many more images are decoded.

    Raises:
        RncGraphError: a file, a column, an image or a value is missing or wrong, or too little is
            left to pretrain on, or from outside.
    """
    sets = {source_name(source): _load(experiment, source, on_images) for source in experiment.data}
    sources = {}
    for method in experiment.methods:
        source = method.pretraining.data if method.pretraining else None
        if source is not None:
            for name, loaded in sets.items():
                if (source_name(source), name) not in sources:
                    left = _without(experiment, source, loaded.table)
                    sources[source_name(source), name] = left
    judged = experiment.representation
    elsewhere = judged.outside if judged else None
    outside_images = None
    if isinstance(elsewhere, ImageSource):
        outside_images = _outside_images(experiment, elsewhere, sets.values(), on_images)
    outside = {name: _outside(experiment, loaded.table) for name, loaded in sets.items()}
    return Datasets(
        sets,
        frozenset(map(experiment.kind_of, experiment.encoders)),
        experiment.drawing,
        sources,
        {name: smiles for name, smiles in outside.items() if smiles},
        outside_images,
    )


def _load(experiment: Experiment, source: str | CsvData | ImageSource, on_images: OnDone) -> Loaded:
    """Load a data set, and take the rows that the experiment wants."""
    if isinstance(source, str | CsvData):
        table = experiment.load_molecules(source)
        return Loaded(table, table_digest(table))
    data = source.load(on_images)
    rows = experiment.taken(len(data))
    images = data.images if rows is None else data.images.take(torch.from_numpy(rows))
    own = data.table if rows is None else data.table.take(rows)
    return Loaded(own, image_digest(own, images), images, data.skipped_text, data.groups)


def _without(
    experiment: Experiment, source: str | CsvData | ImageSource, table: SampleTable
) -> Loaded:
    """Return a data set to pretrain on, without the molecules that the runs are about."""
    if isinstance(source, ImageSource) or not isinstance(table, MoleculeTable):
        raise BadValueError(
            f"pretraining.data: {source_name(source)!r} for {table.name!r}: only molecules can be "
            "pretrained on for molecules of another set, since one that is in both must be left out"
        )
    whole = experiment.load_molecules(source)
    kept = set(without(whole.smiles, table.smiles))
    rows = np.flatnonzero([smiles in kept for smiles in whole.smiles])
    if len(rows) < 10:
        raise BadValueError(
            f"pretraining.data: {source_name(source)!r} has {len(rows)} molecules that "
            f"{table.name!r} lacks, and 10 are needed; another set is needed"
        )
    left = whole.take(rows)
    return Loaded(left, table_digest(left))


def _outside(experiment: Experiment, table: SampleTable) -> list[str]:
    """Return the molecules to be told from the data set's: those of another set that it lacks."""
    judged = experiment.representation
    if judged is None or judged.outside is None or not isinstance(table, MoleculeTable):
        return []
    if isinstance(judged.outside, ImageSource):
        return []
    outside = without(experiment.load_molecules(judged.outside).smiles, table.smiles)
    if len(outside) < 2:
        raise BadValueError(
            f"representation.outside: {judged.outside_name!r} has {len(outside)} molecules that "
            "the data set lacks; another set is needed"
        )
    return outside


def _outside_images(
    experiment: Experiment, source: ImageSource, sets: Collection[Loaded], on_images: OnDone
) -> Loaded:
    """Return the images to be told from the data sets': those of another set that they lack."""
    outside = _load(experiment, source, on_images)
    assert outside.images is not None
    for loaded in sets:
        shape = loaded.images.shape if loaded.images is not None else None
        if shape != outside.images.shape:
            found = "molecules" if shape is None else f"images of {shape}"
            raise BadValueError(
                f"representation.outside: {outside.table.name!r} has images of "
                f"{outside.images.shape} (channels, height, width), and {loaded.table.name!r} has "
                f"{found}; both must be alike"
            )
    stores = [loaded.images for loaded in sets if loaded.images is not None]
    known = {pixels for images in stores for pixels in images.digests()}
    new = [row for row, pixels in enumerate(outside.images.digests()) if pixels not in known]
    if len(new) < 2:
        raise BadValueError(
            f"representation.outside: {outside.table.name!r} has {len(new)} images that the data "
            "sets lack; another set is needed"
        )
    if len(new) == len(outside.table):
        return outside
    table, images = outside.table.take(np.array(new)), outside.images.take(torch.tensor(new))
    return replace(outside, table=table, images=images, digest=image_digest(table, images))


def table_digest(table: MoleculeTable) -> str:
    """Return a short name for a table's molecules and targets."""
    content = json.dumps([table.smiles, table.targets.tolist(), table.target_names])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def image_digest(table: SampleTable, images: ImageStore) -> str:
    """Return a short name for a table's pixels, targets and split."""
    given = getattr(table, "parts", None)
    parts = None if given is None else given.tolist()
    found = hashlib.sha256(
        json.dumps([table.targets.tolist(), table.target_names, parts, images.shape]).encode()
    )
    for first in range(0, len(images), 256):
        rows = torch.arange(first, min(first + 256, len(images)))
        found.update(images.batch(rows).contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
