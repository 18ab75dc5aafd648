"""Embeddings scaled to unit length, which all losses but RnC compare."""

from functools import reduce

import torch
from torch import Tensor


def unit(x: Tensor) -> Tensor:
    """Scale the last dimension to length 1, in float32 or better; a zero vector stays zero."""
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    scaled: Tensor = x / norm.masked_fill(norm == 0, 1)
    return scaled


def units(*embeddings: Tensor) -> list[Tensor]:
    """Normalize each, all in the widest of their dtypes."""
    dtype = reduce(torch.promote_types, (x.dtype for x in embeddings))
    return [unit(x.to(dtype)) for x in embeddings]
