"""K-positive contrastive learning (Kang et al., ICLR 2021; as in Li et al., arXiv 2111.13998)."""

import torch
from torch import Tensor, nn

from rnc_graph.losses.base import LOSSES, QueueLoss, select, zero_loss
from rnc_graph.losses.checks import check_positive
from rnc_graph.losses.classes import Bins, make_bins
from rnc_graph.losses.momentum_contrast import check, check_positives, contrast


class KCLLoss(nn.Module):
    r"""KCL: as many positives for a rare class as for a frequent one.

    The candidates of anchor i are its own key and the queue, s_ij their cosine with the query over
    the temperature. A_i is the own key and ``positives`` entries of the anchor's class drawn from
    the queue without replacement, all of them if there are fewer::

        L = -mean_i 1/|A_i| sum_{a in A_i} [ s_ia - log sum_j exp(s_ij) ]

    Memory grows as B + K. First derivatives only. Each anchor draws for itself. (Kang, Li, Xie,
    Yuan and Feng, "Exploring balanced feature spaces for representation learning", ICLR 2021.)

    Args:
        temperature: divides the cosines; positive.
        positives: how many to draw from the queue; None takes all of the class.
        generator: what to draw from; None is torch's default.

    Raises:
        BadValueError: ``temperature`` is not positive and finite, or ``positives`` below 1.

    >>> query, key = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    >>> queue, queue_labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    >>> loss = KCLLoss(temperature=1.0)
    >>> round(loss(query, key, torch.tensor([0]), queue, queue_labels).item(), 4)
    0.862
    """

    def __init__(
        self,
        temperature: float = 0.07,
        positives: int | None = 6,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_positive("temperature", temperature)
        check_positives(positives)
        self.temperature, self.positives, self.generator = temperature, positives, generator

    def forward(
        self, query: Tensor, key: Tensor, labels: Tensor, queue: Tensor, queue_labels: Tensor
    ) -> Tensor:
        """Return the loss of a batch, a scalar in the inputs' dtype, float32 at least.

        Args:
            query: (B, d) embeddings.
            key: (B, d) embeddings of the same samples by the momentum encoder.
            labels: (B,) integers, the classes.
            queue: (K, d) embeddings of earlier samples; K may be 0.
            queue_labels: (K,) integers, their classes.

        Raises:
            BadValueError: wrong shapes or dtype, or a NaN or infinite value.
        """
        check(query, key, labels, queue, queue_labels)
        return contrast(
            query,
            key,
            labels,
            queue,
            queue_labels,
            temperature=self.temperature,
            positives=self.positives,
            generator=self.generator,
        )[0]

    def extra_repr(self) -> str:
        """What ``print(loss)`` adds to the class."""
        return f"temperature={self.temperature}, positives={self.positives}"


@LOSSES.register("kcl")
class KCL(QueueLoss):
    """:class:`KCLLoss` whose classes are quantile bins of the label, or its own.

    Equal numbers of positives for each anchor keep crowded classes from ruling the embedding; with
    quantile bins of an even training set the classes are even anyway. Samples that lack a target
    are left out.

    Args:
        temperature: of the loss.
        positives: draws from the queue for each anchor; None takes all of its class.
        bins: classes for each target; "classes" where the target is a class number itself.
        queue_size: keys to compare with.
        momentum: of the momentum encoder.
    """

    def __init__(
        self,
        temperature: float = 0.3,
        positives: int | None = 6,
        bins: Bins = 10,
        queue_size: int = 512,
        momentum: float = 0.99,
    ) -> None:
        super().__init__(queue_size, momentum)
        self.loss = KCLLoss(temperature, positives)
        self.bins = make_bins(bins)

    def setup(self, labels: Tensor, embedding_dim: int, seed: int) -> None:
        """Take the bins from the training set's labels."""
        self.bins.setup(labels)

    def forward(
        self, query: Tensor, key: Tensor, labels: Tensor, queue: Tensor, queue_labels: Tensor
    ) -> Tensor:
        """Return the loss of queries (N, d), with labels (N, t), against the queue (K, d)."""
        classes, queue_classes = self.bins(labels), self.bins(queue_labels)
        query, key, classes = select(classes >= 0, query, key, classes)
        queue, queue_classes = select(queue_classes >= 0, queue, queue_classes)
        if not len(classes):
            return zero_loss(query)
        value: Tensor = self.loss(query, key, classes, queue, queue_classes)
        return value
