"""Encoders of images: torchvision's ResNet-18 and ResNet-50, and a narrow one for small images."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from rnc_graph.encoders.base import ENCODERS, Encoder
from rnc_graph.errors import BadValueError
from rnc_graph.extras import import_extra
from rnc_graph.vision.transforms import to_float

# Of ImageNet's pixels by channel, and the same for its images in gray.
_MEAN = {3: (0.485, 0.456, 0.406), 1: (0.449,)}
_STD = {3: (0.229, 0.224, 0.225), 1: (0.226,)}


class ImageEncoder(Encoder, ABC):
    """A batch of N images in, an (N, ``embedding_dim``) embedding out.

    Args:
        embedding_dim: d.
        in_channels: C, 1 (gray) or 3 (RGB).
        mean: of each channel, on the scale of 0 to 1, subtracted first; None for ImageNet's.
        std: of each channel, divided by after; positive; None for ImageNet's.
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
        self.embedding_dim, self.in_channels = embedding_dim, in_channels
        # Options of the encoder: not in the state dict.
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", _by_channel(mean), persistent=False)
        self.register_buffer("std", _by_channel(std), persistent=False)

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Return the (N, d) embedding of normalized images (N, C, H, W)."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the (N, d) embedding of images (N, C, H, W), uint8, or float from 0 to 1."""
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


class ResNet(ImageEncoder):
    """torchvision's ResNet without its last layer, with random weights.

    Args:
        stem: "imagenet" begins with a 7 x 7 convolution of stride 2 and a pooling of stride 2;
            "small", for images of up to 64 pixels, with a 3 x 3 convolution of stride 1, as usual
            for CIFAR.
        in_channels: see :class:`ImageEncoder`.
        mean: see :class:`ImageEncoder`.
        std: see :class:`ImageEncoder`.
    """

    network: ClassVar[str]
    width: ClassVar[int]

    def __init__(
        self,
        stem: Literal["imagenet", "small"] = "imagenet",
        in_channels: int = 3,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        super().__init__(self.width, in_channels, mean, std)
        if stem not in ("imagenet", "small"):
            raise BadValueError(f"stem: expected 'imagenet' or 'small', got {stem!r}")
        models = import_extra("torchvision.models", "images", f"encoder {self.network!r}")
        backbone: Any = getattr(models, self.network)(weights=None)
        backbone.fc = nn.Identity()
        if stem == "small":
            backbone.conv1 = nn.Conv2d(in_channels, 64, 3, padding=1, bias=False)
            backbone.maxpool = nn.Identity()
        elif in_channels != 3:
            backbone.conv1 = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(backbone.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.backbone: nn.Module = backbone

    def features(self, images: Tensor) -> Tensor:
        """Return the (N, d) embedding of normalized images (N, C, H, W)."""
        embedding: Tensor = self.backbone(images)
        return embedding


@ENCODERS.register("resnet18")
class ResNet18(ResNet):
    """18 layers, an embedding of 512; arguments as :class:`ResNet`."""

    network, width = "resnet18", 512


@ENCODERS.register("resnet50")
class ResNet50(ResNet):
    """50 layers, an embedding of 2048; arguments as :class:`ResNet`."""

    network, width = "resnet50", 2048


class _Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, (N, c, H, W) -> (N, width, H / s, W / s)."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, images: Tensor) -> Tensor:
        """Return the new channels."""
        return torch.relu_(self.convolutions(images) + self.shortcut(images))


@ENCODERS.register("resnet8")
class ResNet8(ImageEncoder):
    """The ResNet of CIFAR with one block at each of three resolutions, 8 layers with its head.

    He et al. (CVPR 2016, arXiv 1512.03385), section 4.2, with n = 1; shortcuts that change the
    width have a convolution. The embedding, the mean over the last channels, is 4 times ``width``.

    Args:
        width: channels at full resolution; twice as many at a half, four times at a quarter of it.
            16 in the paper.
        blocks: n, at each resolution: 6 n + 2 layers.
        stride: of the first convolution: 1 for images of up to 32 pixels, 2 for those of 64.
        in_channels: see :class:`ImageEncoder`.
        mean: see :class:`ImageEncoder`.
        std: see :class:`ImageEncoder`.
    """

    def __init__(
        self,
        width: int = 32,
        blocks: int = 1,
        stride: int = 1,
        in_channels: int = 3,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        super().__init__(4 * width, in_channels, mean, std)
        if min(width, blocks, stride) < 1:
            raise BadValueError(
                f"width, blocks and stride: expected at least 1, got {width}, {blocks} and {stride}"
            )
        layers: list[nn.Module] = [
            nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        channels = width
        for factor in (1, 2, 4):
            for block in range(blocks):
                stride = 2 if block == 0 and factor > 1 else 1
                layers.append(_Block(channels, factor * width, stride))
                channels = factor * width
        self.backbone = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, images: Tensor) -> Tensor:
        """Return the (N, d) embedding of normalized images (N, C, H, W)."""
        channels: Tensor = self.backbone(images)
        return channels.mean((2, 3))
