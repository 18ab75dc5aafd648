"""Colors: changed, or taken away."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from rnc_graph.errors import BadValueError
from rnc_graph.vision.transforms.base import IMAGE_VIEWS, to_float
from rnc_graph.vision.transforms.draws import checked_probability, chosen_rows, each, uniform


@IMAGE_VIEWS.register("color_jitter")
class ColorJitter:
    """Change brightness, contrast, saturation and hue, in an order drawn for all images at once.

    Args:
        strength: s; the four ranges are 0.8 s, 0.8 s, 0.8 s and 0.2 s where they are not given, as
            in SimCLR (Chen et al., ICML 2020, arXiv 2002.05709).
        probability: of each image.
        brightness: b; the factor is drawn from max(0, 1 - b) to 1 + b.
        contrast: the same.
        saturation: the same; gray images stay as they are.
        hue: h of at most 0.5; the shift is drawn from -h to h, in turns of the color wheel.
    """

    def __init__(
        self,
        strength: float = 0.5,
        probability: float = 0.8,
        brightness: float | None = None,
        contrast: float | None = None,
        saturation: float | None = None,
        hue: float | None = None,
    ) -> None:
        self.probability = checked_probability(probability, "color_jitter")
        given = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        self.ranges = {k: 0.8 * strength if v is None else v for k, v in given.items()}
        self.ranges["hue"] = 0.2 * strength if hue is None else hue
        for name, value in {"strength": strength, **self.ranges}.items():
            most = 0.5 if name == "hue" else math.inf
            if not 0 <= value <= most or value == math.inf:
                limit = f"0 to {most}" if name == "hue" else "0 or more"
                raise BadValueError(f"{name} of color_jitter: found {value}, right is {limit}")

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view."""
        chosen = chosen_rows(batch, self.probability, generator)
        factors = {
            name: uniform(len(batch), (max(0.0, 1 - width), 1 + width), generator).float()
            for name, width in self.ranges.items()
        }
        factors["hue"] = uniform(len(batch), (-self.ranges["hue"], self.ranges["hue"]), generator)
        order = torch.randperm(len(_COLORS), generator=generator).tolist()
        # Only those chosen are worked on.
        rows = chosen.nonzero()[:, 0]
        images = to_float(batch)
        jittered = images[rows]
        for place in order:
            name, change = _COLORS[place]
            if self.ranges[name] > 0:
                jittered = change(jittered, factors[name].float()[rows])
        return images.index_copy(0, rows, jittered)


@IMAGE_VIEWS.register("grayscale")
class Grayscale:
    """Take the colors away, keeping the number of channels.

    Args:
        probability: of each image.
    """

    def __init__(self, probability: float = 0.2) -> None:
        self.probability = checked_probability(probability, "grayscale")

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view."""
        rows = chosen_rows(batch, self.probability, generator).nonzero()[:, 0]
        images = to_float(batch)
        if images.shape[1] == 1:
            return images
        return images.index_copy(0, rows, gray(images[rows]).expand(-1, 3, -1, -1))


def gray(images: Tensor) -> Tensor:
    """Return the brightness (B, 1, H, W) of color images (B, 3, H, W)."""
    red, green, blue = images[:, :1], images[:, 1:2], images[:, 2:]
    return (0.2989 * red).add_(green, alpha=0.587).add_(blue, alpha=0.114)


def brightened(images: Tensor, factors: Tensor) -> Tensor:
    """Multiply each image by its factor (B,)."""
    return (images * each(factors)).clamp_(0, 1)


def contrasted(images: Tensor, factors: Tensor) -> Tensor:
    """Stretch each image's difference from its mean brightness by its factor (B,)."""
    mean = (gray(images) if images.shape[1] == 3 else images).mean((1, 2, 3), keepdim=True)
    return torch.lerp(mean, images, each(factors)).clamp_(0, 1)


def saturated(images: Tensor, factors: Tensor) -> Tensor:
    """Stretch each pixel's difference from its brightness by its image's factor (B,)."""
    if images.shape[1] == 1:
        return images
    return torch.lerp(gray(images), images, each(factors)).clamp_(0, 1)


def hue_shifted(images: Tensor, shifts: Tensor) -> Tensor:
    """Turn the hue of each image by its shift (B,), in turns; HSV's saturation and value stay."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(1)
    high, low = images.amax(1), images.amin(1)
    range_ = high - low
    # Gray pixels have no hue, and none is needed: the range multiplies it away.
    safe = range_.clamp(min=1e-12)
    hue = torch.where(
        high == red,
        (green - blue) / safe,
        torch.where(high == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    ).add_(6 * shifts[:, None, None])
    out = torch.empty_like(images)
    # A channel is HSV's value less a trapezium of the hue, in sixths of a turn from its own corner.
    for channel, corner in enumerate((5, 3, 1)):
        place = (hue + corner).remainder_(6)
        away = torch.minimum(place, 4 - place).clamp_(0, 1)
        torch.addcmul(high, range_, away, value=-1, out=out[:, channel])
    return out


_COLORS = (
    ("brightness", brightened),
    ("contrast", contrasted),
    ("saturation", saturated),
    ("hue", hue_shifted),
)
