"""K-positive contrastive learning (Kang et al., ICLR 2021; as in Li et al., arXiv 2111.13998).

What TSC shares with it is here too: the queue's classes, the contrast and the draws.
"""

import torch
from torch import Tensor

from rnc_graph.errors import BadValueError
from rnc_graph.losses.base import LOSSES, Loss, QueueLoss, select, zero_loss
from rnc_graph.losses.blockwise import log_sum_exp_products
from rnc_graph.losses.checks import Shapes, as_columns, check_positive, eager
from rnc_graph.losses.classes import Bins, make_bins
from rnc_graph.losses.pairwise import units, wide_dtype


class MomentumContrastLoss(Loss):
    """Base of KCL and TSC: a query against its own key, a labeled queue and class targets.

    Arguments as in :class:`KCLLoss`.
    """

    def __init__(
        self,
        temperature: float = 0.07,
        positives: int | None = 6,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_positive("temperature", temperature)
        if positives is not None and positives < 1:
            raise BadValueError(f"positives must be at least 1, or None for all, got {positives}")
        self.temperature, self.positives, self.generator = temperature, positives, generator

    def contrast(
        self,
        query: Tensor,
        key: Tensor,
        labels: Tensor,
        queue: Tensor,
        queue_labels: Tensor,
        targets: Tensor | None = None,
        separate_targets: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """Return the losses (), () of the class's positives and of its target.

        The second is 0 without ``targets`` (C, d), which are in the order of the classes. The other
        arguments are those of :class:`~rnc_graph.losses.TSCLoss`.
        """
        # Bytes would select as a mask does, and few operations take booleans.
        labels, queue_labels = labels.long(), queue_labels.long()
        tau, extra = self.temperature, () if targets is None else (targets,)
        query, key, queue, *more = units(query, key, queue, *extra)
        own = (query * key).sum(1) / tau
        candidates = torch.cat((queue, *more))
        log_total = own
        if len(candidates):
            log_total = torch.logaddexp(own, log_sum_exp_products(query, candidates, tau))

        with_target = bool(more) and not separate_targets
        total, count, hit = _positives(
            labels, queue, queue_labels, self.positives, with_target, self.generator
        )
        if more and separate_targets:
            hit = torch.ones_like(hit)
        size = 1 + count + hit
        towards = own + (query * total).sum(1) / tau
        loss_class = (((1 + count) * log_total - towards) / size).mean()
        if not more:
            return loss_class, torch.zeros_like(loss_class)
        target = (query * more[0][labels]).sum(1) / tau
        return loss_class, (hit * (log_total - target) / size).mean()


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
        positives: the number of draws from the queue, at least 1; None takes all of the class.
        generator: of the draws; None is torch's default.

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

        The queries (B, d), keys (B, d) of the same samples by the momentum encoder, and the queue
        (K, d) of earlier samples, K >= 0, have integer labels (B,) and (K,).

        Raises :class:`BadValueError` for wrong shapes or dtypes, and embeddings not finite.
        """
        check_queued(query, key, labels, queue, queue_labels)
        return self.contrast(query, key, labels, queue, queue_labels)[0]


@eager
def check_queued(
    query: Tensor, key: Tensor, labels: Tensor, queue: Tensor, queue_labels: Tensor
) -> Shapes:
    """Check the arguments of ``forward``, and return their sizes."""
    shapes = Shapes()
    shapes.embeddings("query", query, "B", "d")
    shapes.embeddings("key", key, "B", "d")
    shapes.classes("labels", labels, "B")
    shapes.embeddings("queue", queue, "K", "d")
    shapes.classes("queue_labels", queue_labels, "K")
    return shapes


@eager
def _positives(
    labels: Tensor,
    queue: Tensor,
    queue_labels: Tensor,
    number: int | None,
    with_target: bool,
    generator: torch.Generator | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw each anchor's positives from its class in the queue, and its target if ``with_target``.

    Returns the sum (B, d) of those from the queue, their count (B,), and whether the target is
    among them (B,): 0 or 1.
    """
    ordered, order = queue_labels.sort(stable=True)
    first = torch.searchsorted(ordered, labels)
    members = torch.searchsorted(ordered, labels, right=True) - first
    if number is None:
        classes, own_class = torch.unique(labels, return_inverse=True)
        place = torch.searchsorted(classes, queue_labels).clamp_(max=len(classes) - 1)
        same = (classes[place] == queue_labels).to(queue.dtype)
        sums = queue.new_zeros(len(classes), queue.shape[1])
        sums = sums.index_add(0, place, queue * same[:, None])
        return sums[own_class], members, torch.full_like(members, with_target)
    positions = draw(members + with_target, number, generator)
    inside = positions < members[:, None]
    # A zero vector at the end takes the place of what is not drawn from the queue.
    nothing = len(queue)
    order = torch.cat((order, order.new_tensor([nothing])))
    chosen = order[torch.where(inside, first[:, None] + positions, nothing)]
    padded = torch.cat((queue, queue.new_zeros(1, queue.shape[1])))
    hit = (positions == members[:, None]).any(1) & with_target
    return padded[chosen].sum(1), inside.sum(1), hit.to(members.dtype)


def draw(pool: Tensor, number: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw ``number`` of 0 .. pool - 1 without replacement, for each pool: (B,) -> (B, number).

    A pool that holds fewer is drawn whole, and followed by numbers beyond it. R. W. Floyd's
    algorithm (Bentley and Floyd, Communications of the ACM 30, 1987), one step for all pools.
    """
    device = pool.device if generator is None else generator.device
    uniform = torch.rand(
        number, len(pool), dtype=wide_dtype(device), device=device, generator=generator
    ).to(pool.device)
    chosen = torch.arange(number, device=pool.device).repeat(len(pool), 1)
    enough = pool >= number
    for step in range(number):
        last = pool - number + step
        pick = (uniform[step] * (last + 1)).long()
        taken = (chosen[:, :step] == pick[:, None]).any(1)
        chosen[:, step] = torch.where(enough, torch.where(taken, last, pick), step)
    return chosen


class ClassQueueLoss(QueueLoss):
    """A queue loss of a continuous target in quantile bins, or of class numbers.

    Samples that lack a target are left out. ``bins``: see :class:`KCL`.
    """

    loss: Loss

    def __init__(self, bins: Bins, queue_size: int, momentum: float) -> None:
        super().__init__(queue_size, momentum)
        self.bins = make_bins(bins)

    def setup(self, labels: Tensor, embedding_dim: int, seed: int) -> None:
        """Compute the bins of the training labels (M, t)."""
        self.bins.setup(as_columns(labels))

    def forward(
        self, query: Tensor, key: Tensor, labels: Tensor, queue: Tensor, queue_labels: Tensor
    ) -> Tensor:
        """Return the loss of queries (B, d) with labels (B, t) against the queue (K, d)."""
        classes, queue_classes = self.bins(labels), self.bins(queue_labels)
        query, key, classes = select(classes >= 0, query, key, classes)
        queue, queue_classes = select(queue_classes >= 0, queue, queue_classes)
        if not len(classes):
            return zero_loss(query)
        return self.of_classes(query, key, classes, queue, queue_classes)

    def of_classes(
        self, query: Tensor, key: Tensor, classes: Tensor, queue: Tensor, queue_classes: Tensor
    ) -> Tensor:
        """Return the loss of classes (B,) against those of the queue (K,); none is missing."""
        return self.loss(query, key, classes, queue, queue_classes)


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
