"""The packed store: all graphs of a data set as a few flat tensors with offsets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from rnc_graph.pyg import Batch, Data

Level = Literal["node", "edge", "graph", "other", "tied"]
"""What a tensor has a value for; "tied" if that may be an edge, or a node or graph as well."""

_OF_NODES = frozenset(("x", "pos", "batch", "feat", "n_id", "tf"))


@dataclass(frozen=True)
class PackedAttribute:
    """One tensor of N graphs, end to end.

    Attributes:
        values: the tensors of all graphs, concatenated along ``dim``.
        offsets: (N + 1,) where each graph's begins.
        level: what it has a value for.
        dtype: of a batch and of a single graph; the store may be narrower.
        dim: along which graphs are concatenated.
        increment: whether the values are numbers of nodes, counted from 0 within each graph.
    """

    values: Tensor
    offsets: Tensor
    level: Level
    dtype: torch.dtype
    dim: int = 0
    increment: bool = False


@dataclass(frozen=True)
class PackedGraphs:
    """N graphs end to end; a batch is an indexed slice, without a Python loop over graphs.

    Attributes:
        attributes: the tensors by name, as in PyG's ``Data``.
        node_offsets: (N + 1,) where each graph's nodes begin.
        counted: whether ``num_nodes`` is kept, since no tensor tells the number of nodes.
    """

    attributes: Mapping[str, PackedAttribute]
    node_offsets: Tensor
    counted: bool = False

    def __len__(self) -> int:
        return len(self.node_offsets) - 1

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.node_offsets.device

    @property
    def nbytes(self) -> int:
        """The size of all tensors in bytes."""
        return sum(a.values.nbytes + a.offsets.nbytes for a in self.attributes.values())

    @property
    def levels(self) -> dict[str, Level]:
        """What graphs and batches say of their tensors to augmentations."""
        return {name: a.level for name, a in self.attributes.items()}

    def to(self, device: torch.device | str) -> PackedGraphs:
        """Return the store on a device; while that copy is in use, further calls return it."""
        device = torch.device(device)
        if device == self.device:
            return self
        copies: WeakValueDictionary[torch.device, PackedGraphs]
        copies = vars(self).setdefault("_copies", WeakValueDictionary())
        copy = copies.get(device)
        if copy is None:
            moved = {
                name: replace(a, values=_moved(a.values, device), offsets=a.offsets.to(device))
                for name, a in self.attributes.items()
            }
            copy = replace(self, attributes=moved, node_offsets=self.node_offsets.to(device))
            copies[device] = copy
        return copy

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_copies"}

    def graph(self, row: int) -> Data:
        """Return a copy of one graph."""
        data = Data()
        for name, a in self.attributes.items():
            first, end = a.offsets[row : row + 2].tolist()
            data[name] = a.values.narrow(a.dim, first, end - first).to(a.dtype, copy=True)
        if self.counted:
            data.num_nodes = int(self.node_offsets[row + 1] - self.node_offsets[row])
        data._levels = self.levels
        return data

    def batch(self, index: Tensor) -> Batch:
        """Slice out B graphs, in the order of ``index`` (B,); an index may repeat.

        Returns:
            A ``Batch`` as PyG's own collation of these graphs makes it.
        """
        index = index.to(self.device)
        rows, ptr = _ranges(self.node_offsets, index)
        nodes = len(rows)
        ranges: dict[Level, tuple[Tensor, Tensor]] = {
            "node": (rows, ptr),
            "graph": (index, torch.arange(len(index) + 1, device=index.device)),
        }
        tensors: dict[str, Tensor] = {}
        slices: dict[str, Tensor] = {}
        for name, a in self.attributes.items():
            if a.level in ("other", "tied"):
                rows, slices[name] = _ranges(a.offsets, index)
            else:
                if a.level not in ranges:
                    ranges[a.level] = _ranges(a.offsets, index)
                rows, slices[name] = ranges[a.level]
            tensors[name] = a.values.index_select(a.dim, rows).to(a.dtype)
            if a.increment:
                length = tensors[name].shape[a.dim]
                tensors[name] += ptr[:-1].repeat_interleave(slices[name].diff(), output_size=length)
        batch = Batch(**tensors, batch=graph_of(ptr, nodes), ptr=ptr)
        batch._num_graphs = len(index)
        batch._levels = self.levels
        # What PyG's collation notes down, so that batch[i] and to_data_list() work.
        zeros = torch.zeros_like(ptr[:-1])
        batch._slice_dict = slices
        batch._inc_dict = {
            name: ptr[:-1] if a.increment else zeros for name, a in self.attributes.items()
        }
        if self.counted:
            batch._num_nodes = ptr.diff().tolist()
            batch.num_nodes = sum(batch._num_nodes)
        return batch


def level_of(
    name: str,
    offsets: Tensor,
    nodes: Tensor,
    edges: Tensor | None,
    known: Level | None = None,
    dims: int = 1,
) -> Level:
    """Return what a tensor has a value for, by its name and its number of values in each graph.

    ``y`` belongs to graphs if all have as many values of it, unless these are as many as the nodes
    of each graph: then a matrix belongs to nodes, and a vector is "tied". Where the numbers fit
    several, ``known`` decides, the level in the data set that the graphs are from, else the name,
    as in PyG; "tied" if it does not. ``offsets``, ``nodes`` and ``edges`` (N + 1,) are where each
    graph's values, nodes and edges begin; ``edges`` is None without any.
    """
    counts = offsets.diff()
    if name == "y" and bool((counts == counts[:1]).all()):
        one = known == "graph" or bool((counts == 1).all())
        return "graph" if one or not torch.equal(offsets, nodes) else "node" if dims > 1 else "tied"
    fits: list[Level] = []
    if torch.equal(offsets, nodes):
        fits.append("node")
    if torch.equal(offsets, torch.arange(len(offsets), device=offsets.device)):
        fits.append("graph")
    if edges is not None and torch.equal(offsets, edges):
        fits.append("edge")
    if known is not None and known in (*fits, "other"):
        return known
    if "edge" not in fits or len(fits) == 1:
        return fits[0] if fits else "other"
    if "edge" in name:
        return "edge"
    if "node" in fits and (tells_nodes(name) or name == "z"):
        return "node"
    return "graph" if name == "u" and "graph" in fits else "tied"


def collated(graphs: Sequence[Data], like: Data) -> Batch:
    """Return graphs as one batch; what is known of the tensors of ``like`` is known of it, too."""
    batch = Batch.from_data_list(list(graphs))
    batch._levels = dict(getattr(like, "_levels", {}))
    return batch


def offsets_of(counts: Iterable[int] | Tensor) -> Tensor:
    """Return (N + 1,) where each of N parts begins, by the sizes of the parts."""
    sizes = counts if isinstance(counts, Tensor) else torch.tensor(list(counts))
    return torch.cat([torch.zeros(1, dtype=torch.long), sizes.long().cumsum(0)])


def tells_nodes(name: str) -> bool:
    """Return whether PyG takes the number of nodes from a tensor of this name."""
    return name in _OF_NODES or "node" in name


def numbers_nodes(name: str) -> bool:
    """Return whether PyG takes the values of a tensor of this name for numbers of nodes."""
    return "index" in name or name == "face"


def graph_of(ptr: Tensor, count: int | None = None) -> Tensor:
    """Return the graph that each value belongs to.

    Where the number of values is known, a GPU is not waited for.
    """
    return torch.repeat_interleave(ptr.diff(), output_size=count)


def _ranges(offsets: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of the graphs in ``index``, end to end, and where each graph's begin."""
    start = offsets[index]
    counts = offsets[index + 1] - start
    ptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    total = int(ptr[-1])
    first = torch.repeat_interleave(start - ptr[:-1], counts, output_size=total)
    return first + torch.arange(total, device=ptr.device), ptr


def _moved(values: Tensor, device: torch.device) -> Tensor:
    """Move a tensor; Apple's devices have no float64."""
    narrow = values.dtype == torch.float64 and device.type == "mps"
    return values.float().to(device) if narrow else values.to(device)
