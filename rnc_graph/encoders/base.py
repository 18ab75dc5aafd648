"""What all encoders share, their names, and the head that turns embeddings into predictions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Literal

from jinja2 import Environment, FileSystemLoader
from torch import nn
from torch_geometric.nn.conv import message_passing

from rnc_graph.registry import Registry


class Encoder(nn.Module):
    """A batch of N inputs in, an (N, ``embedding_dim``) embedding out.

    ``inputs`` says whether it takes graphs or images.
    """

    inputs: ClassVar[Literal["graphs", "images"]]
    embedding_dim: int


class Head(nn.Sequential):
    """A perceptron, (N, d) -> (N, t).

    Args:
        embedding_dim: d.
        out_features: t.
        hidden: widths of its hidden layers; none makes the head linear.
        dropout: probability after each hidden layer.
    """

    def __init__(
        self,
        embedding_dim: int,
        out_features: int,
        hidden: Sequence[int] = (),
        dropout: float = 0.0,
    ) -> None:
        layers: list[nn.Module] = []
        width = embedding_dim
        for next_width in hidden:
            layers += [nn.Linear(width, next_width), nn.ReLU(), nn.Dropout(dropout)]
            width = next_width
        super().__init__(*layers, nn.Linear(width, out_features))


class _Encoders(Registry[Encoder]):
    def make(self, name: str, /, **options: Any) -> Encoder:
        """Build the encoder named ``name``: see :meth:`Registry.make`."""
        with code_in_memory():
            return super().make(name, **options)


ENCODERS: Registry[Encoder] = _Encoders(
    "encoder", lazy=["rnc_graph.vision.encoders"], flag="--encoder-option"
)
"""The encoders by name, of graphs and of images."""


@contextmanager
def code_in_memory() -> Iterator[None]:
    """Keep in memory the code that PyG generates for layers that the block makes.

    PyG writes it to the system's temporary folder and leaves it there.
    """
    original = message_passing.module_from_template
    message_passing.module_from_template = _module_from_template
    try:
        yield
    finally:
        message_passing.module_from_template = original


def _module_from_template(
    module_name: str, template_path: str, tmp_dirname: str, **values: Any
) -> ModuleType:
    """Do what the function of this name does in ``torch_geometric.template``."""
    if module_name not in sys.modules:
        path = Path(template_path)
        template = Environment(loader=FileSystemLoader(path.parent)).get_template(path.name)
        module = ModuleType(module_name)
        exec(compile(template.render(**values), f"<{module_name}>", "exec"), module.__dict__)
        sys.modules[module_name] = module
    return sys.modules[module_name]
