"""From PyG's graphs to the packed store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Number
from typing import Any

import torch
from torch import Tensor

from rnc_graph.data.packed import PackedAttribute, PackedGraphs, level_of, numbers_nodes, offsets_of
from rnc_graph.data.schema import Features, GraphSchema, describe, recognized
from rnc_graph.errors import BadValueError
from rnc_graph.pyg import Batch, Data

# A column of integers with more values is no category.
_MOST_CATEGORIES = 100_000


class OwnLayoutError(BadValueError):
    """Graphs that PyG collates in a way of their own, which the packed store does not know."""


def graphs_of(data: Data) -> list[Data]:
    """Return one graph, or those of a batch; raises :class:`OwnLayoutError` for sparse edges."""
    if not isinstance(data, Batch):
        return [data]
    for name in ("adj", "adj_t"):
        edges = data.get(name)
        # PyG cannot separate these.
        if isinstance(edges, Tensor) and edges.layout != torch.strided:
            raise OwnLayoutError(
                f"expected edges as edge_index, got a Batch with a sparse {name!r}; an encoder "
                "that takes such graphs gets them from a DataLoader"
            )
    graphs: list[Data] = data.to_data_list()
    return graphs


def pack(data: Any, schema: GraphSchema | None) -> tuple[PackedGraphs, GraphSchema]:
    """Pack graphs: see :meth:`rnc_graph.data.GraphDataset.from_pyg`."""
    graphs = graphs_of(data) if isinstance(data, Data) else list(data)
    if not graphs:
        raise BadValueError("expected graphs, got none")
    counts = []
    for number, graph in enumerate(graphs):
        if not isinstance(graph, Data) or isinstance(graph, Batch):
            raise BadValueError(
                f"graph {number}: expected a torch_geometric.data.Data, got {type(graph).__name__}"
            )
        if graph.num_nodes is None:
            raise BadValueError(f"graph {number}: its number of nodes is unknown; set num_nodes")
        counts.append(int(graph.num_nodes))
    nodes = offsets_of(counts)
    names = _names(graphs)
    tensors = {name: _joined(graphs, name) for name in names if name not in ("num_nodes", "y")}
    edges = tensors["edge_index"][1] if "edge_index" in tensors else None
    attributes = {}
    for name, (values, offsets, dim) in tensors.items():
        level = level_of(name, offsets, nodes, edges)
        if (name == "x" and level != "node") or (name == "edge_attr" and level != "edge"):
            wrong = offsets.diff() != (nodes if name == "x" or edges is None else edges).diff()
            row = int(wrong.nonzero()[0]) if wrong.any() else 0
            what = "node" if name == "x" else "edge"
            raise BadValueError(
                f"graph {row}: expected {name!r} with a row for each {what}, got "
                f"{int(offsets.diff()[row])} rows"
            )
        increment = numbers_nodes(name)
        attributes[name] = PackedAttribute(values, offsets, level, values.dtype, dim, increment)
        if increment:
            _check_numbers_of_nodes(name, attributes[name], nodes)
    known = recognized(graphs, str(getattr(data, "name", "")))
    if schema and known and schema != known:
        raise BadValueError(
            f"expected 'x' with {describe(schema.nodes)}, got molecules whose features are "
            f"{describe(known.nodes)}"
        )
    given = schema or known
    found = GraphSchema(
        nodes=_features("x", attributes, given.nodes if given else None),
        edges=_features("edge_attr", attributes, given.edges if given else None),
        observed=given is None,
    )
    attributes = {name: _narrow(name, a) for name, a in attributes.items()}
    if "y" in names:
        attributes["y"] = _targets(graphs)
    return PackedGraphs(attributes, nodes, counted="num_nodes" in names), found


def _names(graphs: Sequence[Data]) -> list[str]:
    """Return the attributes to keep, which all graphs must have.

    A graph without edges may lack ``edge_attr``.
    """
    kept = [_kept(graph, number) for number, graph in enumerate(graphs)]
    first = max(kept[:1] + [names for names in kept if "edge_attr" in names][:1], key=len)
    for number, (graph, names) in enumerate(zip(graphs, kept, strict=True)):
        for name in sorted(first.keys() ^ names.keys()):
            if name == "edge_attr" and graph.num_edges == 0:
                continue
            has, lacks = ("has", "others lack") if name in names else ("lacks", "others have")
            raise BadValueError(f"graph {number} {has} the attribute {name!r}, which {lacks}")
    return list(first)


def _kept(graph: Data, number: int) -> dict[str, None]:
    names: dict[str, None] = {}
    for name, value in graph.to_dict().items():
        if isinstance(value, Tensor) and value.layout == torch.strided:
            names[name] = None
        elif isinstance(value, Tensor) or name in ("adj", "adj_t"):
            raise OwnLayoutError(
                f"graph {number}: expected edges as edge_index, got a sparse {name!r}"
            )
        elif isinstance(value, Number) or (name == "y" and value is not None):
            names[name] = None
    for name in ("batch", "ptr"):
        if name in names:
            raise OwnLayoutError(
                f"graph {number}: rename the attribute {name!r}: a batch has its own"
            )
    return names


def _joined(graphs: Sequence[Data], name: str) -> tuple[Tensor, Tensor, int]:
    """Return an attribute of all graphs end to end, its offsets and its dimension of graphs."""
    first = next(graph for graph in graphs if name in graph)
    example = torch.as_tensor(first[name]).cpu()
    dim = first.__cat_dim__(name, example)
    increment = first.__inc__(name, example)
    expected = first.num_nodes if numbers_nodes(name) else 0
    if dim not in (None, 0, -1) or isinstance(increment, Tensor) or increment != expected:
        raise OwnLayoutError(
            f"attribute {name!r}: expected to be concatenated as PyG does by default, got "
            f"dimension {dim} and increment {increment}"
        )
    values: list[Tensor] = []
    for number, graph in enumerate(graphs):
        value = torch.as_tensor(graph[name]).detach().cpu() if name in graph else None
        if value is None:  # A graph without edges.
            value = example.new_empty((0, *example.shape[1:]))
        elif value.dim() == 0 or dim is None:
            value = value[None]
        shape = _shape(value, dim)
        if values and (value.dtype, shape) != (values[0].dtype, _shape(values[0], dim)):
            raise BadValueError(
                f"graph {number}: expected {name!r} of {values[0].dtype} and shape "
                f"{_shape(values[0], dim)} as graph 0 has, got {value.dtype} and {shape}"
            )
        values.append(value)
    counts = [value.shape[dim or 0] for value in values]
    return torch.cat(values, dim=dim or 0), offsets_of(counts), dim or 0


def _shape(value: Tensor, dim: int | None) -> str:
    sizes = [str(size) for size in value.shape]
    sizes[dim or 0] = "*"
    return f"({', '.join(sizes)})"


def _check_numbers_of_nodes(name: str, a: PackedAttribute, nodes: Tensor) -> None:
    numbers = a.values.movedim(a.dim, 0).flatten(1) if a.values.dim() > 1 else a.values[:, None]
    if name == "edge_index" and (a.values.dim() != 2 or len(a.values) != 2):
        raise BadValueError(f"expected edge_index of shape (2, E), got {tuple(a.values.shape)}")
    if numbers.is_floating_point():
        raise BadValueError(f"expected integers in {name!r}, got {numbers.dtype}")
    largest = nodes.diff().repeat_interleave(a.offsets.diff())[:, None]
    wrong = ((numbers < 0) | (numbers >= largest)).any(1)
    if wrong.any():
        row = _graph_with(wrong, a.offsets)
        hint = "; rename it if it holds none: PyG takes each name with 'index' for nodes"
        raise BadValueError(
            f"graph {row}: {name!r} holds nodes that are not among its "
            f"{int(nodes.diff()[row])} nodes{'' if name == 'edge_index' else hint}"
        )


def _features(
    name: str, attributes: dict[str, PackedAttribute], given: Features | None
) -> Features:
    """Return what a tensor of features holds, checked against a schema if one is given."""
    if name not in attributes:
        if given:
            raise BadValueError(f"expected {name!r} with {describe(given)}, got none")
        return 0
    a = attributes[name]
    if a.values.dim() > 2 or a.values.is_complex():
        raise BadValueError(
            f"expected {name!r} of shape (rows, features), got {tuple(a.values.shape)} of "
            f"{a.values.dtype}"
        )
    values = a.values if a.values.dim() == 2 else a.values[:, None]
    if values.is_floating_point():
        found: Features = values.shape[1]
        wrong = ~values.isfinite().all(1)
        if wrong.any():
            raise BadValueError(
                f"graph {_graph_with(wrong, a.offsets)}: {name!r} holds features that are not "
                "finite"
            )
    else:
        largest = values.amax(0).tolist() if len(values) else [0] * values.shape[1]
        found = tuple(int(index) + 1 for index in largest)
        if isinstance(given, tuple) and len(given) == len(found):
            found = given
        sizes = torch.tensor([min(size, _MOST_CATEGORIES) for size in found])
        wrong = ((values < 0) | (values >= sizes)).any(1)
        if wrong.any():
            row = _graph_with(wrong, a.offsets)
            bad = values[wrong][0].tolist()
            raise BadValueError(
                f"graph {row}: expected {name!r} as {describe(found)}, got {bad}; features that "
                "are numbers must be floats"
            )
    if given is not None and found != given:
        raise BadValueError(f"expected {name!r} with {describe(given)}, got {describe(found)}")
    return found


def _narrow(name: str, a: PackedAttribute) -> PackedAttribute:
    """Keep features and edges in the narrowest integers that hold them."""
    if a.values.dtype != torch.int64 or name not in ("x", "edge_attr", "edge_index"):
        return a
    largest = int(a.values.max()) if a.values.numel() else 0
    dtype = torch.uint8 if largest < 2**8 and name != "edge_index" else torch.int32
    return replace(a, values=a.values.to(dtype))


def _targets(graphs: Sequence[Data]) -> PackedAttribute:
    rows: list[Tensor] = []
    of_nodes = 0
    for number, graph in enumerate(graphs):
        try:
            y = torch.as_tensor(graph.y)
        except (TypeError, ValueError, RuntimeError) as error:
            raise BadValueError(
                f"graph {number}: expected y of numbers, got {graph.y!r}"
            ) from error
        row = y.detach().cpu().reshape(1, -1)
        if rows and row.shape != rows[0].shape:
            raise BadValueError(
                f"graph {number}: expected y of {rows[0].numel()} targets as graph 0 has, got "
                f"{row.numel()}; the target of a graph is one row"
            )
        of_nodes += y.dim() > 0 and y.shape[0] == graph.num_nodes and y.shape[0] > 1
        if row.is_complex() or row.isinf().any():
            raise BadValueError(f"graph {number}: expected y of numbers or NaN, got {row.tolist()}")
        rows.append(row)
    if of_nodes == len(graphs):
        raise BadValueError(
            f"graph 0: expected y as one row of targets, of shape (1, {rows[0].numel()}), got a "
            "row for each node"
        )
    y = torch.cat(rows)
    dtype = y.dtype if y.is_floating_point() else torch.get_default_dtype()
    return PackedAttribute(y.double(), offsets_of([1] * len(y)), "graph", dtype)


def _graph_with(wrong: Tensor, offsets: Tensor) -> int:
    """Return the first graph with a wrong row."""
    return int(torch.searchsorted(offsets, wrong.nonzero()[0], right=True)) - 1
