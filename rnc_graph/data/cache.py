"""Features kept on disk, keyed by the SMILES and by how they were made, and mapped into memory."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import rdkit
from numpy.typing import NDArray

from rnc_graph.data.features import MoleculeFeatures, joined, stream_arrays
from rnc_graph.data.featurizer import (
    ATOM_FEATURE_SIZES,
    BOND_FEATURE_SIZES,
    FEATURIZER,
    FINGERPRINT_BITS,
    BadMolecule,
    MoleculeArrays,
    Wants,
    descriptor_names,
)
from rnc_graph.data.graphs import GraphDataset
from rnc_graph.errors import BadValueError

# Molecules that a worker takes at a time.
_CHUNK = 512
# Below this, starting processes takes longer than the work.
_WORTH_PROCESSES = 2_000

OnDone = Callable[[int], None]


def cache_dir() -> Path:
    """Return ``$RNC_GRAPH_CACHE``, else ``rnc_graph`` in the user's cache folder."""
    if override := os.environ.get("RNC_GRAPH_CACHE"):
        return Path(override)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rnc_graph"


def molecule_features(
    smiles: Sequence[str],
    wants: Wants,
    *,
    jobs: int = 1,
    on_done: OnDone = lambda rows: None,
) -> MoleculeFeatures:
    """Return the features of N SMILES, computed once and cached after.

    They are written to disk as they come and then mapped into memory, so that a million molecules
    take as little of it as a thousand. A cache that cannot be read or written costs time, never the
    result.

    Args:
        smiles: N SMILES.
        wants: what is computed beside the graphs.
        jobs: processes to compute in.
        on_done: told how many more molecules are done.

    Raises:
        RncGraphError: a worker process died.
    """
    folder = cache_dir() / _key(smiles, wants)
    found = _load(folder, len(smiles), wants)
    if found is not None:
        on_done(len(smiles))
        return MoleculeFeatures.of(found)
    chunks = (smiles[first : first + _CHUNK] for first in range(0, len(smiles), _CHUNK))
    parts = _told(stream_arrays(chunks, wants, _worth(jobs, len(smiles), wants)), on_done)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError:
        return MoleculeFeatures.of(joined(list(parts)))
    try:
        return MoleculeFeatures.of(_store(parts, temporary, folder, len(smiles), wants))
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def packed_graphs(smiles: Sequence[str], source: str) -> GraphDataset:
    """Return the N packed graphs of N SMILES, featurized once and cached after.

    Args:
        smiles: N SMILES.
        source: what errors call the place they came from.

    Raises:
        RncGraphError: a SMILES gives no molecule; the message names its row, text and reason.
    """
    features = molecule_features(smiles, Wants())
    if features.bad:
        raise BadValueError(_describe(features.bad, source))
    return features.graphs


def _worth(jobs: int, molecules: int, wants: Wants) -> int:
    """Return how many processes are worth their start."""
    # Descriptors take ten times as long as a graph.
    worth = _WORTH_PROCESSES // 10 if wants.descriptors else _WORTH_PROCESSES
    return jobs if molecules >= worth else 1


def _told(parts: Iterable[MoleculeArrays], on_done: OnDone) -> Iterator[MoleculeArrays]:
    for part in parts:
        on_done(len(part.atom_counts))
        yield part


def _key(smiles: Sequence[str], wants: Wants) -> str:
    """Return a name for these SMILES and how they are featurized."""
    digest = hashlib.sha256(json.dumps([FEATURIZER, rdkit.__version__, asdict(wants)]).encode())
    for text in smiles:
        # JSON tells where a text ends; what is no text stands apart from all texts.
        digest.update(json.dumps(text if isinstance(text, str) else [repr(text)]).encode())
    return digest.hexdigest()[:32]


