"""Views of images: randomly altered copies, made on a whole batch at once.

Each image has draws of its own, and no loop runs over single images. A batch comes as uint8 (0 to
255) or float (0 to 1) and leaves as float32 (0 to 1), (B, C, H, W), from :func:`make_image_view` in
channels_last format. What each augmentation does to one image is what the function of its name in
torchvision.transforms.v2 does to a float image with the same parameters.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from rnc_graph.errors import RncGraphError
from rnc_graph.registry import Registry


class ImageView(Protocol):
    """What makes a view: a batch and a generator in, an altered batch of as many images out."""

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view (B, C, H, W); ``batch`` itself stays as it is."""
        ...


IMAGE_VIEWS: Registry[ImageView] = Registry("augmentation of images")


def to_float(batch: Tensor) -> Tensor:
    """Return uint8 images (0 to 255) as float32 (0 to 1); float images stay as they are."""
    return batch.float().div_(255) if batch.dtype == torch.uint8 else batch


@IMAGE_VIEWS.register("random_resized_crop")
class RandomResizedCrop:
    """Cut a rectangle out and resize it to the size of the batch (bilinear).

    The rectangle is drawn as torchvision's: ten tries of an area and a proportion, the first that
    fits, else the middle of the image. As a cut-out is never reduced, antialiasing has no part.

    Args:
        scale: smallest and largest area, as shares of the image's.
        ratio: smallest and largest proportion of width to height, drawn evenly in its logarithm.
    """

    _TRIES = 10

    def __init__(
        self, scale: Sequence[float] = (0.2, 1.0), ratio: Sequence[float] = (3 / 4, 4 / 3)
    ) -> None:
        self.scale = _range(scale, "scale of random_resized_crop", most=1.0)
        self.ratio = _range(ratio, "ratio of random_resized_crop")

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view."""
        images, _, height, width = batch.shape
        return resized_crop(to_float(batch), self.boxes(images, width, height, generator))

    def boxes(self, images: int, width: int, height: int, generator: Generator) -> Tensor:
        """Draw (B, 4) rectangles: top, left, height, width, in whole pixels."""
        tries = (images, self._TRIES)
        area = _uniform(tries, self.scale, generator) * (height * width)
        logs = (math.log(self.ratio[0]), math.log(self.ratio[1]))
        ratio = _uniform(tries, logs, generator).exp()
        widths, heights = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
        fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
        # The first that fits; the last column is the middle of the image, which always does.
        middle_width, middle_height = self._middle(width, height)
        first = torch.cat([fits, fits.new_ones(images, 1)], 1).int().argmax(1, keepdim=True)
        w, h = (
            torch.cat([drawn, drawn.new_full((images, 1), middle)], 1).gather(1, first)[:, 0]
            for drawn, middle in ((widths, middle_width), (heights, middle_height))
        )
        place = torch.rand(2, images, generator=generator, dtype=torch.float64)
        free = torch.stack([height - h, width - w])
        corner = (place * (free + 1)).floor().minimum(free)
        central = (free / 2).round()
        top, left = torch.where(first[:, 0] < self._TRIES, corner, central)
        return torch.stack([top, left, h, w], 1).long()

    def _middle(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height of the largest rectangle of an allowed proportion."""
        if width / height < self.ratio[0]:
            return width, max(1, round(width / self.ratio[0]))
        if width / height > self.ratio[1]:
            return max(1, round(height * self.ratio[1])), height
        return width, height


