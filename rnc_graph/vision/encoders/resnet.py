"""ResNet-18 and ResNet-50 (He et al., CVPR 2016, arXiv 1512.03385), torchvision's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, nn

from rnc_graph.encoders.registry import ENCODERS
from rnc_graph.errors import BadValueError, MissingPackageError
from rnc_graph.vision.encoders.image import ImageEncoder

Stem = Literal["imagenet", "small"]


class ResNet(ImageEncoder):
    """torchvision's ResNet without its last layer, from fresh weights.

    Args:
        name: of torchvision's function.
        embedding_dim: d.
        stem: "imagenet" begins with a 7 x 7 convolution of stride 2 and a pooling of stride 2;
            "small", for images of up to 64 pixels, with a 3 x 3 convolution of stride 1, as usual
            for CIFAR.
        in_channels: C, 1 (gray) or 3 (RGB).
        mean: see :class:`ImageEncoder`.
        std: see :class:`ImageEncoder`.

    Raises:
        RncGraphError: torchvision is not installed, another stem, or as :class:`ImageEncoder`.
    """

    def __init__(
        self,
        name: str,
        embedding_dim: int,
        stem: Stem,
        in_channels: int,
        mean: Sequence[float] | None,
        std: Sequence[float] | None,
    ) -> None:
        super().__init__(embedding_dim, in_channels, mean, std)
        if stem not in ("imagenet", "small"):
            raise BadValueError(f"stem must be 'imagenet' or 'small', not {stem!r}")
        backbone = _torchvision(name)
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
    """Eighteen layers, an embedding of 512; options as :class:`ResNet`."""

    def __init__(
        self,
        stem: Stem = "imagenet",
        in_channels: int = 3,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        super().__init__("resnet18", 512, stem, in_channels, mean, std)


@ENCODERS.register("resnet50")
class ResNet50(ResNet):
    """Fifty layers, an embedding of 2048; options as :class:`ResNet`."""

    def __init__(
        self,
        stem: Stem = "imagenet",
        in_channels: int = 3,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        super().__init__("resnet50", 2048, stem, in_channels, mean, std)


def _torchvision(name: str) -> Any:
    """Make torchvision's network of this name, its weights drawn anew."""
    # Loaded here, since graphs do without it.
    try:
        from torchvision import models
    except ImportError as error:
        raise MissingPackageError(
            f"encoder {name!r} needs torchvision: pip install 'rnc-graph[images]' ({error})"
        ) from error
    return getattr(models, name)(weights=None)
