"""What the features of nodes and edges are: categories with their table sizes, floats, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from rnc_graph.data.featurizer import ATOM_FEATURE_SIZES, BOND_FEATURE_SIZES
from rnc_graph.errors import BadValueError

MASK = -1
"""The index of a masked category, in every table: encoders have a vector for it."""

Features = int | tuple[int, ...]
"""The table size of each category, the number of floats, or 0 for no features."""


@dataclass(frozen=True)
class GraphSchema:
    """The features of the nodes and edges of a data set.

    Attributes:
        nodes: the table size of each column of ``x`` if its columns are categories (a column of
            size s holds 0 ... s - 1), its width if they are floats, 0 without ``x``.
        edges: the same of ``edge_attr``.
        observed: whether the tables are as long as some data needed, and may be longer.
    """

    nodes: Features
    edges: Features
    observed: bool = field(default=False, compare=False)

    def fits(self, tables: GraphSchema, name: Literal["nodes", "edges"]) -> bool:
        """Return whether features of this schema can be looked up in the tables of another."""
        own, other = getattr(self, name), getattr(tables, name)
        if self.observed and isinstance(own, tuple) and isinstance(other, tuple):
            return len(own) == len(other) and all(a <= b for a, b in zip(own, other, strict=True))
        return bool(own == other)

    def options(self) -> dict[str, int | list[int]]:
        """Return the arguments of an encoder for these features.

        >>> GraphSchema(nodes=3, edges=(4, 2)).options()
        {'in_channels': 3, 'edge_dim': [4, 2]}
        """
        named = {"in_channels": self.nodes, "edge_dim": self.edges}
        return {key: f if isinstance(f, int) else list(f) for key, f in named.items()}


OGB_MOLECULES = GraphSchema(ATOM_FEATURE_SIZES, BOND_FEATURE_SIZES)
"""Our own molecules, and those of the Open Graph Benchmark.

The tables are the same. Stereochemistry is not: see :mod:`rnc_graph.data.featurizer`.
"""


def pyg_molecules() -> GraphSchema:
    """Return the schema of ``torch_geometric.utils.from_smiles``."""
    from torch_geometric.utils.smiles import e_map, x_map

    return GraphSchema(
        tuple(len(values) for values in x_map.values()),
        tuple(len(values) for values in e_map.values()),
    )


def as_features(given: int | Sequence[int] | None) -> Features:
    """Return an encoder's ``in_channels`` or ``edge_dim`` as a schema has it.

    Raises:
        BadValueError: a negative width, or a table without categories.
    """
    features: Features
    if isinstance(given, int | np.integer | None):
        features = int(given or 0)
    else:
        features = tuple(map(int, given))
    if (features < 0) if isinstance(features, int) else (not features or min(features) < 1):
        raise BadValueError(
            f"expected a width from 0, or the sizes of category tables from 1, got {given!r}"
        )
    return features


def describe(features: Features) -> str:
    """Return features in words.

    >>> describe((4, 2)), describe(3), describe(0)
    ('categories of sizes (4, 2)', '3 floats', 'no features')
    """
    if isinstance(features, tuple):
        return f"categories of sizes {features}"
    return f"{features} floats" if features else "no features"


def recognized(graphs: Sequence[Any], name: str) -> GraphSchema | None:
    """Return the schema of well-known molecules, None for other graphs.

    OGB's are recognized by the data set's ``name``, those of PyG's ``from_smiles`` by featurizing
    the ``smiles`` of the first graphs again.
    """
    if name.startswith("ogbg-mol"):
        return OGB_MOLECULES
    if not isinstance(getattr(graphs[0], "smiles", None), str):
        return None
    from torch_geometric.utils import from_smiles

    for graph in graphs[:3]:
        try:
            again = from_smiles(graph.smiles)
        except Exception:  # What RDKit or PyG raise for a text that is no SMILES.
            return None
        for key in ("x", "edge_attr"):
            given = graph.get(key)
            if not isinstance(given, Tensor) or not torch.equal(given, again[key]):
                return None
    return pyg_molecules()
