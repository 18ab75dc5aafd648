"""What the transforms do to a batch of float images, each with parameters of its own.

The same as the functions of torchvision.transforms.v2.functional do with one set of parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def to_float(batch: Tensor) -> Tensor:
    """Return uint8 images (0 to 255) as float32 (0 to 1); float images stay as they are."""
    return batch.float().div_(255) if batch.dtype == torch.uint8 else batch


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
    """Crop a rectangle of each image and resize it to the image's size, bilinear.

    Args:
        images: (B, C, H, W) float.
        boxes: (B, 4) top, left, height and width, in pixels.
    """
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
