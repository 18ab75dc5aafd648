"""Fitting a module on batches: selection on validation, history, progress."""

import copy
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import lightning as L
import torch
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.callbacks import Callback, EarlyStopping
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor

from rnc_graph.errors import BadValueError, RunError
from rnc_graph.training.checkpoint import AtomicCheckpoints, Checkpoint
from rnc_graph.training.distributed import all_say, rank, synchronized, world
from rnc_graph.training.stage_config import Precision, StageConfig
from rnc_graph.training.trainer_config import DEFAULT_TRAINER, TrainerConfig

# What a stage selects on unless its module says otherwise (``selected_by``): the validation MAE, of
# the head or of the online probe.
SELECTED_BY = "validation_mae"

History = list[dict[str, float]]
"""One row an epoch: the means of what the module logged."""


class Batches(Protocol):
    """Pairs of the V * B inputs of a batch and its targets (B, t), NaN where missing."""

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]:
        """Pass over all samples, each time anew."""

    def shard(self, rank: int, world: int) -> "Batches":
        """Return the share of each batch that one of several processes has."""


def check_finite(embedding: Tensor) -> Tensor:
    """Return the embedding; raises :class:`RncGraphError` where training has blown it up."""
    if not embedding.isfinite().all():
        raise RunError(
            "training diverged: the embedding is not finite; a lower learning rate may help"
        )
    return embedding


def check_device(device: str, precision: Precision = "32") -> None:
    """Raise :class:`RncGraphError` unless Lightning can train on ``device`` in ``precision``."""
    with _quiet(), _determinism_restored():
        _trainer(StageConfig(epochs=1, precision=precision), [], TrainerConfig(device))


class _BestWeights(Callback):
    """Keeps the weights of the epoch with the lowest value and puts them back at last."""

    def __init__(self, selected_by: str) -> None:
        self.selected_by = selected_by
        self.best = float("inf")
        self.weights: dict[str, Any] = {}

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best, self.weights = state_dict["best"], state_dict["weights"]

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        value = float(trainer.callback_metrics[self.selected_by])
        if value < self.best:
            self.best = value
            self.weights = copy.deepcopy(pl_module.state_dict())

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not self.weights:
            raise RunError(
                f"training diverged: {self.selected_by} was never a number in "
                f"{trainer.current_epoch} epochs; a lower learning rate may help"
            )
        pl_module.load_state_dict(self.weights)


class _Recorder(Callback):
    """Notes down each epoch's metrics and tells of the epoch."""

    def __init__(self, on_epoch: Callable[[], None]) -> None:
        self.history: History = []
        self.on_epoch = on_epoch

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history = state_dict["history"]

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.history.append({k: float(v) for k, v in sorted(trainer.callback_metrics.items())})
        self.on_epoch()


def fit(
    module: L.LightningModule,
    training: Batches,
    validation: Batches,
    config: StageConfig,
    *,
    trainer: TrainerConfig = DEFAULT_TRAINER,
) -> History:
    """Train ``module`` and leave it with the weights of its best epoch on validation.

    Args:
        module: logs in its validation steps what it is selected by, the less the better: the name
            in its ``selected_by``, or else ``validation_mae``.
        training: the training set's batches, anew at each pass.
        validation: the validation set's batches.
        config: epochs and patience.
        trainer: where and how.

    Returns:
        The history, one row an epoch.

    Raises:
        RncGraphError: what is selected by was never a number, the validation set has no known
            target, or there is no such device.
    """
    selected_by: str = getattr(module, "selected_by", SELECTED_BY)
    recorder = _Recorder(trainer.on_epoch)
    callbacks: list[Callback] = [recorder, _BestWeights(selected_by)]
    if config.patience is not None:
        # By default it would count an epoch after the state of the stage is written.
        patience = config.patience
        callbacks.append(
            EarlyStopping(selected_by, patience=patience, check_on_train_epoch_end=False)
        )
    if world() > 1:
        training, validation = (b.shard(rank(), world()) for b in (training, validation))
        # Dropout draws anew in each process.
        torch.manual_seed(torch.initial_seed() + rank())
    checkpoint = None
    if trainer.checkpoint is not None:
        drawn_from = getattr(training, "generators", [])
        checkpoint = Checkpoint(trainer.checkpoint, trainer.checkpoint_seconds, drawn_from)
        callbacks.append(checkpoint)
    with _quiet(), _determinism_restored(), synchronized(module):
        lightning_trainer = _trainer(config, callbacks, trainer)
        # Every process must find it: on several hosts the folder may be another one on each.
        readable = checkpoint is not None and all_say(checkpoint.readable())
        begun = trainer.checkpoint if readable else None
        lightning_trainer.fit(module, training, validation, ckpt_path=begun, weights_only=True)
    if checkpoint is not None:
        checkpoint.remove()
    return recorder.history


def _trainer(config: StageConfig, callbacks: list[Callback], trainer: TrainerConfig) -> L.Trainer:
    try:
        made = L.Trainer(
            accelerator=trainer.device,
            **_processes(),
            plugins=[AtomicCheckpoints()],
            precision=config.precision,
            max_epochs=config.epochs,
            deterministic=True,
            callbacks=callbacks,
            logger=list(trainer.loggers) or False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
    except (MisconfigurationException, ValueError) as error:
        raise BadValueError(f"device {trainer.device!r} cannot be used: {error}") from error
    # Lightning would take bf16-mixed in its place, and whisper it.
    if config.precision == "16-mixed" and isinstance(made.accelerator, CPUAccelerator):
        raise BadValueError(
            f"precision: found '16-mixed', which device {trainer.device!r} cannot do; right are "
            "'bf16-mixed' or '32', or a GPU as the device"
        )
    return made


def _processes() -> dict[str, Any]:
    """Return what the trainer is told of the processes that share the stage."""
    if world() == 1:
        return {"devices": 1}
    here = int(os.environ.get("LOCAL_WORLD_SIZE", world()))
    strategy = DDPStrategy(
        cluster_environment=TorchElasticEnvironment(),
        # All processes keep the same ones by themselves.
        broadcast_buffers=False,
    )
    return {"devices": here, "num_nodes": world() // here, "strategy": strategy}


@contextmanager
def _determinism_restored() -> Iterator[None]:
    """Put back what the trainer's ``deterministic`` switches for the whole process."""
    before = torch.are_deterministic_algorithms_enabled()
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back Lightning's banner and its advice on workers; its errors come through."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            yield
    finally:
        logger.setLevel(level)
