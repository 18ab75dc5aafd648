"""What is computed of N molecules, ready for members and baselines: here, or in parallel."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import rdkit
import torch
from numpy.typing import NDArray

from rnc_graph.data.bad import bad_rows, check_bad
from rnc_graph.data.cache import Entry, Layout, OnDone, cached, stored
from rnc_graph.data.featurizer import (
    ATOM_FEATURE_SIZES,
    BOND_FEATURE_SIZES,
    DESCRIPTORS,
    TOGETHER,
    FeaturizerConfig,
    MoleculeArrays,
    descriptor_names,
    molecule_arrays,
)
from rnc_graph.data.fingerprints import BITS, as_matrices, counted
from rnc_graph.data.graphs import GraphDataset
from rnc_graph.data.packed import PackedAttribute, PackedGraphs, offsets_of
from rnc_graph.data.rdkit_log import whole
from rnc_graph.data.schema import OGB_MOLECULES
from rnc_graph.data.smiles import BadMolecule, parse_smiles
from rnc_graph.data.table import MoleculeTable
from rnc_graph.workers import in_order

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Molecules that a worker takes at a time.
_CHUNK = 512
WORTH_PROCESSES = 2_000
"""Molecules below which starting processes takes longer than the work."""


@dataclass(frozen=True)
class MoleculeFeatures:
    """N molecules; rows are those of the SMILES.

    Attributes:
        graphs: N graphs, without targets; a bad molecule's is empty.
        descriptors: (N, D) float64, NaN where not defined; D = 0 where they were not wanted.
        fingerprints: (N, 256) uint8 packed bits; (N, 0) where they were not wanted.
        canonical: N canonical SMILES, "" for a bad molecule; none where they were not wanted.
        bad: those that cannot be read.
        counts: (N, 4096) by fingerprint, where they were computed; see ``fingerprint_counts``.
    """

    graphs: GraphDataset
    descriptors: NDArray[np.float64]
    fingerprints: NDArray[np.uint8]
    canonical: list[str]
    bad: list[BadMolecule]
    counts: dict[str, csr_array] = field(default_factory=dict)

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
            graphs=graphs_of(
                arrays.atoms, arrays.ends, arrays.bonds, arrays.atom_counts, arrays.edge_counts
            ),
            descriptors=arrays.descriptors,
            fingerprints=arrays.fingerprints,
            canonical=arrays.canonical,
            bad=arrays.bad,
            counts=arrays.counts,
        )


def molecule_features(
    smiles: Sequence[str],
    config: FeaturizerConfig,
    *,
    jobs: int = 1,
    on_done: OnDone = lambda rows: None,
) -> MoleculeFeatures:
    """Return the features of N SMILES, computed once and cached after: see :func:`cached`.

    Args:
        smiles: N SMILES.
        config: what is computed in addition to the graphs.
        jobs: processes to compute in.
        on_done: called with the number of molecules done since the last call.

    Raises:
        RunError: a worker process died.
    """
    digest = _digest(smiles)
    # What was computed with more features has these too.
    for found in (config, replace(config, descriptors=True, fingerprints=True, canonical=True)):
        entry = stored(_key(digest, found), _layout(found))
        # Molecules that are too large for descriptors are bad there, and have graphs.
        as_bad = found == config or config.descriptors or config.bounded
        if entry is not None and (as_bad or not entry.notes.get("bad")):
            on_done(len(smiles))
            return _features(entry, config, len(smiles))
    # Descriptors take ten times as long as a graph.
    worth = WORTH_PROCESSES // 10 if config.descriptors else WORTH_PROCESSES
    jobs = jobs if len(smiles) >= worth else 1

    def parts() -> Iterator[Entry]:
        chunks = (smiles[first : first + _CHUNK] for first in range(0, len(smiles), _CHUNK))
        done = 0
        for part in stream_arrays(chunks, config, jobs):
            bad = [[done + b.row, b.smiles, b.reason] for b in part.bad]
            arrays = {name: getattr(part, name) for name in _layout(config)}
            yield Entry(arrays, {"canonical": part.canonical, "bad": bad})
            done += len(part.atom_counts)
            on_done(len(part.atom_counts))

    return _features(cached(_key(digest, config), _layout(config), parts), config, len(smiles))


def packed_graphs(smiles: Sequence[str], source: str) -> GraphDataset:
    """Return the N packed graphs of N SMILES, featurized once and cached after.

    Args:
        smiles: N SMILES.
        source: where they are from, for error messages.

    Raises:
        BadValueError: a SMILES gives no molecule; the message names its row, text and reason.
    """
    features = molecule_features(smiles, FeaturizerConfig())
    if features.bad:
        table = MoleculeTable(source, list(smiles), np.empty((len(smiles), 0)), [])
        check_bad(bad_rows(features.bad, table), "raise", source)
    return features.graphs


def stream_arrays(
    chunks: Iterable[Sequence[str]],
    config: FeaturizerConfig,
    jobs: int = 1,
    counts: Sequence[str] = (),
    *,
    trains: bool = True,
) -> Iterator[MoleculeArrays]:
    """Yield the features of each chunk of SMILES, in order, computed in ``jobs`` processes.

    ``counts`` are the fingerprints whose counts are computed too; for ``trains`` see
    :func:`~rnc_graph.workers.worker_pool`.

    Raises:
        RunError: a worker process died.
    """
    make = partial(molecule_arrays, config=config, counts=counts)
    return in_order(make, chunks, jobs, "nothing was kept of its molecules", trains=trains)


def featurize(smiles: Sequence[str]) -> tuple[GraphDataset, list[BadMolecule]]:
    """Turn N SMILES into packed graphs; a bad one becomes an empty graph and is named.

    Rows stay aligned: graph i is SMILES i.
    """
    features = MoleculeFeatures.of(molecule_arrays(smiles, FeaturizerConfig()))
    return features.graphs, features.bad


def _digest(smiles: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in smiles:
        # JSON marks the end of a text; what is no text differs from all texts.
        digest.update(json.dumps(text if isinstance(text, str) else [repr(text)]).encode())
    return digest.hexdigest()


def _key(digest: str, config: FeaturizerConfig) -> str:
    """Return a name for SMILES and how they are featurized."""
    versions = [rdkit.__version__, *([DESCRIPTORS] if config.descriptors else [])]
    how = json.dumps([digest, *versions, asdict(config)])
    return hashlib.sha256(how.encode()).hexdigest()[:32]


def _layout(config: FeaturizerConfig) -> Layout:
    descriptors = (len(descriptor_names()) if config.descriptors else 0,)
    fingerprints = (BITS // 8,)
    return {
        "atoms": (np.uint8, (len(ATOM_FEATURE_SIZES),)),
        "ends": (np.int32, (2,)),
        "bonds": (np.uint8, (len(BOND_FEATURE_SIZES),)),
        "atom_counts": (np.int32, ()),
        "edge_counts": (np.int32, ()),
        **({"descriptors": (np.float64, descriptors)} if config.descriptors else {}),
        **({"fingerprints": (np.uint8, fingerprints)} if config.fingerprints else {}),
    }


def _features(entry: Entry, config: FeaturizerConfig, count: int) -> MoleculeFeatures:
    """Return the features of an entry of the cache, without those that are not wanted."""
    arrays: dict[str, Any] = {
        "descriptors": np.empty((count, 0)),
        "fingerprints": np.empty((count, 0), np.uint8),
        **{name: entry.arrays[name] for name in _layout(config)},
    }
    canonical = list(entry.notes.get("canonical", ())) if config.canonical else []
    bad = [BadMolecule(*values) for values in entry.notes.get("bad", ())]
    return MoleculeFeatures.of(MoleculeArrays(**arrays, canonical=canonical, bad=bad))


def graphs_of(
    atoms: NDArray[np.uint8],
    ends: NDArray[np.int32],
    bonds: NDArray[np.uint8],
    atom_counts: NDArray[np.int32],
    edge_counts: NDArray[np.int32],
) -> GraphDataset:
    """Return the n graphs of flat arrays, as :class:`MoleculeArrays` has them."""
    nodes, edges = (offsets_of(torch.from_numpy(counts)) for counts in (atom_counts, edge_counts))
    integers = torch.int64
    attributes = {
        "x": PackedAttribute(torch.from_numpy(atoms), nodes, "node", integers),
        "edge_index": PackedAttribute(
            torch.from_numpy(ends).T, edges, "edge", integers, dim=-1, increment=True
        ),
        "edge_attr": PackedAttribute(torch.from_numpy(bonds), edges, "edge", integers),
    }
    return GraphDataset(PackedGraphs(attributes, nodes), OGB_MOLECULES)


def morgan_fingerprints(smiles: Sequence[str]) -> NDArray[np.uint8]:
    """Return the (N, 2048) Morgan fingerprints of radius 2 (Rogers and Hahn, 2010) of N SMILES."""
    return np.unpackbits(
        molecule_features(smiles, FeaturizerConfig(fingerprints=True)).fingerprints, axis=1
    )


def fingerprint_counts(smiles: Sequence[str], fingerprints: Sequence[str]) -> dict[str, csr_array]:
    """Return how often each substructure is in each of N molecules, (N, 4096), by fingerprint.

    Args:
        smiles: N SMILES.
        fingerprints: "morgan" and "feature-morgan" of radius 2 (Rogers and Hahn, J. Chem. Inf.
            Model. 50, 2010), "atom-pairs" (Carhart et al., J. Chem. Inf. Comput. Sci. 25, 1985),
            "torsions" (Nilakantan et al., J. Chem. Inf. Comput. Sci. 27, 1987).

    Raises:
        ValueError: a SMILES is not valid.
    """
    from scipy.sparse import vstack

    def counts_of_few(first: int) -> dict[str, list[dict[int, int]]]:
        few = smiles[first : first + TOGETHER]
        return counted([parse_smiles(text) for text in few], fingerprints)

    # Of a few at a time, also without molecules: Python's numbers take ten times a matrix's memory.
    starts = range(0, max(1, len(smiles)), TOGETHER)
    blocks = [as_matrices(whole(partial(counts_of_few, first))) for first in starts]
    return {name: vstack([block[name] for block in blocks]) for name in fingerprints}
