"""ResNet-18 and ResNet-50 (He et al., CVPR 2016, arXiv 1512.03385), torchvision's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from rnc_graph.encoders.base import ENCODERS
from rnc_graph.errors import BadValueError, MissingPackageError
from rnc_graph.vision.encoders.image import ImageEncoder

Stem = Literal["imagenet", "small"]


class ResNet(ImageEncoder):
    """torchvision's ResNet without its last layer, with random weights.

    Args:
        stem: "imagenet" begins with a 7 x 7 convolution of stride 2 and a pooling of stride 2;
            "small", for images of up to 64 pixels, with a 3 x 3 convolution of stride 1, as usual
            for CIFAR.
        in_channels: see :class:`ImageEncoder`.
        mean: see :class:`ImageEncoder`.
        std: see :class:`ImageEncoder`.

    Raises:
        MissingPackageError: torchvision is not installed.
        BadValueError: another stem, or as :class:`ImageEncoder`.
    """

    network: ClassVar[str]
    width: ClassVar[int]

    def __init__(
        self,
        stem: Stem = "imagenet",
        in_channels: int = 3,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        super().__init__(self.width, in_channels, mean, std)
        if stem not in ("imagenet", "small"):
            raise BadValueError(f"stem: expected 'imagenet' or 'small', got {stem!r}")
        backbone = _torchvision(self.network)
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


def _torchvision(name: str) -> Any:
    """Make torchvision's network of this name, with random weights."""
    try:  # Graphs do without it.
        from torchvision import models
    except ImportError as error:
        raise MissingPackageError(
            f"encoder {name!r} needs torchvision: pip install 'rnc-graph[images]' ({error})"
        ) from error
    return getattr(models, name)(weights=None)
