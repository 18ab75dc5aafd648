"""The weights of a trained TwoStage in one safetensors file; its arguments are code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from rnc_graph.data.schema import GraphSchema, as_features
from rnc_graph.errors import BadValueError, RncGraphError, WriteError
from rnc_graph.files import read_bytes, write_bytes

_LARGEST = 2**35


@dataclass(frozen=True)
class Weights:
    """What :meth:`TwoStage.save` keeps.

    Attributes:
        encoder: tensors by name.
        head: the same.
        mean: (t,) of the targets; (1,) where they are not standardized.
        sd: the same.
        classes: C, 0 for continuous targets.
        schema: the features that an encoder of this package was made for.
    """

    encoder: dict[str, Tensor]
    head: dict[str, Tensor]
    mean: Tensor
    sd: Tensor
    classes: int
    schema: GraphSchema | None = None

    @property
    def outputs(self) -> int:
        """The outputs of the head."""
        return len([*self.head.values()][-1])


def write_weights(path: Path, weights: Weights) -> None:
    """Write the weights.

    Raises:
        BadValueError: a module keeps something else than tensors.
        WriteError: the file cannot be written.
    """
    tensors = {
        "mean": weights.mean,
        "sd": weights.sd,
        "classes": torch.tensor(weights.classes),
        **{f"encoder.{name}": value for name, value in weights.encoder.items()},
        **{f"head.{name}": value for name, value in weights.head.items()},
    }
    if weights.schema is not None:
        tensors["schema.nodes"] = torch.tensor(weights.schema.nodes)
        tensors["schema.edges"] = torch.tensor(weights.schema.edges)
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise BadValueError(f"{path}: {name}: expected a tensor, got {type(value).__name__}")
    # A file of safetensors holds no tensors that share memory, or are views of others.
    kept = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in tensors.items()
    }
    try:
        write_bytes(path, save(kept))
    except RncGraphError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise WriteError(f"{path}: cannot be written: {reason}") from error


def read_weights(path: Path) -> Weights:
    """Read what :func:`write_weights` wrote.

    Raises:
        FileError: the file cannot be read.
        BadValueError: it holds something else.
    """
    try:
        tensors = load(read_bytes(path, _LARGEST))
    except SafetensorError as error:
        raise BadValueError(f"{path}: expected a safetensors file: {error}") from error

    def part(prefix: str) -> dict[str, Tensor]:
        return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}

    head = dict(sorted(part("head.").items(), key=lambda item: _layer(item[0])))
    if not head or not {"mean", "sd", "classes"} <= tensors.keys():
        raise BadValueError(f"{path}: expected the weights of a TwoStage, got other tensors")
    features = {level: as_features(sizes.tolist()) for level, sizes in part("schema.").items()}
    return Weights(
        encoder=part("encoder."),
        head=head,
        mean=tensors["mean"],
        sd=tensors["sd"],
        classes=int(tensors["classes"]),
        schema=GraphSchema(features["nodes"], features["edges"]) if features else None,
    )


def _layer(name: str) -> int:
    return int(name.split(".", maxsplit=1)[0])


def put_weights(path: Path, part: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put the tensors of one part into its module.

    Raises:
        BadValueError: they are those of another module, which stays as it is.
    """
    own = module.state_dict()
    for name in sorted(own.keys() | tensors.keys()):
        expected, got = (_shape(of.get(name)) for of in (own, tensors))
        if expected != got:
            raise BadValueError(
                f"{path}: the weights do not fit this TwoStage: {part}.{name}: expected "
                f"{expected}, got {got}; give the arguments that the model was trained with, and "
                "data with the same features"
            )
    module.load_state_dict(tensors)


def _shape(tensor: object) -> str:
    return f"the shape {tuple(tensor.shape)}" if isinstance(tensor, Tensor) else "no tensor"