@IMAGE_VIEWS.register("flip")
class Flip:
    """Mirror left and right.

    Args:
        probability: of each image.
    """

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = _probability(probability, "flip")

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view."""
        chosen = _chosen(batch, self.probability, generator)
        images = to_float(batch)
        return torch.where(chosen[:, None, None, None], images.flip(3), images)


@IMAGE_VIEWS.register("colour_jitter")
class ColourJitter:
    """Change brightness, contrast, saturation and hue, in an order drawn for all images at once.

    Args:
        strength: s; the four ranges are 0.8 s, 0.8 s, 0.8 s and 0.2 s where they are not given, as
            in SimCLR (Chen et al., ICML 2020, arXiv 2002.05709).
        probability: of each image.
        brightness: b; the factor is drawn from max(0, 1 - b) to 1 + b.
        contrast: the same.
        saturation: the same; grey images stay as they are.
        hue: h of at most 0.5; the shift is drawn from -h to h, in turns of the colour wheel.
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
        self.probability = _probability(probability, "colour_jitter")
        given = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        self.ranges = {k: 0.8 * strength if v is None else v for k, v in given.items()}
        self.ranges["hue"] = 0.2 * strength if hue is None else hue
        for name, value in {"strength": strength, **self.ranges}.items():
            most = 0.5 if name == "hue" else math.inf
            if not 0 <= value <= most or value == math.inf:
                limit = f"0 to {most}" if name == "hue" else "0 or more"
                raise RncGraphError(f"{name} of colour_jitter: found {value}, right is {limit}")

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view."""
        chosen = _chosen(batch, self.probability, generator)
        factors = {
            name: _uniform(len(batch), (max(0.0, 1 - width), 1 + width), generator).float()
            for name, width in self.ranges.items()
        }
        factors["hue"] = _uniform(len(batch), (-self.ranges["hue"], self.ranges["hue"]), generator)
        order = torch.randperm(len(_COLOURS), generator=generator).tolist()
        # Only those chosen are worked on.
        rows = chosen.nonzero()[:, 0]
        images = to_float(batch)
        jittered = images[rows]
        for place in order:
            name, change = _COLOURS[place]
            if self.ranges[name] > 0:
                jittered = change(jittered, factors[name].float()[rows])
        return images.index_copy(0, rows, jittered)


@IMAGE_VIEWS.register("greyscale")
class Greyscale:
    """Take the colours away, keeping the number of channels.

    Args:
        probability: of each image.
    """

    def __init__(self, probability: float = 0.2) -> None:
        self.probability = _probability(probability, "greyscale")

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view."""
        rows = _chosen(batch, self.probability, generator).nonzero()[:, 0]
        images = to_float(batch)
        if images.shape[1] == 1:
            return images
        return images.index_copy(0, rows, grey(images[rows]).expand(-1, 3, -1, -1))


@IMAGE_VIEWS.register("blur")
class Blur:
    """Blur with a Gaussian, reflecting at the edges.

    Args:
        probability: of each image.
        sigma: smallest and largest standard deviation, in pixels.
        kernel: width of the window in pixels, odd; None for a tenth of the image's height, as in
            SimCLR, and 3 at least.
    """

    def __init__(
        self,
        probability: float = 0.5,
        sigma: Sequence[float] = (0.1, 2.0),
        kernel: int | None = None,
    ) -> None:
        self.probability = _probability(probability, "blur")
        self.sigma = _range(sigma, "sigma of blur")
        if kernel is not None and (kernel < 1 or kernel % 2 == 0):
            raise RncGraphError(f"kernel of blur: found {kernel}, right is an odd number of pixels")
        self.kernel = kernel

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view."""
        chosen = _chosen(batch, self.probability, generator)
        sigma = _uniform(len(batch), self.sigma, generator).float()
        kernel = self.kernel or max(3, batch.shape[2] // 10 // 2 * 2 + 1)
        if kernel // 2 >= min(batch.shape[2:]):
            raise RncGraphError(
                f"kernel of blur: found {kernel}, right is less than twice the side of the "
                f"images, {min(batch.shape[2:])} pixels"
            )
        rows = chosen.nonzero()[:, 0]
        images = to_float(batch)
        return images.index_copy(0, rows, blurred(images[rows], sigma[rows], kernel))


@IMAGE_VIEWS.register("rotation")
class Rotation:
    """Rotate about the middle, counter-clockwise (bilinear).

    Args:
        degrees: the angle is drawn from -degrees to degrees.
        probability: of each image.
        fill: brightness of what comes in from outside, 0 (black) to 1 (white).
    """

    def __init__(self, degrees: float = 15.0, probability: float = 1.0, fill: float = 0.0) -> None:
        if not 0 <= degrees <= 180:
            raise RncGraphError(f"degrees of rotation: found {degrees}, right is 0 to 180")
        if not 0 <= fill <= 1:
            raise RncGraphError(f"fill of rotation: found {fill}, right is 0 to 1")
        self.degrees = degrees
        self.probability = _probability(probability, "rotation")
        self.fill = fill

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view."""
        chosen = _chosen(batch, self.probability, generator)
        angles = _uniform(len(batch), (-self.degrees, self.degrees), generator).float()
        rows = chosen.nonzero()[:, 0]
        images = to_float(batch)
        return images.index_copy(0, rows, rotated(images[rows], angles[rows], self.fill))


