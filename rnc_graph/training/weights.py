"""The weights of a trained TwoStage in one safetensors file; its arguments are code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from rnc_graph.errors import BadValueError
from rnc_graph.files import read_bytes, write_bytes

_LARGEST = 2**35
_BIAS = re.compile(r"head\.\d+\.bias")


def write_weights(
    path: Path, modules: Mapping[str, nn.Module], scale: Mapping[str, Tensor]
) -> None:
    """Write modules by name, and the scale of the targets.

    Raises:
        BadValueError: a module keeps something else than tensors.
        FileError: the file cannot be written.
    """
    tensors = dict(scale)
    for part, module in modules.items():
        tensors |= {f"{part}.{name}": value for name, value in module.state_dict().items()}
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise BadValueError(f"{path}: {name}: expected a tensor, got {type(value).__name__}")
    # Clones: a file of safetensors holds no tensors that share memory.
    content = save({name: value.detach().cpu().clone() for name, value in tensors.items()})
    write_bytes(path, content)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read what :func:`write_weights` wrote, by name.

    Raises:
        FileError: the file cannot be read.
        BadValueError: it is no such file.
    """
    try:
        tensors = load(read_bytes(path, _LARGEST))
    except SafetensorError as error:
        raise BadValueError(f"{path}: expected a safetensors file: {error}") from error
    if not {"mean", "sd"} <= tensors.keys() or outputs_of(tensors) == 0:
        raise BadValueError(f"{path}: expected the weights of a TwoStage, got other tensors")
    return tensors


def outputs_of(tensors: Mapping[str, Tensor]) -> int:
    """Return the number of outputs of the head."""
    biases = {int(n.split(".")[1]): len(t) for n, t in tensors.items() if _BIAS.fullmatch(n)}
    return biases[max(biases)] if biases else 0


def put_weights(path: Path, part: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put the tensors of one part into its module.

    Raises:
        BadValueError: they are those of another module.
    """
    own = {n.removeprefix(f"{part}."): t for n, t in tensors.items() if n.startswith(f"{part}.")}
    try:
        module.load_state_dict(own)
    except RuntimeError as error:
        raise BadValueError(
            f"{path}: the weights do not fit the {part} of this TwoStage; expected the arguments "
            f"that it was trained with: {error}"
        ) from error
