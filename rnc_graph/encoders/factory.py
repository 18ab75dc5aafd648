"""Encoders from names, classes, import paths and modules."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn.models import PNA
from torch_geometric.utils import degree

from rnc_graph.data.graphs import GraphDataset
from rnc_graph.encoders.base import ENCODERS, Encoder, code_in_memory
from rnc_graph.encoders.graph import GraphEncoder, Readout
from rnc_graph.encoders.wrapper import WrappedEncoder, takes_parts
from rnc_graph.errors import BadValueError

# Samples that an encoder runs on once, to find the width of its embedding.
_EXAMPLES = 8


def make_encoder(
    encoder: str | Callable[..., nn.Module] | nn.Module,
    options: Mapping[str, Any] | None = None,
    dataset: Any = None,
    readout: Readout | None = None,
) -> nn.Module:
    """Make an encoder: a module that maps a batch to (B, d) and has ``embedding_dim``.

    Args:
        encoder: the name of a registered encoder; the import path of a class, such as
            "torch_geometric.nn.models.AttentiveFP"; the class; or a module, which is used as it is.
        options: arguments of the class. Where it takes them and they are not given, ``in_channels``
            and ``edge_dim`` come from the dataset, ``out_channels`` is ``hidden_channels``, and the
            ``deg`` of PNA is counted.
        dataset: a dataset with ``batch(index)``, such as ``GraphDataset``, or one batch. A
            registered encoder of molecules needs none.
        readout: how outputs for each node are pooled; ``options`` may have it too. By default
            as an encoder of this package does by itself, and the mean of other models.

    Raises:
        BadValueError: an unknown name, a path that leads to no class, options that the class does
            not take, a readout of an encoder that pools by itself, an encoder that cannot run on
            the dataset's batches, or a ``dataset`` that is none.
    """
    options = dict(options or {})
    if isinstance(dataset, list | tuple | torch.utils.data.DataLoader):
        raise BadValueError(
            f"dataset: expected a dataset with batch(index), or one batch, got a "
            f"{type(dataset).__name__}; GraphDataset.from_pyg makes one of a list of Data"
        )
    if isinstance(encoder, nn.Module):
        if options:
            raise BadValueError(
                f"encoder_options: expected none with a module, got {', '.join(options)}"
            )
        return _wrapped(encoder, dataset, readout)
    registered = isinstance(encoder, str) and "." not in encoder
    made: Callable[..., nn.Module]
    if isinstance(encoder, str):
        made = ENCODERS.get(encoder) if registered else import_class(encoder)
    else:
        made = encoder
    name = getattr(made, "__name__", str(made))
    known = inspect.signature(made).parameters
    if "readout" in known and readout is not None:
        options, readout = {"readout": readout} | options, None
    options = _from_data(made, options, dataset) | options
    if registered:
        return _wrapped(ENCODERS.make(str(encoder), **options), dataset, readout)
    if "readout" not in known:
        readout = options.pop("readout", readout)
    required = {n for n, p in known.items() if p.default is inspect.Parameter.empty}
    if "out_channels" in required and "hidden_channels" in options:
        options.setdefault("out_channels", options["hidden_channels"])
    if made is PNA and ("deg" in options or dataset is not None):
        # A spec has a list.
        given = options.get("deg")
        options["deg"] = torch.as_tensor(_degree_histogram(dataset) if given is None else given)
    try:
        with code_in_memory():
            model = made(**options)
    except Exception as error:
        raise BadValueError(f"encoder {name}: {type(error).__name__}: {error}") from error
    if not isinstance(model, nn.Module):
        raise BadValueError(f"encoder {name}: expected a torch module, got {type(model).__name__}")
    return _wrapped(model, dataset, readout)


def _wrapped(model: nn.Module, dataset: Any, readout: Readout | None) -> nn.Module:
    has_width = isinstance(getattr(model, "embedding_dim", None), int)
    if isinstance(model, Encoder) or (has_width and not takes_parts(model, optional=False)):
        if readout is not None:
            raise BadValueError(
                f"readout: {type(model).__name__} pools by itself: expected None, got {readout!r}"
            )
        return model
    if dataset is None:
        raise BadValueError(
            f"encoder {type(model).__name__}: a batch is needed to find the width of its "
            "embedding; pass a dataset, or give the module an embedding_dim"
        )
    example, parameter = _example(dataset), next(model.parameters(), None)
    if hasattr(example, "to"):
        example = example.to("cpu" if parameter is None else parameter.device)
    return WrappedEncoder(model, example, readout or "mean")


def import_class(path: str) -> type[nn.Module]:
    """Return the class of modules at an import path; anything else there is not called."""
    module, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadValueError(f"encoder {path!r}: cannot be imported: {error}") from error
    if not (inspect.isclass(found) and issubclass(found, nn.Module)):
        raise BadValueError(
            f"encoder {path!r}: expected a subclass of torch.nn.Module, got {found!r}"
        )
    return found


def _from_data(
    made: Callable[..., Any], options: Mapping[str, Any], dataset: Any
) -> dict[str, Any]:
    """Return the options that describe the features of a dataset, where a class takes them."""
    known, example = inspect.signature(made).parameters, _example(dataset)
    # Encoders of this package take the sizes of category tables; PyG's models take widths.
    ours = inspect.isclass(made) and issubclass(made, GraphEncoder)
    schema = getattr(dataset, "schema", None)
    if ours and schema is None and isinstance(dataset, Data):
        schema = GraphDataset.from_pyg(dataset).schema
    found: dict[str, Any] = {}
    if ours and schema is not None:
        found = schema.options()
    elif not ours:
        found = {
            "in_channels": _width(getattr(example, "x", None)),
            "edge_dim": _width(getattr(example, "edge_attr", None)),
        }
    # GAT and PNA pass it on to their layers: it is no argument of their own.
    takes_edges = inspect.isclass(made) and getattr(made, "supports_edge_attr", False)
    takes = {*known, "edge_dim"} if takes_edges else {*known}
    return {
        name: value
        for name, value in found.items()
        if name in takes and name not in options and value is not None
    }


def _width(features: Any) -> int | None:
    if not isinstance(features, Tensor):
        return None
    return features.shape[1] if features.dim() == 2 else 1


def _example(dataset: Any, size: int = _EXAMPLES) -> Any:
    """Return the batch of the first samples of a dataset; a batch as it is."""
    if not callable(getattr(dataset, "batch", None)):
        return dataset
    return dataset.batch(torch.arange(min(len(dataset), size)))


def _degree_histogram(dataset: Any) -> Tensor:
    """Return how many nodes have 0, 1, 2, ... incoming edges, which PNA scales by."""
    batch = _example(dataset, size=len(dataset))
    return torch.bincount(degree(batch.edge_index[1], batch.num_nodes, torch.long)).cpu()
