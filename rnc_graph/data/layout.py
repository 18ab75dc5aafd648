"""Where the nodes and edges of graphs are, and the graphs without some of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rnc_graph.data.packed import Level, graph_of, level_of, numbers_nodes, tells_nodes
from rnc_graph.errors import BadValueError
from rnc_graph.pyg import Batch


@dataclass(frozen=True)
class GraphLayout:
    """Where the nodes and edges of each graph of a ``Data`` or ``Batch`` are.

    Attributes:
        ptr: (B + 1,) where each graph's nodes begin.
        graph: (nodes,) the graph of each node.
        edge_index: (2, edges).
        edge_ptr: (B + 1,) where each graph's edges begin.
        levels: what each tensor has a value for, by its name.
    """

    ptr: Tensor
    graph: Tensor
    edge_index: Tensor
    edge_ptr: Tensor
    levels: dict[str, Level]

    @property
    def num_nodes(self) -> int:
        """The number of nodes of all graphs."""
        return len(self.graph)

    @classmethod
    def of(cls, data: Any) -> GraphLayout:
        """Find them; raises :class:`BadValueError` for sparse matrices and for unclear tensors."""
        for name, value in data.to_dict().items():
            if name in ("adj", "adj_t") or (
                isinstance(value, Tensor) and value.layout != torch.strided
            ):
                raise BadValueError(f"expected edges as edge_index, got a sparse {name!r}")
        if isinstance(data, Batch):
            slices = getattr(data, "_slice_dict", None)
            if slices is None or any(
                int(ends[-1]) != data[name].shape[data.__cat_dim__(name, data[name]) or 0]
                for name, ends in slices.items()
                if isinstance(data[name], Tensor)
            ):
                raise BadValueError(
                    "expected a batch as GraphDataset.batch or Batch.from_data_list makes it, got "
                    "one whose tensors were made or changed otherwise"
                )
            tensors = {name: ends for name, ends in slices.items() if isinstance(ends, Tensor)}
            ptr, graph = data.ptr, data.batch
        else:
            if data.num_nodes is None:
                raise BadValueError(f"{data}: its number of nodes is unknown; set num_nodes")
            names = [name for name, value in data.to_dict().items() if isinstance(value, Tensor)]
            counts = [
                data[name].shape[data.__cat_dim__(name, data[name])] if data[name].dim() else 1
                for name in names
            ]
            device = data[names[0]].device if names else None
            tensors = {
                name: torch.tensor([0, count], device=device)
                for name, count in zip(names, counts, strict=True)
            }
            ptr = torch.tensor([0, data.num_nodes], device=device)
            graph = torch.zeros(data.num_nodes, dtype=torch.long, device=device)
        edge_ptr = tensors.get("edge_index")
        known = getattr(data, "_levels", {})
        levels = {}
        for name, ends in tensors.items():
            dims = data[name].dim() if isinstance(data[name], Tensor) else 1
            levels[name] = level_of(name, ends.to(ptr.device), ptr, edge_ptr, known.get(name), dims)
        for name, level in (("x", "node"), ("edge_attr", "edge")):
            if levels.get(name, level) != level and (edge_ptr is not None or len(data[name])):
                raise BadValueError(
                    f"expected {name!r} with a row for each {level}, got {len(data[name])} rows of "
                    f"{data.num_nodes if level == 'node' else data.num_edges} {level}s"
                )
        if edge_ptr is None:
            return cls(ptr, graph, ptr.new_empty(2, 0), torch.zeros_like(ptr), levels)
        return cls(ptr, graph, data.edge_index, edge_ptr.to(ptr.device), levels)


def select_nodes(data: Any, layout: GraphLayout, kept: Tensor) -> Any:
    """Return the graphs without the other nodes and their edges."""
    edges = kept[layout.edge_index].all(0)
    view = select(data, layout, {"node": kept, "edge": edges})
    if layout.levels.get("edge_index") is not None:
        view.edge_index = (kept.cumsum(0) - 1)[view.edge_index]
    return view


def select(data: Any, layout: GraphLayout, kept: Mapping[Level, Tensor]) -> Any:
    """Return the graphs without the other nodes or edges; nodes are not numbered anew."""
    for name, value in data.to_dict().items():
        if not isinstance(value, Tensor) and _holds_tensors(value):
            raise BadValueError(
                f"expected tensors of nodes, edges or graphs, got {name!r}, a "
                f"{type(value).__name__} that holds tensors"
            )
    view = copy.copy(data)
    # What is clear now may not be clear from the numbers of nodes and edges that are left.
    clear = {name: level for name, level in layout.levels.items() if level != "tied"}
    view._levels = getattr(data, "_levels", {}) | clear
    ptrs: dict[Level, Tensor] = {"node": layout.ptr, "edge": layout.edge_ptr}
    ptrs.update({level: _kept_ptr(ptrs[level], mask) for level, mask in kept.items()})
    for name, level in layout.levels.items():
        numbered = name != "edge_index" and numbers_nodes(name)
        if "node" in kept and (numbered or level == "other"):
            raise BadValueError(f"expected tensors of nodes, edges or graphs, got {name!r}")
        if level == "tied":
            hint = "; targets of a graph have the shape (1, t)" if name == "y" else ""
            raise BadValueError(
                f"expected a tensor of nodes, edges or graphs, got {name!r} that may be of "
                f"several; call it 'node_{name}' or 'edge_{name}'{hint}"
            )
        if level in kept:
            value = data[name]
            dim = data.__cat_dim__(name, value)
            view[name] = value.index_select(dim, kept[level].nonzero().flatten())
    ptr = ptrs["node"]
    # Nodes without edges count, too.
    counted = "num_nodes" in data or not any(
        level == "node" and tells_nodes(name) for name, level in layout.levels.items()
    )
    if not isinstance(data, Batch):
        if counted:
            view.num_nodes = int(ptr[-1])
        return view
    zeros = torch.zeros_like(ptr[:-1])
    view._slice_dict = {**data._slice_dict}
    view._inc_dict = {**data._inc_dict}
    for name, level in layout.levels.items():
        if level in ptrs:
            view._slice_dict[name] = ptrs[level]
            view._inc_dict[name] = ptr[:-1] if name == "edge_index" else zeros
    if "node" in kept:
        view.ptr, view.batch = ptr, graph_of(ptr)
    if counted:
        view._num_nodes = ptr.diff().tolist()
        view.num_nodes = sum(view._num_nodes)
    return view


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_tensors, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_holds_tensors, value))
    return isinstance(value, Tensor)


def _kept_ptr(ptr: Tensor, kept: Tensor) -> Tensor:
    """Return where each graph begins once the other rows are gone."""
    before = torch.cat([ptr.new_zeros(1), kept.cumsum(0)])
    return before[ptr]
