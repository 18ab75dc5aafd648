"""Classes of a continuous target, or of one that holds class numbers."""

from typing import Literal

import torch
from torch import Tensor, nn

from rnc_graph.errors import BadValueError

Bins = int | Literal["classes"]
"""The number of quantile bins, or "classes" for targets that are class numbers."""


def make_bins(bins: Bins) -> "QuantileBins | ClassNumbers":
    """Return the module that maps labels to classes."""
    return ClassNumbers() if bins == "classes" else QuantileBins(bins)


class QuantileBins(nn.Module):
    """Bins with equal numbers of training labels (see :func:`rnc_graph.quantiles.quantile_edges`).

    Each of several targets has its own bins, and a class is a combination of bins that occurs in
    the training set. A sample that lacks a target has no class. Equal labels share a bin, so there
    may be fewer than ``bins``, which is at least 2.

    >>> bins = QuantileBins(2)
    >>> bins.setup(torch.tensor([[0.0], [1.0], [2.0], [3.0]]))
    >>> bins(torch.tensor([[-5.0], [1.9], [2.0], [9.0]])).tolist()
    [0, 0, 1, 1]
    """

    edges: Tensor
    codes: Tensor

    def __init__(self, bins: int) -> None:
        super().__init__()
        if bins < 2:
            raise BadValueError(f"bins must be at least 2, got {bins}")
        self.bins = bins
        self.register_buffer("edges", torch.zeros(0, bins - 1))
        self.register_buffer("codes", torch.zeros(0, 0, dtype=torch.long))

    def extra_repr(self) -> str:
        """Return the number of bins, for ``print``."""
        return f"bins={self.bins}"

    @property
    def classes(self) -> int:
        """C, known after :meth:`setup`."""
        return len(self.codes)

    def setup(self, labels: Tensor) -> None:
        """Compute the edges of each target from its known values in labels (M, t).

        Each has 2 or more, and the samples with all targets are as many as the bins, of 2 classes.
        """
        # Loaded here: numpy is not needed to import the losses.
        from rnc_graph.quantiles import quantile_edges

        # Fewer edges than bins - 1 are padded with infinity, which no label reaches.
        edges = labels.new_full((labels.shape[1], self.bins - 1), torch.inf, dtype=torch.float64)
        complete = ~labels.isnan().any(1)
        for number, values in enumerate(labels.T):
            known = values[~values.isnan()]
            if len(known) < min(2, len(values)):
                raise BadValueError(
                    f"target {number}: expected 2 or more training samples with a value for bins, "
                    f"got {len(known)} of {len(values)}; the loss 'rnc' needs no bins"
                )
            found = torch.from_numpy(quantile_edges(known.double().cpu().numpy(), self.bins))
            edges[number, : len(found)] = found
        self.edges = edges
        self.codes = torch.unique(self._bin_numbers(labels[complete]), dim=0)
        count = int(complete.sum())
        if count < len(labels) and (count < self.bins or self.classes < 2):
            raise BadValueError(
                f"bins: expected at least {self.bins} training samples (bins) of 2 classes with "
                f"all {labels.shape[1]} targets, got {count} of {len(labels)} in {self.classes} "
                "classes; the loss 'rnc' takes samples that lack targets"
            )

    def forward(self, labels: Tensor) -> Tensor:
        """Return the classes (B,) of labels (B, t), from 0, or -1 where a target is missing.

        The classes of one target follow its order. A combination of bins that does not occur in
        the training set is assigned to the next one that does.
        """
        if not self.classes:
            raise BadValueError("bins: call setup(labels) with the training labels first")
        # Combinations compare by their first target, then by the second, and so on: ranked among
        # themselves, since a number for each of bins ** t would overflow.
        every = torch.cat([self.codes, self._bin_numbers(labels)])
        rank = torch.unique(every, dim=0, return_inverse=True)[1]
        known, wanted = rank[: self.classes], rank[self.classes :]
        classes = torch.searchsorted(known, wanted).clamp(max=self.classes - 1)
        return classes.masked_fill(labels.isnan().any(1), -1)

    def _bin_numbers(self, labels: Tensor) -> Tensor:
        """Return the bin of each target: (B, t) -> (B, t)."""
        return torch.searchsorted(self.edges, labels.double().T.contiguous(), right=True).T


class ClassNumbers(nn.Module):
    """Labels (B, 1) that are class numbers 0, 1, 2, ..., NaN where missing.

    The C classes are those of the training set in the order of their numbers; gaps between the
    numbers are closed.

    >>> classes = ClassNumbers()
    >>> classes.setup(torch.tensor([[0.0], [7.0], [7.0], [2.0]]))
    >>> classes(torch.tensor([[7.0], [float("nan")], [0.0]])).tolist()
    [2, -1, 0]
    """

    numbers: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("numbers", torch.zeros(0, dtype=torch.long))

    @property
    def classes(self) -> int:
        """C, known after :meth:`setup`."""
        return len(self.numbers)

    def setup(self, labels: Tensor) -> None:
        """Take the classes of labels (M, 1), of which there must be 2 or more."""
        numbers = class_numbers(labels, what="bins: classes")
        self.numbers = torch.unique(numbers[numbers >= 0])
        if self.classes < 2:
            raise BadValueError(
                "bins: classes: expected at least 2 classes in the training set, got "
                f"{self.classes}"
            )

    def forward(self, labels: Tensor) -> Tensor:
        """Return the classes (B,) of labels (B, 1), from 0, or -1 where missing.

        Raises :class:`BadValueError` for a class that the training set lacks.
        """
        if not self.classes:
            raise BadValueError("bins: call setup(labels) with the training labels first")
        numbers = class_numbers(labels, what="bins: classes")
        classes = torch.searchsorted(self.numbers, numbers).clamp(max=self.classes - 1)
        new = (self.numbers[classes] != numbers) & (numbers >= 0)
        if new.any():
            raise BadValueError(
                "bins: classes: expected a class of the training set "
                f"({', '.join(map(str, self.numbers.tolist()))}), got {int(numbers[new][0])}"
            )
        return classes.masked_fill(numbers < 0, -1)


def class_numbers(targets: Tensor, classes: int | None = None, what: str = "targets") -> Tensor:
    """Return the classes (N,) of targets (N, 1), as integers; -1 where missing (NaN).

    Raises :class:`BadValueError`, which calls the targets ``what``, for several columns, a value
    that is none of 0, 1, 2, ..., or one of ``classes`` or more.

    >>> class_numbers(torch.tensor([[2.0], [float("nan")], [0.0]])).tolist()
    [2, -1, 0]
    """
    if targets.dim() != 2 or targets.shape[1] != 1:
        raise BadValueError(
            f"{what}: expected class numbers of one target, (N, 1), got shape "
            f"{tuple(targets.shape)}"
        )
    column = targets[:, 0]
    missing = column.isnan()
    numbers = column.masked_fill(missing, 0)
    wrong = (numbers < 0) | (numbers != numbers.long()) | numbers.isinf()
    if wrong.any():
        raise BadValueError(
            f"{what}: expected class numbers 0, 1, 2, ..., got {float(numbers[wrong][0]):g}; for a "
            "continuous target use the head losses l1, l2 and huber, and a number of bins"
        )
    if classes is not None and (numbers >= classes).any():
        raise BadValueError(
            f"{what}: expected classes 0 .. {classes - 1}, got {int(numbers.max())}; count the "
            "classes over the train, validation and test sets"
        )
    return numbers.long().masked_fill(missing, -1)
