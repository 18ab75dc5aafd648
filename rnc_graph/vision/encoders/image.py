"""What all encoders of images share: normalized pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from rnc_graph.encoders.base import Encoder
from rnc_graph.errors import BadValueError
from rnc_graph.vision.functional import to_float

# Of ImageNet's pixels by channel, and the same for its images in gray.
_MEAN = {3: (0.485, 0.456, 0.406), 1: (0.449,)}
_STD = {3: (0.229, 0.224, 0.225), 1: (0.226,)}


class ImageEncoder(Encoder, ABC):
    """A batch of N images in, an (N, ``embedding_dim``) embedding out.

    Args:
        embedding_dim: d.
        in_channels: C, 1 (gray) or 3 (RGB).
        mean: of each channel, on the scale of 0 to 1, subtracted first; None for ImageNet's.
        std: of each channel, divided by after; None for ImageNet's.

    Raises:
        RncGraphError: another number of channels, a mean or std for other channels, or a std that
            is not positive.
    """

    inputs: ClassVar[Literal["graphs", "images"]] = "images"

    def __init__(
        self,
        embedding_dim: int,
        in_channels: int,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        if in_channels not in _MEAN:
            raise BadValueError(f"in_channels: expected 1 or 3, got {in_channels}")
        mean = _MEAN[in_channels] if mean is None else mean
        std = _STD[in_channels] if std is None else std
        if len(mean) != in_channels or len(std) != in_channels or min(std) <= 0:
            raise BadValueError(
                f"mean and std: expected a number for each of {in_channels} channels, those of std "
                f"above 0, got {list(mean)} and {list(std)}"
            )
        self.embedding_dim = embedding_dim
        self.in_channels = in_channels
        # Options of the encoder: not in the state dict.
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", _by_channel(mean), persistent=False)
        self.register_buffer("std", _by_channel(std), persistent=False)

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Return the (N, d) embedding of normalized images (N, C, H, W)."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the (N, d) embedding.

        Args:
            images: (N, C, H, W) uint8 (0 to 255) or float (0 to 1).

        Raises:
            RncGraphError: images of another shape or number of channels.
        """
        if images.dim() != 4 or images.shape[1] != self.in_channels:
            raise BadValueError(
                f"images: expected shape (N, {self.in_channels}, H, W), got {tuple(images.shape)}; "
                "in_channels is an option of the encoder"
            )
        normalized = (to_float(images) - self.mean) / self.std
        # Not channels_last: on processors without AVX-512, torch 2.13 and 2.14 write past the
        # end of their memory in the backward of a strided convolution of few channels in it.
        return self.features(normalized.contiguous())


def _by_channel(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)[None, :, None, None]
