"""Any PyG model or torch module as an encoder."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn.models.basic_gnn import BasicGNN

from rnc_graph.data.schema import MASK, describe
from rnc_graph.encoders.base import Encoder
from rnc_graph.encoders.graph import Readout, check_readout, pool
from rnc_graph.errors import BadValueError

# Arguments of a model's forward that only graphs have; a model that names one is called by names.
_GRAPH_ARGUMENTS = frozenset({"edge_index", "pos", "z", "edge_attr", "edge_weight"})
# Features that are cast to the model's floats; z, the atomic number, is an index.
_FEATURES = ("x", "edge_attr", "edge_weight")


class WrappedEncoder(Encoder):
    """A model with the interface of an encoder: a batch of B graphs in, (B, d) out.

    A model whose ``forward`` names parts of a graph (``edge_index``, ``edge_attr``,
    ``edge_weight``, ``pos`` or ``z``), or has several arguments without a default, gets these
    attributes of the batch, and ``batch_size``. Any other model gets the batch itself. Features
    become floats of the model's type, integers only if the model has no embedding table to look
    them up in; PyG's own models get a single feature as a column. Outputs for each node are pooled.

    Args:
        model: the model; it is trained in place.
        example: a batch to find d with. The model runs on it once, in evaluation mode.
        readout: how outputs for each node are pooled, see :class:`GraphEncoder`.

    Raises:
        BadValueError: an unknown readout, an attribute that the model needs and the batch lacks,
            features of another width than the first batch's, or an output that is neither (B, d)
            nor (nodes, d).
    """

    inputs: ClassVar[Literal["graphs", "images"]] = "graphs"

    def __init__(self, model: nn.Module, example: Any, readout: Readout = "mean") -> None:
        super().__init__()
        check_readout(readout)
        self.model = model
        self.readout = readout
        self.parameters_of_forward = _parameters(model)
        self.takes_parts = takes_parts(model)
        tables = nn.Embedding, nn.EmbeddingBag
        self.casts = not any(isinstance(module, tables) for module in model.modules())
        self.takes_edge_attr = _takes_edge_attr(model)
        self.of_pyg = type(model).__module__.startswith("torch_geometric.nn.models")
        # Of the features by name, in the first batch.
        self.widths: dict[str, torch.Size] = {}
        # A batch of graphs with one node each does not tell; PyG's basic models are known.
        self.node_level = isinstance(model, BasicGNN)
        modes = {module: module.training for module in model.modules()}
        model.eval()
        try:
            with torch.no_grad():
                self.embedding_dim = self(example).shape[1]
        except RuntimeError as error:
            if "shapes cannot be multiplied" not in str(error):
                raise
            given = [f"{name} of width {size.numel()}" for name, size in self.widths.items()]
            raise BadValueError(
                f"{type(model).__name__}: made for features of another width; the data have "
                f"{', '.join(given)}: {error}"
            ) from error
        finally:
            for module, mode in modes.items():
                module.training = mode

    def forward(self, batch: Any) -> Tensor:
        """Return the (B, d) embedding."""
        if not isinstance(batch, Data):
            out = self.model(batch)
            return self._checked(out, len(out) if isinstance(out, Tensor) else 0)
        try:
            out = self.model(**self._arguments(batch)) if self.takes_parts else self.model(batch)
        except IndexError as error:
            if isinstance(batch.x, Tensor) and (batch.x == MASK).any():
                raise BadValueError(
                    f"{type(self.model).__name__}: its table has no row for the category {MASK}, "
                    "as MaskAttributes writes it; add 1 to x and a row to the table"
                ) from error
            raise
        graphs, nodes = int(getattr(batch, "num_graphs", 1)), int(batch.num_nodes or 0)
        if isinstance(out, Tensor) and graphs != nodes:
            self.node_level = len(out) == nodes
        out = self._checked(out, nodes if self.node_level else graphs)
        if not self.node_level:
            return out
        graph_of_node = batch.batch
        if graph_of_node is None:
            graph_of_node = torch.zeros(nodes, dtype=torch.long, device=out.device)
        return pool(out, graph_of_node, graphs, self.readout)

    def _arguments(self, batch: Data) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, parameter in self.parameters_of_forward.items():
            value = getattr(batch, "num_graphs" if name == "batch_size" else name, None)
            required = parameter.default is inspect.Parameter.empty
            if value is None and required:
                raise BadValueError(
                    f"{type(self.model).__name__}.forward needs {name!r}, which the batch lacks; "
                    f"it has {', '.join(sorted(batch.keys()))}"
                )
            if value is None and name in self.widths and batch.num_edges:
                raise BadValueError(
                    f"{type(self.model).__name__}: expected {name!r}, as in the first batch, got "
                    f"{', '.join(sorted(batch.keys()))}"
                )
            if value is None or (name == "edge_attr" and not required and not self.takes_edge_attr):
                continue
            found[name] = self._features(name, value) if name in _FEATURES else value
        return found

    def _features(self, name: str, values: Tensor) -> Tensor:
        """Return features as the model takes them."""
        if self.casts or values.is_floating_point():
            dtypes = (p.dtype for p in self.model.parameters() if p.dtype.is_floating_point)
            own = values.dtype if values.is_floating_point() else torch.get_default_dtype()
            values = values.to(next(dtypes, own))
            if self.of_pyg and values.dim() == 1 and name != "edge_weight":
                values = values[:, None]
        width = values.shape[1:]
        if self.widths.setdefault(name, width) != width:
            expected, got = (describe(size.numel()) for size in (self.widths[name], width))
            raise BadValueError(
                f"{type(self.model).__name__}: expected {name!r} with {expected}, got {got}; make "
                "the encoder with in_channels and edge_dim of the data set's schema"
            )
        return values

    def _checked(self, out: Any, rows: int) -> Tensor:
        if not isinstance(out, Tensor) or out.dim() != 2 or len(out) != rows:
            got = f"shape {tuple(out.shape)}" if isinstance(out, Tensor) else type(out).__name__
            raise BadValueError(
                f"{type(self.model).__name__}: expected an output of one row a graph (B, d) or a "
                f"node (N, d), got {got}"
            )
        return out


def takes_parts(model: nn.Module, optional: bool = True) -> bool:
    """Return whether a model takes the parts of a graph by name, not the batch itself.

    Without ``optional``, parts that have a default do not tell.
    """
    parameters = _parameters(model)
    required = {n for n, one in parameters.items() if one.default is inspect.Parameter.empty}
    named = parameters if optional else required
    return len(required) > 1 or not _GRAPH_ARGUMENTS.isdisjoint(named)


def _parameters(model: nn.Module) -> dict[str, inspect.Parameter]:
    variable = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    parameters = inspect.signature(model.forward).parameters
    return {name: one for name, one in parameters.items() if one.kind not in variable}


def _takes_edge_attr(model: nn.Module) -> bool:
    """Return whether a model does something with edge features that are optional arguments.

    PyG's layers have an ``edge_dim`` that is None where they were made without any.
    """
    if not getattr(model, "supports_edge_attr", True):
        return False
    dims = [module.edge_dim for module in model.modules() if hasattr(module, "edge_dim")]
    return not dims or any(dim is not None for dim in dims)
