"""Augmentations: randomly altered copies of graphs, made on a whole batch at once.

The four graph augmentations of GraphCL (You et al., NeurIPS 2020, arXiv 2010.13902) as PyG
transforms, each with a strength in [0, 1): the share of a graph's nodes or edges that it takes
away. They take a ``Data`` or a ``Batch``, directed or undirected, with its edges in any order.

The edges between the same two nodes share one fate, so that an undirected graph stays undirected,
and every graph keeps at least one node. Tensors of nodes and edges stay aligned; those of graphs
(``y``) stay as they are. A tensor that may be of nodes or of edges raises an error, as do sparse
matrices, and tensors in dicts and lists where nodes or edges are removed.
"""

import copy
import inspect
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Protocol, TypeVar

import torch
from torch import Generator, Tensor

from rnc_graph.data.layout import GraphLayout, select, select_nodes
from rnc_graph.data.packed import collated
from rnc_graph.data.schema import MASK
from rnc_graph.errors import BadValueError
from rnc_graph.pyg import BaseTransform, Batch, Data
from rnc_graph.registry import Registry
from rnc_graph.seeding import drawing_from

Graphs = TypeVar("Graphs", Data, Batch)


class View(Protocol):
    """What makes a view: a batch and a generator in, an altered batch of as many graphs out."""

    def __call__(self, batch: Any, generator: Generator, /) -> Any:
        """Return the view; ``batch`` itself stays as it is."""


VIEWS: Registry[View] = Registry("augmentation", lazy=["rnc_graph.vision.transforms"])


class Augmentation(BaseTransform):
    """An augmentation with a strength.

    Args:
        strength: the share that it takes away, in [0, 1).

    Raises:
        BadValueError: a strength out of range.
    """

    def __init__(self, strength: float) -> None:
        if not 0 <= strength < 1:
            raise BadValueError(
                f"expected a strength of {type(self).__name__} in [0, 1), got {strength}"
            )
        self.strength = strength

    def __call__(self, data: Graphs, generator: Generator | None = None) -> Graphs:
        """Return an altered copy of one graph or of each graph of a batch.

        Args:
            data: stays as it is.
            generator: what is drawn from; the global one of PyTorch by default.
        """
        altered: Graphs = self.forward(data, generator)
        return altered

    @abstractmethod
    def forward(self, data: Any, generator: Generator | None = None) -> Any:
        """Return the view."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.strength})"


@VIEWS.register("drop_atoms")
class DropNodes(Augmentation):
    """Remove a share of each graph's nodes, rounded down, with their edges."""

    def forward(self, data: Any, generator: Generator | None = None) -> Any:
        """Return the view."""
        layout = GraphLayout.of(data)
        order = _rand(layout.num_nodes, layout.ptr, generator)
        counts = layout.ptr.diff()
        # The product may round up to all nodes.
        dropped = (self.strength * counts.double()).long().minimum(counts - 1)
        return select_nodes(data, layout, _rank(order, layout) >= dropped[layout.graph])


@VIEWS.register("drop_bonds")
class DropEdges(Augmentation):
    """Remove each edge with probability ``strength``, all those between two nodes together."""

    def forward(self, data: Any, generator: Generator | None = None) -> Any:
        """Return the view."""
        layout = GraphLayout.of(data)
        pair, pairs, _ = _paired(layout)
        kept = _rand(pairs, layout.ptr, generator) >= self.strength
        return select(data, layout, {"edge": kept[pair]})


@VIEWS.register("mask_attributes")
class MaskAttributes(Augmentation):
    """Hide all features of each node with probability ``strength``.

    Floats become 0 and categories ``rnc_graph.data.schema.MASK`` (-1), for which our encoders have
    a vector of its own.
    """

    def forward(self, data: Any, generator: Generator | None = None) -> Any:
        """Return the view."""
        layout = GraphLayout.of(data)
        if layout.levels.get("x") != "node":
            raise BadValueError("MaskAttributes: expected node features x, got none")
        x = data.x if data.x.is_floating_point() else data.x.long()
        hidden = _rand(layout.num_nodes, layout.ptr, generator) < self.strength
        hidden = hidden.view(-1, *[1] * (x.dim() - 1))
        view = copy.copy(data)
        view.x = torch.where(hidden, 0.0 if x.is_floating_point() else MASK, x)
        return view


