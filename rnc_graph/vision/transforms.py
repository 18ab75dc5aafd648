"""Transforms of image batches (B, C, H, W), uint8 (0 to 255) or float (0 to 1), to float (0 to 1).

Each does to an image what the function of its name in torchvision.transforms.v2 does to a float
image with the same parameters. torchvision's own are not used since they draw one set of
parameters for a whole batch, and a view needs other ones for each image.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from rnc_graph.data.transforms import VIEWS
from rnc_graph.errors import BadValueError

Transform = Callable[[Tensor, Generator | None], Tensor]
"""A batch and a generator (None for torch's own) in, a changed batch of as many images out."""


class Compose:
    """Several transforms, one after another, on chunks of a batch that fit a processor's cache."""

    # Numbers in a chunk: half a million floats take 2 MB.
    _CHUNK = 2**19

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = transforms

    def __call__(self, batch: Tensor, generator: Generator | None) -> Tensor:
        """Return the view (B, C, H, W); ``batch`` itself stays as it is."""
        size = max(1, self._CHUNK // batch[0].numel()) if len(batch) else 1
        views = []
        for chunk in torch.split(batch, size):
            view = to_float(chunk.contiguous())
            for transform in self.transforms:
                view = transform(view, generator)
            views.append(view)
        return torch.cat(views)


class ImageTransform(ABC):
    """Changes each image of a batch with a ``probability`` and with parameters of its own."""

    inputs: ClassVar[Literal["graphs", "images"]] = "images"
    compose: ClassVar[type[Compose]] = Compose

    def __init__(self, probability: float = 1.0) -> None:
        _check(self, "probability", probability, most=1)
        self.probability = probability

    def __call__(self, batch: Tensor, generator: Generator | None) -> Tensor:
        """Return the view (B, C, H, W); ``batch`` itself stays as it is."""
        drawn = torch.rand(len(batch), generator=generator, device=_device(generator))
        chosen = (drawn < self.probability).nonzero()[:, 0]
        parameters = self._draw(batch, generator)
        images = to_float(batch)
        if len(chosen) == 0:
            return images
        own = [parameter[chosen].to(batch.device) for parameter in parameters]
        index = chosen.to(batch.device)
        return images.index_copy(0, index, self._change(images[index], *own))

    def _draw(self, batch: Tensor, generator: Generator | None) -> Sequence[Tensor]:
        """Draw the parameters, each a tensor (B, ...)."""
        return ()

    @abstractmethod
    def _change(self, images: Tensor, *parameters: Any) -> Tensor:
        """Return M changed images, given M values of each parameter."""


@VIEWS.register("flip")
class Flip(ImageTransform):
    """Mirror left and right, each image with a ``probability``."""

    def __init__(self, probability: float = 0.5) -> None:
        super().__init__(probability)

    def _change(self, images: Tensor, *parameters: Any) -> Tensor:
        return images.flip(3)


@VIEWS.register("grayscale")
class Grayscale(ImageTransform):
    """Remove the colors and keep the channels, of each image with a ``probability``."""

    def __init__(self, probability: float = 0.2) -> None:
        super().__init__(probability)

    def _change(self, images: Tensor, *parameters: Any) -> Tensor:
        return gray(images).expand_as(images)


@VIEWS.register("color_jitter")
class ColorJitter(ImageTransform):
    """Change brightness, contrast, saturation and hue, in an order drawn for many at once.

    Args:
        strength: s; the four ranges default to 0.8 s, 0.8 s, 0.8 s and 0.2 s, as in SimCLR (Chen et
            al., ICML 2020, arXiv 2002.05709).
        probability: of each image.
        brightness, contrast, saturation: b; the factor is drawn from max(0, 1 - b) to 1 + b.
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
        super().__init__(probability)
        given = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        self.ranges = {k: 0.8 * strength if v is None else v for k, v in given.items()}
        self.ranges["hue"] = 0.2 * strength if hue is None else hue
        for name, value in {"strength": strength, **self.ranges}.items():
            _check(self, name, value, most=0.5 if name == "hue" else math.inf)

    def _draw(self, batch: Tensor, generator: Generator | None) -> Sequence[Tensor]:
        limits = [(max(0.0, 1 - width), 1 + width) for width in self.ranges.values()]
        limits[-1] = -self.ranges["hue"], self.ranges["hue"]
        factors = [uniform(len(batch), limit, generator).float() for limit in limits]
        order = torch.randperm(4, generator=generator, device=_device(generator))
        return torch.stack(factors, 1), order.expand(len(batch), 4)

    def _change(self, images: Tensor, *parameters: Any) -> Tensor:
        factors, order = parameters
        changes = (brightened, contrasted, saturated, hue_shifted)
        widths = list(self.ranges.values())
        for number in order[0].tolist():
            if widths[number] > 0:
                images = changes[number](images, factors[:, number])
        return images


@VIEWS.register("random_resized_crop")
class RandomResizedCrop(ImageTransform):
    """Crop a random rectangle and resize it to the size of the image (bilinear).

    The rectangle is drawn as torchvision draws it: the first of ten areas and aspect ratios that
    fits, else the center of the image. ``scale`` is the smallest and largest area, as shares of the
    image's; ``ratio`` that of width to height, drawn log-uniformly.
    """

    _TRIES = 10

    def __init__(
        self, scale: Sequence[float] = (0.2, 1.0), ratio: Sequence[float] = (3 / 4, 4 / 3)
    ) -> None:
        super().__init__()
        self.scale = _range(self, "scale", scale, most=1.0)
        self.ratio = _range(self, "ratio", ratio)

    def _draw(self, batch: Tensor, generator: Generator | None) -> Sequence[Tensor]:
        return (self.boxes(len(batch), batch.shape[3], batch.shape[2], generator),)

    def boxes(self, count: int, width: int, height: int, generator: Generator | None) -> Tensor:
        """Draw (B, 4) rectangles: top, left, height, width, in whole pixels."""
        tries = (count, self._TRIES)
        area = uniform(tries, self.scale, generator) * (height * width)
        logs = (math.log(self.ratio[0]), math.log(self.ratio[1]))
        ratio = uniform(tries, logs, generator).exp()
        widths, heights = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
        fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
        # The first that fits; the last column is the center of the image, which always does.
        first = torch.cat([fits, fits.new_ones(count, 1)], 1).int().argmax(1, keepdim=True)
        w, h = (
            torch.cat([drawn, drawn.new_full((count, 1), side)], 1).gather(1, first)[:, 0]
            for drawn, side in zip((widths, heights), self._center(width, height), strict=True)
        )
        corner = uniform((2, count), (0.0, 1.0), generator)
        free = torch.stack([height - h, width - w])
        drawn = (corner * (free + 1)).floor().minimum(free)
        top, left = torch.where(first[:, 0] < self._TRIES, drawn, (free / 2).round())
        return torch.stack([top, left, h, w], 1).long()

    def _center(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height of the largest rectangle of an allowed aspect ratio."""
        if width / height < self.ratio[0]:
            return width, max(1, round(width / self.ratio[0]))
        if width / height > self.ratio[1]:
            return max(1, round(height * self.ratio[1])), height
        return width, height

    def _change(self, images: Tensor, *parameters: Any) -> Tensor:
        return resized_crop(images, parameters[0])


@VIEWS.register("blur")
class Blur(ImageTransform):
    """Blur with a Gaussian, reflecting at the edges.

    ``sigma`` is the smallest and largest standard deviation, in pixels, and ``kernel`` the width of
    the window, odd; None for a tenth of the image's height, as in SimCLR, and at least 3.
    """

    def __init__(
        self,
        probability: float = 0.5,
        sigma: Sequence[float] = (0.1, 2.0),
        kernel: int | None = None,
    ) -> None:
        super().__init__(probability)
        self.sigma = _range(self, "sigma", sigma)
        if kernel is not None and (kernel < 1 or kernel % 2 == 0):
            raise BadValueError(f"kernel of Blur: expected an odd number of pixels, got {kernel}")
        self.kernel = kernel

    def _draw(self, batch: Tensor, generator: Generator | None) -> Sequence[Tensor]:
        return (uniform(len(batch), self.sigma, generator).float(),)

    def _change(self, images: Tensor, *parameters: Any) -> Tensor:
        side = min(images.shape[2:])
        kernel = self.kernel or max(3, images.shape[2] // 10 // 2 * 2 + 1)
        if kernel // 2 >= side:
            raise BadValueError(
                f"kernel of Blur: expected less than twice the side of the images, {side} pixels, "
                f"got {kernel}"
            )
        return blurred(images, parameters[0], kernel)


@VIEWS.register("rotation")
class Rotation(ImageTransform):
    """Rotate about the center, counter-clockwise (bilinear).

    The angle is drawn from -degrees to degrees; ``fill`` is the brightness of the pixels that come
    from beyond the image, 0 (black) to 1 (white).
    """

    def __init__(self, degrees: float = 15.0, probability: float = 1.0, fill: float = 0.0) -> None:
        super().__init__(probability)
        _check(self, "degrees", degrees, most=180)
        _check(self, "fill", fill, most=1)
        self.degrees, self.fill = degrees, fill

    def _draw(self, batch: Tensor, generator: Generator | None) -> Sequence[Tensor]:
        return (uniform(len(batch), (-self.degrees, self.degrees), generator).float(),)

    def _change(self, images: Tensor, *parameters: Any) -> Tensor:
        return rotated(images, parameters[0], self.fill)


def uniform(
    shape: int | tuple[int, ...], limits: tuple[float, float], generator: Generator | None
) -> Tensor:
    """Draw float64 numbers uniformly between two limits."""
    low, high = limits
    options: Any = {"device": _device(generator), "dtype": torch.float64}
    return low + (high - low) * torch.rand(shape, generator=generator, **options)


def _device(generator: Generator | None) -> torch.device | None:
    return None if generator is None else generator.device


def _check(transform: ImageTransform, name: str, value: float, most: float) -> None:
    if not 0 <= value <= most or value == math.inf:
        limit = f"0 to {most:g}" if most < math.inf else "0 or more"
        raise BadValueError(f"{name} of {type(transform).__name__}: expected {limit}, got {value}")


def _range(
    transform: ImageTransform, name: str, limits: Sequence[float], most: float = math.inf
) -> tuple[float, float]:
    """Return the limits of a range, checked to be positive, rising and at most ``most``."""
    if len(limits) != 2 or not 0 < limits[0] <= limits[1] <= most or limits[1] == math.inf:
        limit = f" and at most {most:g}" if most < math.inf else ""
        raise BadValueError(
            f"{name} of {type(transform).__name__}: expected its smallest and largest value, above "
            f"0{limit}, got {list(limits)}"
        )
    return float(limits[0]), float(limits[1])


def to_float(batch: Tensor) -> Tensor:
    """Return images as float32 (0 to 1): uint8 ones are scaled, floats of any type are cast."""
    return batch.float().div_(255) if batch.dtype == torch.uint8 else batch.float()


def gray(images: Tensor) -> Tensor:
    """Return the brightness (B, 1, H, W) of images (B, C, H, W)."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images[:, :1], images[:, 1:2], images[:, 2:]
    return (0.2989 * red).add_(green, alpha=0.587).add_(blue, alpha=0.114)


def brightened(images: Tensor, factors: Tensor) -> Tensor:
    """Multiply each image by its factor (B,)."""
    return (images * each(factors)).clamp_(0, 1)


def contrasted(images: Tensor, factors: Tensor) -> Tensor:
    """Scale each image's difference from its mean brightness by its factor (B,)."""
    mean = gray(images).mean((1, 2, 3), keepdim=True)
    return torch.lerp(mean, images, each(factors)).clamp_(0, 1)


def saturated(images: Tensor, factors: Tensor) -> Tensor:
    """Scale each pixel's difference from its brightness by its image's factor (B,)."""
    if images.shape[1] == 1:
        return images
    return torch.lerp(gray(images), images, each(factors)).clamp_(0, 1)


def hue_shifted(images: Tensor, shifts: Tensor) -> Tensor:
    """Shift the hue of each image by (B,) turns; saturation and value of HSV do not change."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(1)
    high, low = images.amax(1), images.amin(1)
    range_ = high - low
    # Gray pixels have no hue, and any will do: it is multiplied by a range of 0.
    safe = range_.clamp(min=1e-12)
    hue = torch.where(
        high == red,
        (green - blue) / safe,
        torch.where(high == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    ).add_(6 * shifts[:, None, None])
    out = torch.empty_like(images)
    # A channel is HSV's value minus a trapezoid of the hue, in sixths of a turn from its corner.
    for channel, corner in enumerate((5, 3, 1)):
        sixths = (hue + corner).remainder_(6)
        away = torch.minimum(sixths, 4 - sixths).clamp_(0, 1)
        torch.addcmul(high, range_, away, value=-1, out=out[:, channel])
    return out


def resized_crop(images: Tensor, boxes: Tensor) -> Tensor:
    """Crop a box (B, 4) of each image, (top, left, height, width), and resize it to its size."""
    height, width = images.shape[2:]
    top, left, h, w = boxes.to(images.dtype)[:, :, None].unbind(1)
    grid = images.new_empty(len(images), height, width, 2)
    grid[..., 0] = _grid(left, w, width)[:, None, :]
    grid[..., 1] = _grid(top, h, height)[:, :, None]
    return F.grid_sample(images, grid, align_corners=False, padding_mode="border")


def _grid(start: Tensor, length: Tensor, size: int) -> Tensor:
    """Return where the ``size`` pixels of a side come from, (B, size), as grid_sample counts it."""
    pixels = torch.arange(size, dtype=start.dtype, device=start.device)
    source = start + (pixels + 0.5) * length / size - 0.5
    # Pixels beyond the rectangle do not enter its edge.
    source = source.maximum(start).minimum(start + length - 1)
    return (2 * source + 1) / size - 1


def blurred(images: Tensor, sigma: Tensor, kernel: int) -> Tensor:
    """Blur each image with a Gaussian of its own sigma (B,), in a window of ``kernel`` pixels."""
    half = kernel // 2
    distance = torch.arange(half + 1, dtype=images.dtype, device=images.device)
    weights = torch.exp(-0.5 * (distance / sigma[:, None]) ** 2)  # (B, half + 1)
    weights = weights / (weights.sum(1, keepdim=True) + weights[:, 1:].sum(1, keepdim=True))
    for dim, padding in ((2, (0, 0, half, half)), (3, (half, half, 0, 0))):
        padded = F.pad(images, padding, mode="reflect")
        size = images.shape[dim]
        images = padded.narrow(dim, half, size) * each(weights[:, 0])
        for step in range(1, half + 1):
            both = padded.narrow(dim, half - step, size) + padded.narrow(dim, half + step, size)
            images.addcmul_(both, each(weights[:, step]))
    return images


def rotated(images: Tensor, degrees: Tensor, fill: float = 0.0) -> Tensor:
    """Rotate each image counter-clockwise by its angle (B,) about its center, bilinear."""
    height, width = images.shape[2:]
    angle = torch.deg2rad(degrees)
    cos, sin = angle.cos(), angle.sin()
    zero = torch.zeros_like(cos)
    # The grid counts each side from -1 to 1, so a rotation of pixels takes their ratio.
    entries = [cos, -sin * height / width, zero, sin * width / height, cos, zero]
    theta = torch.stack(entries, 1).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images - fill, grid, align_corners=False) + fill


def each(values: Tensor) -> Tensor:
    """Return one value an image, (B,), so that it broadcasts to (B, C, H, W)."""
    return values[:, None, None, None]
