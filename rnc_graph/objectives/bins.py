"""Classes from a continuous target, or from one that is a class number already."""

from typing import Literal

import torch
from torch import Tensor, nn

from rnc_graph.data import quantile_edges
from rnc_graph.errors import BadValueError
from rnc_graph.training import class_numbers

Bins = int | Literal["classes"]
"""What an objective's ``bins`` may be: how many quantile bins, or "classes" for class numbers."""


def make_bins(bins: Bins) -> "QuantileBins | ClassNumbers":
    """Return what makes classes of labels; raises :class:`RncGraphError` for fewer than 2 bins."""
    return ClassNumbers() if bins == "classes" else QuantileBins(bins)


class QuantileBins(nn.Module):
    """Bins that hold about as many labels of the training set each (see ``quantile_edges``).

    With several targets each has its own bins, and a class is a combination of bins that the
    training set has; a sample that lacks a target has none. Equal labels share a bin, so that
    there may be fewer than asked for.

    Args:
        bins: for each target; at least 2.

    Raises:
        RncGraphError: fewer than 2 bins.

    >>> bins = QuantileBins(2)
    >>> bins.prepare(torch.tensor([[0.0], [1.0], [2.0], [3.0]]))
    >>> bins(torch.tensor([[-5.0], [1.9], [2.0], [9.0]])).tolist()
    [0, 0, 1, 1]
    """

    edges: Tensor
    codes: Tensor

    def __init__(self, bins: int) -> None:
        super().__init__()
        if bins < 2:
            raise BadValueError(f"bins must be at least 2, found {bins}")
        self.bins = bins
        self.register_buffer("edges", torch.zeros(0, bins - 1))
        self.register_buffer("codes", torch.zeros(0, dtype=torch.long))

    @property
    def classes(self) -> int:
        """C, known once the bins are prepared."""
        return len(self.codes)

    def prepare(self, labels: Tensor) -> None:
        """Take the bins' edges from labels (M, t), those of each target from what is known of it.

        Raises:
            RncGraphError: a target is missing in all samples but one, or so many lack some that
                those with all are fewer than the bins, or of one class.
        """
        # Fewer edges than bins ask for end in infinity, which no label reaches.
        edges = labels.new_full((labels.shape[1], self.bins - 1), torch.inf, dtype=torch.float64)
        whole = ~labels.isnan().any(1)
        for number, values in enumerate(labels.T):
            known = values[~values.isnan()]
            if len(known) < min(2, len(values)):
                raise BadValueError(
                    f"target {number}: {len(known)} of {len(values)} samples of the training "
                    "part have it, bins need 2 or more; the objective 'rnc' needs none"
                )
            found = torch.from_numpy(quantile_edges(known.double().cpu().numpy(), self.bins))
            edges[number, : len(found)] = found
        self.edges = edges
        self.codes = torch.unique(self._code(labels[whole]))
        complete = int(whole.sum())
        if complete < len(labels) and (complete < self.bins or self.classes < 2):
            raise BadValueError(
                f"only samples with all {labels.shape[1]} targets have a class: {complete} of "
                f"{len(labels)} in the training set, in {self.classes} classes; at least "
                f"{self.bins} (bins), in 2 classes, are needed; the objective 'rnc' takes "
                "samples that lack targets"
            )

    def forward(self, labels: Tensor) -> Tensor:
        """Return the classes (B,) of labels (B, t), from 0; in order for one target.

        -1 is no class: a target is missing.

        Raises:
            RncGraphError: the bins are not prepared.
        """
        if not self.classes:
            raise BadValueError("bins need prepare(labels) with the training set's labels first")
        # A combination that the training set lacks goes with the next one.
        classes = torch.searchsorted(self.codes, self._code(labels)).clamp(max=self.classes - 1)
        return classes.masked_fill(labels.isnan().any(1), -1)

    def _code(self, labels: Tensor) -> Tensor:
        """Write the bins of each target as the digits of one number, (B, t) -> (B,)."""
        digits = torch.searchsorted(self.edges, labels.double().T.contiguous(), right=True)
        place = self.bins ** torch.arange(len(digits), device=digits.device)
        return (digits * place[:, None]).sum(0)


class ClassNumbers(nn.Module):
    """Labels (B, 1) that are class numbers as they stand: 0, 1, 2, ..., NaN where missing.

    The C classes are those that the training set has, in the order of their numbers, so that gaps
    among the numbers take no room.

    >>> classes = ClassNumbers()
    >>> classes.prepare(torch.tensor([[0.0], [7.0], [7.0], [2.0]]))
    >>> classes(torch.tensor([[7.0], [float("nan")], [0.0]])).tolist()
    [2, -1, 0]
    """

    numbers: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("numbers", torch.zeros(0, dtype=torch.long))

    @property
    def classes(self) -> int:
        """C, known once the classes are prepared."""
        return len(self.numbers)

    def prepare(self, labels: Tensor) -> None:
        """Take the classes from labels (M, 1).

        Raises:
            RncGraphError: labels that are no class numbers, or fewer than 2 classes.
        """
        numbers = class_numbers(labels, what="bins: classes")
        self.numbers = torch.unique(numbers[numbers >= 0])
        if self.classes < 2:
            raise BadValueError(
                f"bins: classes: the training set has {self.classes} classes, at least 2 are needed"
            )

    def forward(self, labels: Tensor) -> Tensor:
        """Return the classes (B,) of labels (B, 1), from 0; -1 where missing.

        Raises:
            RncGraphError: no class number, a class that the training set lacks, or the classes are
                not prepared.
        """
        if not self.classes:
            raise BadValueError("classes need prepare(labels) with the training set's labels first")
        numbers = class_numbers(labels, what="bins: classes")
        classes = torch.searchsorted(self.numbers, numbers).clamp(max=self.classes - 1)
        new = (self.numbers[classes] != numbers) & (numbers >= 0)
        if new.any():
            raise BadValueError(
                f"bins: classes: found class {int(numbers[new][0])}, the training set has only "
                f"{', '.join(map(str, self.numbers.tolist()))}"
            )
        return classes.masked_fill(numbers < 0, -1)
