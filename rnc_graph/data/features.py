"""What is computed of N molecules, ready for members and baselines: here, or in parallel."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rnc_graph.data.featurizer import BadMolecule, MoleculeArrays, Wants, molecule_arrays
from rnc_graph.data.graphs import GraphDataset
from rnc_graph.data.packed import PackedAttribute, PackedGraphs
from rnc_graph.data.schema import OGB_MOLECULES
from rnc_graph.workers import worker_pool

# Chunks that each worker has before it: bounds the memory, and keeps it busy.
_AHEAD = 2


@dataclass(frozen=True)
class MoleculeFeatures:
    """N molecules; rows are those of the SMILES.

    Attributes:
        graphs: N graphs, without targets; a bad molecule's is empty.
        descriptors: (N, D) float64, NaN where not defined; D = 0 where they were not wanted.
        fingerprints: (N, 256) uint8 packed bits; (N, 0) where they were not wanted.
        canonical: N canonical SMILES, "" for a bad molecule; none where they were not wanted.
        bad: those that cannot be read.
    """

    graphs: GraphDataset
    descriptors: NDArray[np.float64]
    fingerprints: NDArray[np.uint8]
    canonical: list[str]
    bad: list[BadMolecule]

    def __len__(self) -> int:
        return len(self.graphs)

    @property
    def good(self) -> NDArray[np.int64]:
        """The rows of the molecules that can be read."""
        return np.setdiff1d(np.arange(len(self)), [bad.row for bad in self.bad])

    @classmethod
    def of(cls, arrays: MoleculeArrays) -> MoleculeFeatures:
        """Take what :func:`molecule_arrays` or the cache returned; nothing is copied."""
        return cls(
            graphs=_graphs(arrays),
            descriptors=arrays.descriptors,
            fingerprints=arrays.fingerprints,
            canonical=arrays.canonical,
            bad=arrays.bad,
        )


def stream_arrays(
    chunks: Iterable[Sequence[str]], wants: Wants, jobs: int = 1
) -> Iterator[MoleculeArrays]:
    """Yield what is wanted of each chunk of SMILES, in order, computed in ``jobs`` processes.

    Chunks are taken as they are needed, so that a stream of any length takes bounded memory.

    Raises:
        RncGraphError: a worker process died.
    """
    if jobs == 1:
        for chunk in chunks:
            yield molecule_arrays(chunk, wants)
        return
    waiting: deque[Future[MoleculeArrays]] = deque()
    with worker_pool(jobs, "nothing was kept of its molecules") as pool:
        for chunk in chunks:
            waiting.append(pool.submit(molecule_arrays, chunk, wants))
            if len(waiting) > _AHEAD * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def joined(parts: Sequence[MoleculeArrays]) -> MoleculeArrays:
    """Put chunks end to end."""
    together: dict[str, Any] = {}
    for field in fields(MoleculeArrays):
        values = [getattr(part, field.name) for part in parts]
        if field.name == "canonical":
            together["canonical"] = [text for value in values for text in value]
        elif field.name != "bad":
            together[field.name] = np.concatenate(values)
    starts = np.cumsum([0, *(len(part.atom_counts) for part in parts)])
    bad = [
        BadMolecule(int(start) + b.row, b.smiles, b.reason)
        for start, part in zip(starts, parts, strict=False)
        for b in part.bad
    ]
    return MoleculeArrays(**together, bad=bad)


def featurize(smiles: Sequence[str]) -> tuple[GraphDataset, list[BadMolecule]]:
    """Turn N SMILES into packed graphs; a bad one becomes an empty graph and is named.

    Rows stay aligned: graph i is SMILES i.
    """
    features = MoleculeFeatures.of(molecule_arrays(smiles, Wants()))
    return features.graphs, features.bad


def _graphs(arrays: MoleculeArrays) -> GraphDataset:
    nodes, edges = _offsets(arrays.atom_counts), _offsets(arrays.edge_counts)
    integers = torch.int64
    attributes = {
        "x": PackedAttribute(torch.from_numpy(arrays.atoms), nodes, "node", integers),
        "edge_index": PackedAttribute(
            torch.from_numpy(arrays.ends).T, edges, "edge", integers, dim=-1, increment=True
        ),
        "edge_attr": PackedAttribute(torch.from_numpy(arrays.bonds), edges, "edge", integers),
    }
    return GraphDataset(PackedGraphs(attributes, nodes), OGB_MOLECULES)


def _offsets(counts: NDArray[np.int32]) -> torch.Tensor:
    return torch.cat([torch.zeros(1, dtype=torch.long), torch.from_numpy(counts).long().cumsum(0)])
