"""Plain regression as a pretraining loss: the baseline of the contrastive losses."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from rnc_graph.errors import BadValueError
from rnc_graph.losses.base import LOSSES, PretrainLoss, zero_loss
from rnc_graph.losses.checks import as_columns, real_floats


@LOSSES.register("regression")
class RegressionLoss(PretrainLoss):
    """The mean absolute error of a linear head that is trained with the encoder, then dropped.

    The baseline where an encoder is pretrained on another dataset.
    """

    def __init__(self) -> None:
        super().__init__()
        self.head: nn.Linear | None = None

    def setup(self, labels: Tensor, embedding_dim: int, seed: int) -> None:
        """Make the head, with ``seed`` for its weights: (M, t) and d -> ``nn.Linear(d, t)``."""
        with torch.random.fork_rng(devices=[]):
            # torch.manual_seed would reach CUDA's generators too.
            torch.default_generator.manual_seed(int(seed))
            self.head = nn.Linear(embedding_dim, as_columns(labels).shape[1])

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the error over all views of features (B, V, d) with labels (B, t) or NaN."""
        if self.head is None:
            raise BadValueError("regression: call setup(labels, embedding_dim, seed) first")
        features = features.to(self.head.weight.dtype)
        labels = real_floats("labels", labels, features.dtype)
        y_pred = self.head(features.flatten(0, 1)).to(labels.dtype)
        y_true = labels.repeat_interleave(features.shape[1], 0)
        known = ~y_true.isnan()
        if not known.any():
            return zero_loss(y_pred)
        return functional.l1_loss(y_pred[known], y_true[known])
