"""Packed graphs kept on disk, keyed by the SMILES and the featuriser."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from rnc_graph.data.featurise import FEATURISER, BadMolecule, featurise
from rnc_graph.data.packed import PackedGraphs
from rnc_graph.errors import RncGraphError
from rnc_graph.files import atomic_path


def cache_dir() -> Path:
    """Return ``$RNC_GRAPH_CACHE``, else ``rnc_graph`` in the user's cache folder."""
    if override := os.environ.get("RNC_GRAPH_CACHE"):
        return Path(override)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rnc_graph"


def packed_graphs(smiles: Sequence[str], source: str) -> PackedGraphs:
    """Return the N packed graphs of N SMILES, featurised once and cached after.

    A cache that cannot be read or written costs time, never the result.

    Args:
        smiles: N SMILES.
        source: what errors call the place they came from.

    Raises:
        RncGraphError: a SMILES gives no molecule; the message names its row, text and reason.
    """
    content = hashlib.sha256(json.dumps([FEATURISER, *smiles]).encode()).hexdigest()
    path = cache_dir() / f"{content[:32]}.safetensors"
    try:
        return PackedGraphs(**load_file(path))
    except (OSError, SafetensorError, TypeError):
        pass
    graphs, bad = featurise(smiles)
    if bad:
        raise RncGraphError(_describe(bad, source))
    try:
        with atomic_path(path) as temporary:
            save_file(graphs.tensors(), temporary)
    except (OSError, SafetensorError):
        pass
    return graphs


def _describe(bad: list[BadMolecule], source: str) -> str:
    shown = [f"  row {b.row + 1}: {b.smiles[:80]!r}: {b.reason}" for b in bad[:10]]
    if len(bad) > len(shown):
        shown.append(f"  and {len(bad) - len(shown)} more")
    return "\n".join(
        [f"{source}: {len(bad)} SMILES cannot be read (rows counted below the header)", *shown]
    )
