"""The head: an embedding in, standardized predictions out."""

from collections.abc import Sequence

from torch import nn


class Head(nn.Sequential):
    """A perceptron, (N, d) -> (N, t).

    Args:
        embedding_dim: d.
        targets: t.
        hidden: widths of its hidden layers; none makes the head linear.
        dropout: probability after each hidden layer.
    """

    def __init__(
        self,
        embedding_dim: int,
        targets: int,
        hidden: Sequence[int] = (),
        dropout: float = 0.0,
    ) -> None:
        layers: list[nn.Module] = []
        width = embedding_dim
        for next_width in hidden:
            layers += [nn.Linear(width, next_width), nn.ReLU(), nn.Dropout(dropout)]
            width = next_width
        super().__init__(*layers, nn.Linear(width, targets))
