"""A narrow ResNet for small images, trained in minutes on a CPU."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rnc_graph.encoders.base import ENCODERS
from rnc_graph.errors import BadValueError
from rnc_graph.vision.encoders.image import ImageEncoder


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

    "Deep Residual Learning for Image Recognition" (He et al., CVPR 2016, arXiv 1512.03385), section
    4.2, with n = 1; shortcuts that change the width have a convolution. The embedding, the mean
    over the last channels, is 4 times ``width``.

    Args:
        width: channels at full resolution; twice as many at a half, four times at a quarter of it.
            16 in the paper.
        blocks: n, at each resolution: 6 n + 2 layers.
        stride: of the first convolution: 1 for images of up to 32 pixels, 2 for those of 64.
        in_channels: C, 1 (gray) or 3 (RGB).
        mean: see :class:`ImageEncoder`.
        std: see :class:`ImageEncoder`.

    Raises:
        RncGraphError: a width, blocks or a stride below 1, or as :class:`ImageEncoder`.
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
