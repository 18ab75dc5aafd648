"""A toy problem on plain tensors: training knows of no molecules."""

from dataclasses import dataclass

import pytest
import stages
import torch
from torch import Tensor, nn

from rnc_graph.data import Loader
from rnc_graph.training import StageConfig

SIZE = 6


class Toy(nn.Module):
    """An encoder with all that can move: weights, batch statistics, dropout."""

    def __init__(self, seed: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.embedding_dim = 4
        self.layers = nn.Sequential(
            nn.Linear(SIZE, 8),
            nn.BatchNorm1d(8),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(8, self.embedding_dim),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layers(inputs)


@dataclass
class Problem:
    """Inputs (N, 6) and targets (N, 1); the last quarter is for validation."""

    inputs: Tensor
    targets: Tensor

    @property
    def rows(self) -> tuple[Tensor, Tensor]:
        count = len(self.targets)
        return torch.arange(count).split([count - count // 4, count // 4])

    def training(self, batch_size: int = 16, **options: object) -> Loader:
        options = {"shuffle_seed": 0, **options}
        take = self.inputs.__getitem__
        return stages.batches(take, self.targets, self.rows[0], batch_size, **options)

    def validation(self) -> Loader:
        return stages.batches(self.inputs, self.targets, self.rows[1])

    def data(self, **options: object) -> tuple[Loader, Loader]:
        return self.training(**options), self.validation()


@pytest.fixture
def problem() -> Problem:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(64, SIZE, generator=generator)
    targets = inputs @ torch.randn(SIZE, 1, generator=generator)
    return Problem(inputs, (targets - targets.mean()) / targets.std())


@pytest.fixture
def toy() -> type[Toy]:
    return Toy


@pytest.fixture
def brief() -> StageConfig:
    """A few epochs at a learning rate where something happens."""
    return StageConfig(epochs=3, learning_rate=1e-2, schedule="constant")
