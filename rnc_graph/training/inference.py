"""What a model says of data it does not learn from."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


@torch.no_grad()
def infer(model: nn.Module, batches: Iterable[tuple[Any, Any]]) -> Tensor:
    """Return the model's (N, ...) outputs over all batches in order, in evaluation mode.

    An encoder gives embeddings (N, d), an encoder with a head standardized predictions (N, t). The
    modes of all its parts are put back afterwards.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        return torch.cat([model(inputs) for inputs, _ in batches])
    finally:
        for module, mode in modes.items():
            module.training = mode
