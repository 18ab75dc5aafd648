"""Several augmentations, one after another."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Generator, Tensor

from rnc_graph.vision.transforms.base import IMAGE_VIEWS, ImageView, to_float


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