class Compose:
    """Several augmentations, one after another; the batch becomes float once.

    They pass over a part of the batch at a time, as large as the processor's cache holds.
    """

    # Numbers in a part: half a million floats take 2 MB.
    _PART = 2**19

    def __init__(self, *views: ImageView) -> None:
        self.views = views

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return the view."""
        view = torch.empty(
            batch.shape, dtype=torch.float32, memory_format=torch.channels_last, device=batch.device
        )
        images = max(1, self._PART // batch[0].numel()) if len(batch) else 1
        for part, target in zip(torch.split(batch, images), torch.split(view, images), strict=True):
            # Most augmentations work channel by channel, which is faster where these lie apart.
            altered = to_float(part.contiguous())
            for augmentation in self.views:
                altered = augmentation(altered, generator)
            target.copy_(altered)
        return view


def make_image_view(options: Mapping[str, Mapping[str, Any] | float]) -> ImageView | None:
    """Make a view from augmentations by name, applied in order; None for none.

    Args:
        options: the options of each augmentation by its name; a number stands for its first
            option, so that ``{"flip": 0.5}`` is ``{"flip": {"probability": 0.5}}``.

    Raises:
        UnknownNameError: no augmentation has this name, or it has no such option.
        RncGraphError: the value of an option is wrong.

    >>> view = make_image_view({"random_resized_crop": {"scale": [0.5, 1.0]}, "flip": 0.5})
    >>> batch = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    >>> view(batch, torch.Generator().manual_seed(0)).dtype
    torch.float32
    """
    views = []
    for name, given in options.items():
        if isinstance(given, Mapping):
            views.append(IMAGE_VIEWS.make(name, **given))
        else:
            first = next(iter(inspect.signature(IMAGE_VIEWS.get(name)).parameters))
            views.append(IMAGE_VIEWS.make(name, **{first: given}))
    return Compose(*views) if views else None


def resized_crop(images: Tensor, boxes: Tensor) -> Tensor:
    """Cut a rectangle out of each image and resize it to the image's size, bilinear.

    Args:
        images: (B, C, H, W) float.
        boxes: (B, 4) top, left, height and width, in pixels.
    """
    height, width = images.shape[2:]
    top, left, h, w = boxes.to(images.dtype)[:, :, None].unbind(1)
    grid = images.new_empty(len(images), height, width, 2)
    grid[..., 0] = _places(left, w, width)[:, None, :]
    grid[..., 1] = _places(top, h, height)[:, :, None]
    return F.grid_sample(images, grid, align_corners=False, padding_mode="border")


def _places(start: Tensor, length: Tensor, size: int) -> Tensor:
    """Return where the ``size`` pixels of a side come from, (B, size), as grid_sample counts it."""
    pixels = torch.arange(size, dtype=start.dtype)
    place = start + (pixels + 0.5) * length / size - 0.5
    # What lies outside the rectangle has no part in its edge.
    place = place.maximum(start).minimum(start + length - 1)
    return (2 * place + 1) / size - 1


def grey(images: Tensor) -> Tensor:
    """Return the brightness (B, 1, H, W) of colour images (B, 3, H, W)."""
    red, green, blue = images[:, :1], images[:, 1:2], images[:, 2:]
    return (0.2989 * red).add_(green, alpha=0.587).add_(blue, alpha=0.114)


def brightened(images: Tensor, factors: Tensor) -> Tensor:
    """Multiply each image by its factor (B,)."""
    return (images * _each(factors)).clamp_(0, 1)


def contrasted(images: Tensor, factors: Tensor) -> Tensor:
    """Stretch each image's difference from its mean brightness by its factor (B,)."""
    mean = (grey(images) if images.shape[1] == 3 else images).mean((1, 2, 3), keepdim=True)
    return torch.lerp(mean, images, _each(factors)).clamp_(0, 1)


