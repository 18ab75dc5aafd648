"""Where each class lies on the sphere."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ClassCentroids(nn.Module):
    """Running mean directions of C classes (Li et al., CVPR 2022, arXiv 2111.13998).

    Args:
        classes: C.
        embedding_dim: d.
        momentum: the share of the old direction kept at an update.
    """

    centroids: Tensor

    def __init__(self, classes: int, embedding_dim: int, momentum: float = 0.9) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("centroids", torch.zeros(classes, embedding_dim))

    @torch.no_grad()
    def update(self, embedding: Tensor, classes: Tensor) -> Tensor:
        """Take in a batch and return the centroids (C, d), unit vectors.

        Args:
            embedding: (B, d), normalized here.
            classes: (B,) long. A class that the batch lacks keeps its centroid; one that was never
                seen has the zero vector.
        """
        unit = F.normalize(embedding.to(self.centroids.dtype), dim=1)
        sums = torch.zeros_like(self.centroids).index_add_(0, classes, unit)
        means = F.normalize(sums, dim=1)
        moved = self.momentum * self.centroids + (1 - self.momentum) * means
        seen = torch.zeros(len(sums), 1, dtype=torch.bool, device=sums.device)
        seen[classes] = True
        self.centroids.copy_(torch.where(seen, F.normalize(moved, dim=1), self.centroids))
        return self.centroids
