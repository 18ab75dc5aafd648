"""The two stages on loaders, as the tests call them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rnc_graph.data import Loader, Subset
from rnc_graph.seeding import seeded
from rnc_graph.training import FinetuneModule, History, PretrainModule, TrainerConfig
from rnc_graph.training.fit import fit


class Taken:
    """Inputs that a function returns."""

    def __init__(self, take: Callable[[Tensor], Any]) -> None:
        self.batch = take


class Scaled(nn.Module):
    """An encoder whose embedding is the input times a number."""

    def __init__(self, embedding_dim: int = 1) -> None:
        super().__init__()
        self.embedding_dim = embedding_dim
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.scale * inputs


def batches(
    inputs: Any, targets: Tensor, index: Tensor, batch_size: int = 256, **options: Any
) -> Loader:
    """Return batches of some of the inputs."""
    if callable(inputs) and not isinstance(inputs, Tensor):
        inputs = Taken(inputs)
    return Loader(Subset(inputs, index, targets[index]), batch_size, **options)


def pretrain(
    encoder: nn.Module,
    loss: nn.Module,
    training: Any,
    validation: Any,
    *,
    targets: int = 1,
    seed: int = 0,
    trainer: TrainerConfig = TrainerConfig(),  # noqa: B008
    **options: Any,
) -> History:
    """Run stage 1."""
    with seeded(seed):
        module = PretrainModule(encoder, loss, targets, **options)
        return fit(module, training, validation, trainer=trainer)


def regress(
    encoder: nn.Module,
    head: nn.Module,
    training: Any,
    validation: Any,
    *,
    seed: int = 0,
    trainer: TrainerConfig = TrainerConfig(),  # noqa: B008
    **options: Any,
) -> History:
    """Run stage 2, by default on the mean absolute error."""
    with seeded(seed):
        module = FinetuneModule(encoder, head, **options)
        return fit(module, training, validation, trainer=trainer)


def silent(module: Any) -> Any:
    """Let a module log nowhere: it has no trainer."""
    module.log = lambda *args, **options: None
    return module
