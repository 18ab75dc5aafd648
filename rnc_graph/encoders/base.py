"""What all encoders share, and their names."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from torch import nn

from rnc_graph.registry import Registry


class Encoder(nn.Module):
    """A batch of N inputs in, an (N, ``embedding_dim``) embedding out.

    Attributes:
        inputs: whether it takes graphs or images.
        embedding_dim: d.
    """

    inputs: ClassVar[Literal["graphs", "images"]]
    embedding_dim: int


class _Encoders(Registry[Encoder]):
    """Makes encoders that leave no files behind."""

    def make(self, name: str, **options: Any) -> Encoder:
        """Build the encoder named ``name``: see :meth:`Registry.make`."""
        from rnc_graph.encoders.layer_code import code_in_memory

        with code_in_memory():
            return super().make(name, **options)


ENCODERS: Registry[Encoder] = _Encoders("encoder", lazy=["rnc_graph.vision.encoders"])
