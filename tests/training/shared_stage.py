"""A toy problem trained by one process, or by several that share it: run as a script.

Arguments: what to do, this process's rank, how many there are, a folder for what it writes.
"""

import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import stages
import torch
from torch import Tensor, nn

from rnc_graph.data import Loader
from rnc_graph.losses import LOSSES, PretrainLoss
from rnc_graph.training import Contrast, StageConfig, TrainerConfig
from rnc_graph.training.distributed import gathered, joined

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


def gradients(name: str, rank: int, world: int) -> dict[str, Tensor]:
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
    folder: Path,
    *,
    epochs: int,
    altered: bool,
    slowly: float = 0.0,
    patience=None,
    optimizer="adamw",
    classes=None,
) -> dict[str, Tensor]:
    """Both stages; ``altered`` has dropout and augmentation in them.

    With ``classes``, 3 of them, some are missing, and stage 2 draws them alike.
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

    def tell() -> None:
        print("epoch", flush=True)
        time.sleep(slowly)

    def trainer(stage: str) -> TrainerConfig:
        return TrainerConfig(
            on_epoch=tell, checkpoint=folder / f"{stage}.ckpt", checkpoint_seconds=0
        )

    held_out = stages.batches(inputs, targets, validation)
    history = stages.pretrain(
        encoder,
        objective(name, targets[training], 4),
        batches(5),
        held_out,
        targets=1,
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


def main() -> None:
    torch.set_num_threads(1)
    what, name, rank, world, text = sys.argv[1:6]
    number, processes, folder = int(rank), int(world), Path(text)
    alone = processes == 1
    with nullcontext() if alone else joined(number, processes, folder / "meeting"):
        if what == "gradients":
            found = gradients(name, number, processes)
        else:
            options = json.loads(sys.argv[6])
            found = train(name, folder, **options)
    torch.save(found, folder / f"found-{number}.pt")


if __name__ == "__main__":
    main()
