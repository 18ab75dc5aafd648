"""Targeted supervised contrastive learning (Li et al., CVPR 2022, arXiv 2111.13998)."""

import torch
from torch import Tensor, nn

from rnc_graph.losses.checks import check_positive
from rnc_graph.losses.momentum_contrast import check, check_positives, contrast


class TSCLoss(nn.Module):
    r"""TSC: KCL, and each class is drawn to a target of its own, fixed beforehand.

    The candidates of anchor i are its own key, the queue and all C targets, and log p_ij the log
    softmax over them of their cosines with the query over the temperature. A_i is the own key, the
    target t of the anchor's class, and ``positives`` entries of that class drawn from the queue::

        L_class  = -mean_i 1/|A_i| sum_{a in A_i, a != t} log p_ia
        L_target = -target_weight * mean_i 1/|A_i| log p_it
        L = L_class + L_target

    Memory grows as B + K. First derivatives only. :func:`~rnc_graph.losses.hypersphere_targets`
    makes targets, :func:`~rnc_graph.losses.assign_targets` gives them to the classes.

    Args:
        temperature: divides the cosines; positive.
        target_weight: the weight of L_target; positive or 0.
        separate_targets: whether the target is always a positive. If not, it is drawn, or not, like
            one more entry of the class in the queue.
        positives: how many to draw from the queue; None takes all of the class.
        generator: what to draw from; None is torch's default.

    Raises:
        RncGraphError: ``temperature`` is not positive and finite, ``target_weight`` is negative, or
            ``positives`` below 1.

    >>> query, queue, targets = torch.eye(2)[:1], torch.eye(2)[1:], torch.eye(2)
    >>> labels, queue_labels, assigned = torch.tensor([0]), torch.tensor([1]), torch.tensor([0, 1])
    >>> loss = TSCLoss(temperature=1.0)
    >>> round(loss(query, query, labels, queue, queue_labels, targets, assigned).item(), 4)
    1.0064
    """

    def __init__(
        self,
        temperature: float = 0.07,
        target_weight: float = 1.0,
        separate_targets: bool = True,
        positives: int | None = 6,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_positive("temperature", temperature)
        if target_weight != 0:
            check_positive("target_weight", target_weight)
        check_positives(positives)
        self.temperature, self.positives, self.generator = temperature, positives, generator
        self.target_weight, self.separate_targets = target_weight, separate_targets

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        labels: Tensor,
        queue: Tensor,
        queue_labels: Tensor,
        targets: Tensor,
        class_to_target: Tensor,
    ) -> Tensor:
        """Return the loss of a batch, a scalar in the inputs' dtype, float32 at least.

        Args:
            query: (B, d) embeddings.
            key: (B, d) embeddings of the same samples by the momentum encoder.
            labels: (B,) integers, the classes, in 0 .. C - 1.
            queue: (K, d) embeddings of earlier samples; K may be 0.
            queue_labels: (K,) integers, their classes.
            targets: (C, d) target vectors.
            class_to_target: (C,) integers, the row of each class's target.

        Raises:
            RncGraphError: wrong shapes or dtype, a NaN or infinite value, or no such class.
        """
        loss_class, loss_target = self.parts(
            query, key, labels, queue, queue_labels, targets, class_to_target
        )
        return loss_class + loss_target

    def parts(
        self,
        query: Tensor,
        key: Tensor,
        labels: Tensor,
        queue: Tensor,
        queue_labels: Tensor,
        targets: Tensor,
        class_to_target: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return (L_class, L_target), scalars whose sum is the loss; as ``forward`` otherwise."""
        check(query, key, labels, queue, queue_labels, targets, class_to_target)
        loss_class, loss_target = contrast(
            query,
            key,
            labels,
            queue,
            queue_labels,
            targets[class_to_target.long()],
            temperature=self.temperature,
            positives=self.positives,
            separate_targets=self.separate_targets,
            generator=self.generator,
        )
        return loss_class, self.target_weight * loss_target

    def extra_repr(self) -> str:
        """What ``print(loss)`` adds to the class."""
        return (
            f"temperature={self.temperature}, target_weight={self.target_weight}, "
            f"separate_targets={self.separate_targets}, positives={self.positives}"
        )
