"""Classes from a continuous target."""

import torch
from torch import Tensor, nn

from rnc_graph.data import quantile_edges
from rnc_graph.errors import RncGraphError


class QuantileBins(nn.Module):
    """Bins that hold about as many labels of the training part each (see ``quantile_edges``).

    With several targets each has its own bins, and a class is a combination of bins that the
    training part has. Equal labels share a bin, so that there may be fewer than asked for.

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
            raise RncGraphError(f"bins must be at least 2, found {bins}")
        self.bins = bins
        self.register_buffer("edges", torch.zeros(0, bins - 1))
        self.register_buffer("codes", torch.zeros(0, dtype=torch.long))

    @property
    def classes(self) -> int:
        """C, known once the bins are prepared."""
        return len(self.codes)

    def prepare(self, labels: Tensor) -> None:
        """Take the bins' edges from labels (M, t)."""
        # Fewer edges than bins ask for end in infinity, which no label reaches.
        edges = labels.new_full((labels.shape[1], self.bins - 1), torch.inf, dtype=torch.float64)
        for target, values in zip(edges, labels.T, strict=True):
            found = torch.from_numpy(quantile_edges(values.double().cpu().numpy(), self.bins))
            target[: len(found)] = found
        self.edges = edges
        self.codes = torch.unique(self._code(labels))

    def forward(self, labels: Tensor) -> Tensor:
        """Return the classes (B,) of labels (B, t), from 0; in order for one target.

        Raises:
            RncGraphError: the bins are not prepared.
        """
        if not self.classes:
            raise RncGraphError("bins need prepare(labels) with the training part's labels first")
        # A combination that the training part lacks goes with the next one.
        return torch.searchsorted(self.codes, self._code(labels)).clamp(max=self.classes - 1)

    def _code(self, labels: Tensor) -> Tensor:
        """Write the bins of each target as the digits of one number, (B, t) -> (B,)."""
        digits = torch.searchsorted(self.edges, labels.double().T.contiguous(), right=True)
        place = self.bins ** torch.arange(len(digits), device=digits.device)
        return (digits * place[:, None]).sum(0)