def _layout(wants: Wants) -> dict[str, tuple[type[np.generic], int | None]]:
    """Return type and width of each array on disk; None for one without columns."""
    return {
        "atoms": (np.uint8, len(ATOM_FEATURE_SIZES)),
        "ends": (np.int32, 2),
        "bonds": (np.uint8, len(BOND_FEATURE_SIZES)),
        "atom_counts": (np.int32, None),
        "edge_counts": (np.int32, None),
        "descriptors": (np.float64, len(descriptor_names()) if wants.descriptors else 0),
        "fingerprints": (np.uint8, FINGERPRINT_BITS // 8 if wants.fingerprints else 0),
    }


def _store(
    parts: Iterator[MoleculeArrays], temporary: Path, folder: Path, rows: int, wants: Wants
) -> MoleculeArrays:
    """Write the parts as they come, put the folder in its place, and map it."""
    layout = _layout(wants)
    held: list[MoleculeArrays] = []
    canonical: list[str] = []
    bad: list[BadMolecule] = []
    done = 0
    for part in parts:
        held.append(part)
        try:
            for name in layout:
                with (temporary / name).open("ab") as file:
                    file.write(getattr(part, name).tobytes())
        except OSError:
            # A full disk: what is written comes back, the others stay in memory.
            return joined([*_written(temporary, layout, canonical, bad, done), *held, *parts])
        canonical += part.canonical
        bad += [BadMolecule(done + b.row, b.smiles, b.reason) for b in part.bad]
        done += len(part.atom_counts)
        held.clear()
    sizes = {name: (temporary / name).stat().st_size for name in layout if done}
    try:
        note = {"sizes": sizes, "canonical": canonical, "bad": [asdict(b) for b in bad]}
        (temporary / "rest.json").write_text(json.dumps(note), encoding="utf-8")
        # What stands there was found wanting; another process may have replaced it since.
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(temporary, folder)
    except OSError:
        pass
    found = _load(folder, rows, wants)
    if found is not None:
        return found
    return joined(_written(temporary, layout, canonical, bad, done))


def _written(
    folder: Path,
    layout: dict[str, tuple[type[np.generic], int | None]],
    canonical: list[str],
    bad: list[BadMolecule],
    rows: int,
) -> list[MoleculeArrays]:
    """Return the first ``rows`` molecules of a folder that could not be finished, in memory."""
    if rows == 0:
        return []
    counts = {
        name: np.fromfile(folder / name, np.int32, rows) for name in ("atom_counts", "edge_counts")
    }
    atoms, edges = int(counts["atom_counts"].sum()), int(counts["edge_counts"].sum())
    lengths = {"atoms": atoms, "ends": edges, "bonds": edges}
    arrays: dict[str, Any] = {}
    for name, (dtype, width) in layout.items():
        length = lengths.get(name, rows)
        flat = np.fromfile(folder / name, dtype, length * (1 if width is None else width))
        arrays[name] = flat if width is None else flat.reshape(length, width)
    return [MoleculeArrays(**arrays, canonical=canonical, bad=bad)]


def _load(folder: Path, rows: int, wants: Wants) -> MoleculeArrays | None:
    """Map a folder into memory; None where there is none, or it is not whole."""
    try:
        note = json.loads((folder / "rest.json").read_text(encoding="utf-8"))
        arrays: dict[str, Any] = {}
        for name, (dtype, width) in _layout(wants).items():
            if (folder / name).stat().st_size != note["sizes"][name]:
                return None
            arrays[name] = _mapped(folder / name, dtype, width, rows)
        found = MoleculeArrays(
            **arrays, canonical=note["canonical"], bad=[BadMolecule(**b) for b in note["bad"]]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if len(found.atom_counts) == rows else None


def _mapped(
    path: Path, dtype: type[np.generic], width: int | None, rows: int
) -> NDArray[np.generic]:
    if width == 0:
        return np.empty((rows, 0), dtype)
    if path.stat().st_size == 0:  # An empty file cannot be mapped.
        return np.empty(0 if width is None else (0, width), dtype)
    # Copy on write, since torch takes no read-only arrays; nothing is ever written.
    flat = np.memmap(path, dtype, mode="c")
    return np.asarray(flat if width is None else flat.reshape(-1, width))


def _describe(bad: Sequence[BadMolecule], source: str) -> str:
    shown = [f"  row {b.row + 1}: {b.smiles[:80]!r}: {b.reason}" for b in bad[:10]]
    if len(bad) > len(shown):
        shown.append(f"  and {len(bad) - len(shown)} more")
    return "\n".join(
        [f"{source}: {len(bad)} SMILES cannot be read (rows counted below the header)", *shown]
    )
