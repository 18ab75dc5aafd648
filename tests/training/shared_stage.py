"""A toy problem trained by one process, or by several that share it."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import stages
import torch
from torch import Tensor, nn

from rnc_graph.data import Loader
from rnc_graph.losses import LOSSES, PretrainLoss
from rnc_graph.training import Contrast, StageConfig, TrainerConfig
from rnc_graph.training.distributed import gathered, joined
from rnc_graph.workers import worker_pool

OBJECTIVE_OPTIONS = {
    "rnc": {"temperature": 2.0},
    "rince": {"variant": "in"},
    "kcl": {"bins": 4, "queue_size": 40},
    "tsc": {"bins": 4, "queue_size": 40},
}
# On class numbers.
OF_CLASSES = {"supcon": {"bins": "classes"}, "tsc": {"bins": "classes", "queue_size": 40}}


class Toy(nn.Module):
    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.embedding_dim = 4
        # As a picture of two channels, for a batch normalization of images.
        self.picture = nn.Sequential(nn.Unflatten(1, (2, 3, 1)), nn.BatchNorm2d(2), nn.Flatten())
        self.layers = nn.Sequential(
            nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 4)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layers(self.picture(inputs))


def problem() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(71, 6, generator=generator)
    targets = inputs @ torch.randn(6, 1, generator=generator)
    return inputs, (targets - targets.mean()) / targets.std()


def noisy(inputs: Tensor, generator: torch.Generator) -> Tensor:
    return inputs + 0.1 * torch.randn(inputs.shape, generator=generator)


def objective(name: str, labels: Tensor, width: int) -> nn.Module:
    of_classes = bool((labels.isnan() | (labels == labels.floor())).all())
    made = LOSSES.make(name, **(OF_CLASSES if of_classes else OBJECTIVE_OPTIONS)[name])
    if isinstance(made, PretrainLoss):
        made.setup(labels, width, 0)
    return made


def gradients(name: str, rank: int = 0, world: int = 1) -> dict[str, Tensor]:
    """A batch of 17 molecules in two views, after one of 9; the mean of the gradients.

    The first one fills the queue of an objective that has one.
    """
    inputs, targets = problem()
    torch.manual_seed(3)
    encoder = nn.Linear(6, 4)
    contrast = Contrast(objective(name, targets[:60], 4), encoder)
    altered = noisy(inputs, torch.Generator().manual_seed(1))
    for batch in (torch.arange(9), torch.arange(9, 26)):
        rows = batch.tensor_split(world)[rank]
        both = torch.cat([inputs[rows], altered[rows]])
        loss = contrast(encoder, both, encoder(both), targets[rows])
    loss.backward()
    gradient = gathered(encoder.weight.grad[None]).mean(0)
    return {"loss": loss.detach(), "gradient": gradient}


def train(
    name: str,
    *,
    epochs: int,
    altered: bool,
    folder: Path | None = None,
    on_epoch: Callable[[], None] = lambda: None,
    patience: int | None = None,
    optimizer: str = "adamw",
    classes: int | None = None,
) -> dict[str, Tensor]:
    """Both stages; ``altered`` has dropout and augmentation in them.

    With ``classes``, 3 of them, some are missing, and stage 2 draws them alike. With ``folder``,
    the states are kept there.
    """
    inputs, targets = problem()
    if classes is not None:
        targets = torch.bucketize(targets, torch.tensor([-0.5, 0.5])).float()
        targets[::7] = torch.nan
    encoder = Toy(0.2 if altered else 0.0)
    settings = StageConfig(
        epochs=epochs, batch_size=18, learning_rate=1e-2, patience=patience, optimizer=optimizer
    )
    training, validation = torch.arange(53), torch.arange(53, 71)

    def batches(seed: int, balanced: bool = False) -> Loader:
        options = {"views": 2, "transform": noisy if altered else None, "balanced": balanced}
        return stages.batches(inputs, targets, training, 18, shuffle_seed=seed, **options)

    def trainer(stage: str) -> TrainerConfig:
        checkpoint = folder / f"{stage}.ckpt" if folder else None
        return TrainerConfig(on_epoch=on_epoch, checkpoint=checkpoint, checkpoint_seconds=0)

    held_out = stages.batches(inputs, targets, validation)
    history = stages.pretrain(
        encoder,
        objective(name, targets[training], 4),
        batches(5),
        held_out,
        n_classes=classes,
        config=settings,
        seed=2,
        trainer=trainer("one"),
    )
    torch.manual_seed(4)
    head = nn.Linear(4, classes or 1)
    history += stages.regress(
        encoder,
        head,
        batches(6, classes is not None),
        held_out,
        head_loss="l2" if classes is None else "cross-entropy",
        config=settings,
        seed=3,
        trainer=trainer("two"),
    )
    values = [value for row in history for value in row.values()]
    weights = {**encoder.state_dict(), **head.state_dict()}
    return {"history": torch.tensor(values, dtype=torch.float64), **weights}


def train_until_killed(name: str, epochs_left: int, **options: Any) -> None:
    """Train in this process, which kills itself in the middle."""
    left = [None] * epochs_left

    def on_epoch() -> None:
        left.pop()
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    torch.set_num_threads(1)
    train(name, on_epoch=on_epoch, **options)


def shared(
    what: str, name: str, folder: Path, world: int = 2, **options: Any
) -> list[dict[str, Tensor]]:
    """Return what each of so many processes finds."""
    with worker_pool(world, "nothing is kept") as pool:
        arguments = (what, name, folder / f"meeting-{what}-{name}")
        calls = [pool.submit(_share, *arguments, i, world, options) for i in range(world)]
        return [call.result() for call in calls]


def _share(
    what: str, name: str, meeting: Path, rank: int, world: int, options: dict[str, Any]
) -> dict[str, Tensor]:
    torch.set_num_threads(1)
    with joined(rank, world, meeting):
        found = gradients(name, rank, world) if what == "gradients" else train(name, **options)
    return {key: value.detach().clone() for key, value in found.items()}