@VIEWS.register("subgraph")
class Subgraph(Augmentation):
    """Keep a connected part of each graph that holds ``1 - strength`` of its nodes, rounded up.

    The part grows from a random node along edges of random lengths, in either direction: a node
    joins at its distance from the first one, so each joins after a neighbor and the part is
    connected at any size. Of a graph of several components, such as a salt, it keeps at most the
    component of the first node.
    """

    def forward(self, data: Any, generator: Generator | None = None) -> Any:
        """Return the view."""
        layout = GraphLayout.of(data)
        start = _rank(_rand(layout.num_nodes, layout.ptr, generator), layout) == 0
        distance = torch.where(start, 0.0, torch.inf).double()
        pair, pairs, symmetric = _paired(layout)
        # In float64 no two paths tie, and a sum never rounds to the length of its first part.
        lengths = _rand(pairs, layout.ptr, generator, torch.float64)[pair] + 1e-6
        source, target = layout.edge_index
        if not symmetric:
            source, target = torch.cat([source, target]), torch.cat([target, source])
            lengths = lengths.repeat(2)
        while True:
            nearer = distance.scatter_reduce(0, target, distance[source] + lengths, "amin")
            if torch.equal(nearer, distance):
                break
            distance = nearer
        kept = torch.ceil((1 - self.strength) * layout.ptr.diff().double()).long().clamp(min=1)
        near = (_rank(distance, layout) < kept[layout.graph]) & distance.isfinite()
        return select_nodes(data, layout, near)


class Compose(BaseTransform):
    """Several transforms, one after another.

    Args:
        transforms: ours, PyG's, torchvision's, or functions. One that takes a ``generator`` gets
            whole batches. Others get graph by graph, or image by image: PyG's work on single
            graphs only, and torchvision's draw once a call. What they draw from the global
            generators is decided by ``generator`` too.
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        self.transforms = list(transforms)
        self._whole = [
            "generator" in inspect.signature(getattr(one, "forward", one)).parameters
            for one in self.transforms
        ]

    def __call__(self, data: Graphs, generator: Generator | None = None) -> Graphs:
        """Return an altered copy of one graph, or of each graph or row of a batch."""
        altered: Graphs = self.forward(data, generator)
        return altered

    def forward(self, data: Any, generator: Generator | None = None) -> Any:
        """Return the view."""
        for transform, whole in zip(self.transforms, self._whole, strict=True):
            if whole:
                data = transform(data, generator)
                continue
            with nullcontext() if generator is None else drawing_from(generator):
                if isinstance(data, Tensor):
                    data = torch.stack([transform(row) for row in data])
                    continue
                before = data
                if isinstance(data, Batch):
                    data = collated([_altered(transform, one) for one in data.to_data_list()], data)
                else:
                    data = _altered(transform, data)
            # As in PyG, what a transform adds belongs to nodes unless its name has "edge" in it.
            names = [name for name, _ in data if name not in before]
            added = {name: "edge" if "edge" in name else "node" for name in names}
            data._levels = added | getattr(before, "_levels", {})
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.transforms})"


def _altered(transform: Callable[..., Any], graph: Data) -> Data:
    try:
        found = transform(graph)
    except AssertionError as error:  # PyG's, where a graph lacks what the transform reads.
        reason = f": {error}" if str(error) else ""
        raise BadValueError(
            f"{transform}: does not fit a graph with {', '.join(sorted(graph.keys()))}{reason}"
        ) from error
    if not isinstance(found, Data):
        raise BadValueError(
            f"{transform}: expected it to return a Data, got {type(found).__name__}"
        )
    return found


def make_view(strengths: Mapping[str, float]) -> View | None:
    """Make a view from augmentations by name and strength, applied in order; None for none.

    Raises:
        UnknownNameError: no augmentation has this name.
        BadValueError: a strength out of range.
    """
    views = [VIEWS.make(name, strength=strength) for name, strength in strengths.items()]
    return Compose(views) if views else None


def _paired(layout: GraphLayout) -> tuple[Tensor, int, bool]:
    """Return the number of each edge's pair of nodes, of how many, and if all edges have two ways.

    Each edge of an undirected graph has the number of its other direction.
    """
    first, second = layout.edge_index
    count = len(first)
    # In the order of molecules, where the two directions are next to each other, without sorting.
    if (
        count % 2 == 0
        and torch.equal(first[0::2], second[1::2])
        and torch.equal(first[1::2], second[0::2])
    ):
        return torch.arange(count, device=first.device) // 2, count // 2, True
    nodes = first.minimum(second) * layout.num_nodes + first.maximum(second)
    found, pair = torch.unique(nodes, return_inverse=True)
    return pair, len(found), False


def _rand(
    count: int, like: Tensor, generator: Generator | None, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Draw numbers in [0, 1) where the generator is, and return them where ``like`` is."""
    device = like.device if generator is None else generator.device
    return torch.rand(count, generator=generator, dtype=dtype, device=device).to(like.device)


def _rank(order: Tensor, layout: GraphLayout) -> Tensor:
    """Return each node's place (from 0) among its graph's nodes when sorted by ``order``."""
    by_order = torch.argsort(order, stable=True)
    # Stable, so that within a graph the first sort's order stays.
    by_graph = by_order[torch.argsort(layout.graph[by_order], stable=True)]
    rank = torch.empty_like(by_graph)
    rank[by_graph] = torch.arange(len(rank), device=rank.device) - layout.ptr[layout.graph]
    return rank
