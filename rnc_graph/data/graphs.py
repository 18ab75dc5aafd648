"""Data sets of graphs, indexed as PyTorch and PyG index theirs."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from typing_extensions import Self

from rnc_graph.data.packed import PackedAttribute, PackedGraphs
from rnc_graph.data.schema import GraphSchema
from rnc_graph.errors import BadValueError
from rnc_graph.pyg import Batch, Data

Index = slice | Sequence[int] | Tensor | NDArray[Any]


class GraphDataset(Dataset[Data]):
    """N graphs with their targets, packed in memory.

    ``dataset[3]`` is a ``Data``; ``dataset[rows]`` is a data set of some of the graphs, which
    shares the tensors: rows are a slice, a list, an index tensor, a boolean mask or a NumPy array.
    A PyG ``DataLoader`` over it works; :meth:`batch` makes the same batches faster.

    Args:
        packed: the graphs.
        schema: what their features are.
        target_names: the t columns of ``y``; "y0", "y1", ... by default, "y" for one.

    Attributes:
        packed: all graphs of the data set that this one was taken from.
        schema: what the features of nodes and edges are.
        target_names: the t columns of ``y``, none without targets.
    """

    def __init__(
        self,
        packed: PackedGraphs,
        schema: GraphSchema,
        target_names: Sequence[str] | None = None,
    ) -> None:
        y = packed.attributes.get("y")
        t = 0 if y is None else y.values.shape[1]
        if target_names is None:
            target_names = default_names(t)
        if len(target_names) != t:
            raise BadValueError(f"expected names of {t} targets, got {list(target_names)}")
        self.packed = packed
        self._index: Tensor | None = None
        self.schema = schema
        self.target_names = list(target_names)

    @classmethod
    def from_pyg(
        cls,
        data: Iterable[Data] | Dataset[Data] | Data,
        *,
        schema: GraphSchema | None = None,
        target_names: Sequence[str] | None = None,
    ) -> Self:
        """Pack a list of ``Data``, a ``Batch``, one ``Data`` or any PyG data set.

        Kept are ``y``, one row of t targets a graph (NaN where missing), and all attributes that
        are tensors or numbers, on the CPU. Other attributes, as texts, are dropped. The
        ``transform`` of a PyG data set is applied once, here.

        Args:
            data: the graphs.
            schema: what ``x`` and ``edge_attr`` are. By default tensors of floats are floats and
                those of integers are categories: those of OGB's molecules and of PyG's
                ``from_smiles`` are recognized, others have tables as long as this data needs.
            target_names: the t columns of ``y``.

        Raises:
            BadValueError: no graphs, or one has other attributes, shapes or types than the first,
                features that are not finite or not in the schema's tables, or edges of nodes that
                it has not; the message has its index.
        """
        from rnc_graph.data.from_pyg import pack

        packed, found = pack(data, schema)
        return cls(packed, found, target_names)

    def __len__(self) -> int:
        return len(self.packed) if self._index is None else len(self._index)

    @overload
    def __getitem__(self, index: int) -> Data: ...
    @overload
    def __getitem__(self, index: Index) -> Self: ...
    def __getitem__(self, index: int | Index) -> Data | Self:
        """Return a graph, or a data set of some of the graphs.

        Raises:
            IndexError: a graph that is not there, or a mask of another length.
        """
        if isinstance(index, int | np.integer) or (isinstance(index, Tensor) and index.dim() == 0):
            return self.packed.graph(int(self.rows[self._checked(torch.tensor([int(index)]))]))
        view = copy.copy(self)
        view._index = self.rows[self._selected(index)]
        return view

    def __iter__(self) -> Iterator[Data]:
        return (self.packed.graph(row) for row in self.rows.tolist())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)})"

    @property
    def rows(self) -> Tensor:
        """(N,) the row of each graph in the data set that this one was taken from."""
        if self._index is None:
            return torch.arange(len(self.packed), device=self.device)
        return self._index

    @property
    def y(self) -> Tensor | None:
        """(N, t) float64 targets in their unit, NaN where missing; None without targets.

        A copy: :meth:`with_y` gives the graphs other targets, or hides some.
        """
        y = self.packed.attributes.get("y")
        return None if y is None else y.values[self.rows]

    @property
    def device(self) -> torch.device:
        """Where the tensors are, and where batches are made."""
        return self.packed.device

    @property
    def nbytes(self) -> int:
        """The size in bytes of the tensors that :meth:`to` moves."""
        return self.packed.nbytes

    def batch(self, index: Tensor | None = None) -> Batch:
        """Return the graphs ``index`` (B,), all N by default, as PyG's collation makes a batch."""
        if index is None:
            return self.packed.batch(self.rows)
        index = index.to(self.device)
        return self.packed.batch(index if self._index is None else self._index[index])

    def to(self, device: torch.device | str) -> Self:
        """Return the data set on a device: batches are made there."""
        moved = copy.copy(self)
        moved.packed = self.packed.to(device)
        moved._index = None if self._index is None else self._index.to(device)
        return moved

    def to_pyg(self) -> list[Data]:
        """Return the N graphs, each on its own."""
        return list(self)

    def with_y(self, y: Any, target_names: Sequence[str] | None = None) -> Self:
        """Return the data set with other targets: (N, t) or (N,) numbers, NaN where missing.

        Raises:
            BadValueError: another number of rows or names, or a target that is infinite.
        """
        values = torch.as_tensor(y, dtype=torch.float64, device=self.device)
        values = values[:, None] if values.dim() == 1 else values
        if values.dim() != 2 or len(values) != len(self) or values.isinf().any():
            raise BadValueError(
                f"expected finite targets or NaN of shape ({len(self)}, t), got "
                f"{tuple(values.shape)}"
            )
        whole = values.new_full((len(self.packed), values.shape[1]), torch.nan)
        whole[self.rows] = values
        offsets = torch.arange(len(whole) + 1, device=self.device)
        attribute = PackedAttribute(whole, offsets, "graph", torch.get_default_dtype())
        view = copy.copy(self)
        view.packed = replace(self.packed, attributes={**self.packed.attributes, "y": attribute})
        GraphDataset.__init__(view, view.packed, self.schema, target_names)
        view._index = self._index
        return view

    def _selected(self, index: Index) -> Tensor:
        """Return the graphs (M,) that an index selects."""
        if isinstance(index, slice):
            index = np.arange(len(self))[index]  # Tensors know no negative steps.
        selected = (
            index if isinstance(index, Tensor) else torch.from_numpy(np.array(index, order="C"))
        )
        selected = selected.to(self.device)
        if selected.dim() != 1:
            raise IndexError(f"expected one-dimensional indices, got {tuple(selected.shape)}")
        if selected.dtype == torch.bool:
            if len(selected) != len(self):
                raise IndexError(f"expected a mask of {len(self)} graphs, got {len(selected)}")
            return selected.nonzero().flatten()
        if len(selected) == 0:
            return selected.long()
        if selected.is_floating_point() or selected.is_complex():
            raise IndexError(f"expected integers or a boolean mask, got {selected.dtype}")
        return self._checked(selected.long())

    def _checked(self, index: Tensor) -> Tensor:
        """Return indices with negative ones counted from the end."""
        wrong = (index < -len(self)) | (index >= len(self))
        if wrong.any():
            raise IndexError(f"graph {int(index[wrong][0])} of a data set of {len(self)} graphs")
        return index.remainder(max(len(self), 1))


def default_names(t: int) -> list[str]:
    """Return the names of t targets that were given none."""
    return ["y"] if t == 1 else [f"y{number}" for number in range(t)]