def saturated(images: Tensor, factors: Tensor) -> Tensor:
    """Stretch each pixel's difference from its brightness by its image's factor (B,)."""
    if images.shape[1] == 1:
        return images
    return torch.lerp(grey(images), images, _each(factors)).clamp_(0, 1)


def hue_shifted(images: Tensor, shifts: Tensor) -> Tensor:
    """Turn the hue of each image by its shift (B,), in turns; HSV's saturation and value stay."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(1)
    high, low = images.amax(1), images.amin(1)
    range_ = high - low
    # Grey pixels have no hue, and none is needed: the range multiplies it away.
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


_COLOURS = (
    ("brightness", brightened),
    ("contrast", contrasted),
    ("saturation", saturated),
    ("hue", hue_shifted),
)


def blurred(images: Tensor, sigma: Tensor, kernel: int) -> Tensor:
    """Blur each image with a Gaussian of its own sigma (B,), in a window of ``kernel`` pixels."""
    half = kernel // 2
    places = torch.arange(half + 1, dtype=images.dtype)
    weights = torch.exp(-0.5 * (places / sigma[:, None]) ** 2)  # (B, half + 1), from the middle
    weights = weights / (weights.sum(1, keepdim=True) + weights[:, 1:].sum(1, keepdim=True))
    for dim, padding in ((2, (0, 0, half, half)), (3, (half, half, 0, 0))):
        padded = F.pad(images, padding, mode="reflect")
        size = images.shape[dim]
        images = padded.narrow(dim, half, size) * _each(weights[:, 0])
        for step in range(1, half + 1):
            both = padded.narrow(dim, half - step, size) + padded.narrow(dim, half + step, size)
            images.addcmul_(both, _each(weights[:, step]))
    return images


def rotated(images: Tensor, degrees: Tensor, fill: float = 0.0) -> Tensor:
    """Rotate each image counter-clockwise by its angle (B,) about its middle, bilinear."""
    if len(images) == 0:  # affine_grid makes no empty grids.
        return images
    height, width = images.shape[2:]
    angle = torch.deg2rad(degrees)
    cos, sin = angle.cos(), angle.sin()
    zero = torch.zeros_like(cos)
    # The grid counts each side from -1 to 1, so that turning pixels takes their proportion.
    rows = [cos, -sin * height / width, zero, sin * width / height, cos, zero]
    theta = torch.stack(rows, 1).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    if fill == 0:
        return F.grid_sample(images, grid, align_corners=False)
    return F.grid_sample(images - fill, grid, align_corners=False).add_(fill)


def _each(values: Tensor) -> Tensor:
    """Return one value an image, (B,), so that it meets (B, C, H, W)."""
    return values[:, None, None, None]


def _uniform(
    shape: int | tuple[int, ...], ends: tuple[float, float], generator: Generator
) -> Tensor:
    low, high = ends
    drawn = torch.rand(shape, generator=generator, dtype=torch.float64)
    return low + (high - low) * drawn


def _chosen(batch: Tensor, probability: float, generator: Generator) -> Tensor:
    """Say which images (B,) an augmentation is for."""
    return torch.rand(len(batch), generator=generator) < probability


def _probability(value: float, name: str) -> float:
    if not 0 <= value <= 1:
        raise RncGraphError(f"probability of {name}: found {value}, right is 0 to 1")
    return value


def _range(ends: Sequence[float], name: str, most: float = math.inf) -> tuple[float, float]:
    if len(ends) != 2 or not 0 < ends[0] <= ends[1] <= most or ends[1] == math.inf:
        limit = f" and at most {most:g}" if most < math.inf else ""
        raise RncGraphError(
            f"{name}: found {list(ends)}, right is its smallest and largest value, above 0{limit}"
        )
    return float(ends[0]), float(ends[1])
