"""What all encoders share."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import nn


class Encoder(nn.Module):
    """A batch of N inputs in, an (N, ``embedding_dim``) embedding out.

    Attributes:
        inputs: whether it takes graphs or images.
        embedding_dim: d.
    """

    inputs: ClassVar[Literal["graphs", "images"]]
    embedding_dim: int
