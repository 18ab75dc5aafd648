"""The packed store: all graphs of a set as a few flat tensors with offsets."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch_geometric.data import Batch


@dataclass(frozen=True)
class PackedGraphs:
    """N graphs end to end; a batch is an indexed slice, without a Python loop over graphs.

    Attributes:
        atoms: (A, 9) uint8 atom features of all graphs, one after another.
        edge_index: (2, E) int32 ends of the directed edges, counted from 0 within each graph; the
            two directions of a bond stand side by side.
        bonds: (E, 3) uint8 bond features of the directed edges.
        atom_offsets: (N + 1,) where each graph's atoms begin.
        edge_offsets: (N + 1,) where each graph's directed edges begin.
    """

    atoms: Tensor
    edge_index: Tensor
    bonds: Tensor
    atom_offsets: Tensor
    edge_offsets: Tensor

    def __len__(self) -> int:
        return len(self.atom_offsets) - 1

    def tensors(self) -> dict[str, Tensor]:
        """Return the flat tensors by name, as they go to a file."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def batch(self, index: Tensor) -> Batch:
        """Slice out B graphs, in the order of ``index`` (B,); an index may repeat.

        Returns:
            A ``Batch`` as PyG's own collation makes it: ``x`` (atoms, 9) int64, ``edge_index``
            (2, edges) int64, ``edge_attr`` (edges, 3) int64, ``batch`` (atoms,), ``ptr`` (B + 1,).
        """
        atom_rows, ptr = _ranges(self.atom_offsets, index)
        edge_rows, edge_ptr = _ranges(self.edge_offsets, index)
        graph_of_edge = _graph_of(edge_ptr)
        return make_batch(
            x=self.atoms[atom_rows].long(),
            edge_index=self.edge_index[:, edge_rows].long() + ptr[graph_of_edge],
            edge_attr=self.bonds[edge_rows].long(),
            ptr=ptr,
            edge_ptr=edge_ptr,
        )


def make_batch(
    *, x: Tensor, edge_index: Tensor, edge_attr: Tensor, ptr: Tensor, edge_ptr: Tensor
) -> Batch:
    """Make a PyG ``Batch`` out of flat tensors; ``edge_index`` counts from 0 over the batch."""
    batch = Batch(x=x, edge_index=edge_index, edge_attr=edge_attr, batch=_graph_of(ptr), ptr=ptr)
    batch._num_graphs = len(ptr) - 1
    # What PyG's collation notes down, so that batch[i] and to_data_list() work here too.
    zeros = torch.zeros_like(ptr[:-1])
    batch._slice_dict = {"x": ptr, "edge_index": edge_ptr, "edge_attr": edge_ptr}
    batch._inc_dict = {"x": zeros, "edge_index": ptr[:-1], "edge_attr": zeros}
    return batch


def _ranges(offsets: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of the graphs in ``index``, end to end, and where each graph's begin."""
    start = offsets[index]
    counts = offsets[index + 1] - start
    ptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    rows = torch.arange(int(ptr[-1])) + torch.repeat_interleave(start - ptr[:-1], counts)
    return rows, ptr


def _graph_of(ptr: Tensor) -> Tensor:
    """Return the graph that each row belongs to."""
    return torch.repeat_interleave(ptr.diff())
