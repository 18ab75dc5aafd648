"""The outputs of a trained module, and the device that they are computed on."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from rnc_graph.data.graphs import GraphDataset
from rnc_graph.errors import BadValueError
from rnc_graph.seeding import deterministic

# Graphs that are embedded at a time.
_TOGETHER = 128
# A model that one thread moves to a device and back must stay there until the others are done.
_ON_DEVICE = threading.RLock()
# Modules in evaluation mode that train otherwise, and the number of threads that infer with each.
_EVALUATING: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
_MODES = threading.Lock()


def torch_device(accelerator: str) -> torch.device:
    """Return the device of this process for a Lightning accelerator: "cpu", "gpu", "auto", ..."""
    if accelerator in ("gpu", "cuda", "auto") and torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    if accelerator in ("gpu", "mps", "auto") and torch.backends.mps.is_available():
        return torch.device("mps")
    try:
        return torch.device("cpu" if accelerator in ("gpu", "cuda", "auto") else accelerator)
    except RuntimeError as error:
        raise BadValueError(f"device {accelerator!r} cannot be used: {error}") from error


def moved(dataset: Any, device: torch.device) -> Any:
    """Return a dataset on ``device`` if it can be moved and takes at most half of its free memory.

    Otherwise the dataset stays where it is, and its batches are moved one by one.
    """
    if device.type == "cpu" or not hasattr(dataset, "to"):
        return dataset
    size = getattr(getattr(dataset, "inputs", dataset), "nbytes", 0)
    if device.type == "cuda" and size > torch.cuda.mem_get_info(device)[0] / 2:
        return dataset
    return dataset.to(device)


def embed_graphs(encoder: nn.Module, graphs: GraphDataset, rows: Tensor | None = None) -> Tensor:
    """Return the (N, d) embedding of graphs by a frozen encoder, on the encoder's device.

    Args:
        encoder: maps a batch to (B, d).
        graphs: a data set.
        rows: (N,) which of its graphs; all by default.
    """
    rows = torch.arange(len(graphs)) if rows is None else rows
    return infer(encoder, ((graphs.batch(index),) for index in torch.split(rows, _TOGETHER)))


@torch.no_grad()
def infer(
    model: nn.Module, batches: Iterable[tuple[Any, ...]], device: torch.device | None = None
) -> Tensor:
    """Return the model's (N, ...) outputs over all batches, in evaluation mode, on the CPU.

    A batch is a tuple whose first element is the inputs. The model's device and the modes of all
    its modules are restored afterwards; ``device=None`` computes on the model's own. The same
    batches give the same bits. Threads may share a model.

    Raises:
        BadValueError: outputs that are no tensors, or of graphs not one row for each.
    """
    if device is not None and device.type != "cpu":
        with _ON_DEVICE:
            return _infer(model, batches, device)
    return _infer(model, batches, device)


def _infer(
    model: nn.Module, batches: Iterable[tuple[Any, ...]], device: torch.device | None
) -> Tensor:
    tensor = next(chain(model.parameters(), model.buffers()), None)
    home = torch.device("cpu") if tensor is None else tensor.device
    device = device or home
    if device != home:
        model.to(device)
    try:
        with evaluating(model), deterministic() if device.type == "cuda" else nullcontext():
            outputs = [
                check_rows(model(_moved_inputs(inputs, device)), inputs) for inputs, *_ in batches
            ]
        return torch.cat(outputs).cpu()
    finally:
        if device != home:
            model.to(home)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put the modules that train into evaluation mode, until the last thread that needs it ends."""
    borrowed = []
    with _MODES:
        for module in model.modules():
            if module.training or module in _EVALUATING:
                module.training = False
                _EVALUATING[module] = _EVALUATING.get(module, 0) + 1
                borrowed.append(module)
    try:
        yield
    finally:
        with _MODES:
            for module in borrowed:
                _EVALUATING[module] -= 1
                if not _EVALUATING[module]:
                    del _EVALUATING[module]
                    module.training = True


def check_rows(outputs: Any, inputs: Any) -> Tensor:
    """Return the outputs of a model, if they are a tensor, and of graphs a row for each.

    Raises:
        BadValueError: they are not.
    """
    if not isinstance(outputs, Tensor):
        raise BadValueError(f"encoder: expected a tensor, got a {type(outputs).__name__}")
    count = getattr(inputs, "num_graphs", None)
    if count is not None and outputs.shape[:1] != (count,):
        raise BadValueError(
            f"encoder: expected outputs of {count} rows, one for each graph, got the shape "
            f"{tuple(outputs.shape)}; are the outputs for nodes pooled?"
        )
    return outputs


def _moved_inputs(inputs: Any, device: torch.device) -> Any:
    if device.type == "cpu":  # They are there, and Lightning takes a second to import.
        return inputs
    from lightning.fabric.utilities import move_data_to_device

    return move_data_to_device(inputs, device)
