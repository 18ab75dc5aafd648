"""K-positive contrastive learning (Kang et al., ICLR 2021; as in Li et al., arXiv 2111.13998)."""

from torch import Tensor

from rnc_graph.losses.base import LOSSES
from rnc_graph.losses.classes import Bins
from rnc_graph.losses.momentum_contrast import ClassQueueLoss, MomentumContrastLoss, check


class KCLLoss(MomentumContrastLoss):
    r"""KCL: the same number of positives for a rare class as for a frequent one.

    The candidates of anchor i are its own key and the queue, s_ij their cosine with the query over
    the temperature. A_i is the own key and ``positives`` entries of the anchor's class drawn from
    the queue without replacement, or all of them if there are fewer::

        L = -mean_i 1/|A_i| sum_{a in A_i} [ s_ia - log sum_j exp(s_ij) ]

    Each anchor has its own draws. Memory grows as B + K. First derivatives only. (Kang, Li, Xie,
    Yuan and Feng, "Exploring balanced feature spaces for representation learning", ICLR 2021.)

    Args:
        temperature: divides the cosines; positive.
        positives: the number of draws from the queue; None takes all of the class.
        generator: of the draws; None is torch's default.

    Raises:
        BadValueError: ``temperature`` is not positive and finite, or ``positives`` below 1.

    >>> import torch
    >>> query, key = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    >>> queue, queue_labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    >>> loss = KCLLoss(temperature=1.0)
    >>> round(loss(query, key, torch.tensor([0]), queue, queue_labels).item(), 4)
    0.862
    """

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
            RunError: in a backward pass with ``create_graph=True``.
        """
        check(query, key, labels, queue, queue_labels)
        return self.contrast(query, key, labels, queue, queue_labels)[0]


@LOSSES.register("kcl")
class KCL(ClassQueueLoss):
    """:class:`KCLLoss` of a continuous target in quantile bins, or of class numbers.

    Samples that lack a target are left out.

    Args:
        temperature: of the loss.
        positives: the number of draws from the queue; None takes all of the class.
        bins: quantile bins of each target, or "classes" if the target is a class number.
        queue_size: of the queue.
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
        super().__init__(bins, queue_size, momentum)
        self.loss = KCLLoss(temperature, positives)

    def of_classes(
        self, query: Tensor, key: Tensor, classes: Tensor, queue: Tensor, queue_classes: Tensor
    ) -> Tensor:
        """Return the loss of queries (B, d) of classes (B,) against the queue (K, d)."""
        value: Tensor = self.loss(query, key, classes, queue, queue_classes)
        return value
