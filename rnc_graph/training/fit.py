"""Training a stage: selection of the best epoch, history, checkpoints, processes."""

from __future__ import annotations

import copy
import hashlib
import logging
import math
import os
import signal
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import lightning as L
import torch
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.callbacks import Callback, EarlyStopping
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import Tensor

from rnc_graph.errors import BadValueError, RunError
from rnc_graph.seeding import deterministic
from rnc_graph.training.checkpoint import AtomicCheckpoints, Checkpoint
from rnc_graph.training.config import DEFAULT_TRAINER, Precision, StageConfig, TrainerConfig
from rnc_graph.training.distributed import from_all, rank, synchronized, world

if TYPE_CHECKING:
    from rnc_graph.training.modules import StageModule

History = list[dict[str, float]]
"""What the module logged: one dict an epoch."""

LoaderLike = Iterable[tuple[Any, Tensor]]
"""V * B inputs and targets (B, t), NaN where missing; sized, and anew at each epoch."""


def check_device(device: str, precision: Precision = "32") -> None:
    """Raise :class:`BadValueError` unless Lightning can train on ``device`` in ``precision``."""
    with _borrowed_process():
        _trainer(StageConfig(epochs=1, precision=precision), [], TrainerConfig(device))


class _BestWeights(Callback):
    """Keeps the weights of the epoch with the lowest metric and loads them at the end."""

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
                f"training diverged: {self.selected_by} was not finite in any of "
                f"{trainer.current_epoch} epochs; try a lower learning rate"
            )
        pl_module.load_state_dict(self.weights)


class _Recorder(Callback):
    """Records the metrics of each epoch and calls ``on_epoch``."""

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
    module: StageModule,
    train: LoaderLike,
    val: LoaderLike | None = None,
    *,
    trainer: TrainerConfig = DEFAULT_TRAINER,
) -> History:
    """Train ``module`` in place and return its history.

    It ends with the weights of the epoch with the best validation metric, or without a validation
    set with those of the last one.

    Raises:
        RunError: training diverged.
        BadValueError: no target of the validation set is known, early stopping without a validation
            set, or a device that cannot be used.
        KeyboardInterrupt: SIGINT came.
        SystemExit: SIGTERM came; its code is 143.
    """
    config = module.config
    checkpoint = None
    recorder = _Recorder(trainer.on_epoch)
    callbacks: list[Callback] = [recorder]
    if val is not None:
        callbacks.append(_BestWeights(module.selected_by))
    if config.patience is not None:
        if val is None:
            raise BadValueError(
                f"patience: expected a validation set or None, got {config.patience} without one"
            )
        # By default it would count an epoch after the state of the stage is written.
        stopping = partial(EarlyStopping, check_on_train_epoch_end=False)
        callbacks.append(stopping(module.selected_by, patience=config.patience))
    begun_with = "" if trainer.checkpoint is None else _digest(module, train)
    if world() > 1:
        train, val = _shard(train), val and _shard(val)
        # Each process draws its own dropout.
        torch.manual_seed(torch.initial_seed() + rank())
    if trainer.checkpoint is not None:
        generators = getattr(train, "generators", [])
        checkpoint = Checkpoint(
            trainer.checkpoint, trainer.checkpoint_seconds, generators, begun_with
        )
        callbacks.append(checkpoint)
    with _borrowed_process(), synchronized(module):
        lightning_trainer = _trainer(config, callbacks, trainer)
        # Every process must find it: several hosts may not share the folder.
        readable = checkpoint is not None and all(from_all(checkpoint.readable()))
        begun = trainer.checkpoint if readable else None
        with _python_interrupts():
            lightning_trainer.fit(module, train, val, ckpt_path=begun, weights_only=True)
    last = recorder.history[-1]["training_loss"]
    if val is None and not math.isfinite(last):
        raise RunError(
            f"training diverged: the loss of the last epoch is {last}; try a lower learning rate"
        )
    if checkpoint is not None:
        checkpoint.remove()
    return recorder.history


@contextmanager
def _python_interrupts() -> Iterator[None]:
    """Raise for signals what Python does: Lightning ends the process, after SIGTERM with code 0."""
    try:
        yield
    except SIGTERMException as error:
        raise SystemExit(128 + signal.SIGTERM) from error
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        raise


def _digest(module: StageModule, train: Any) -> str:
    """Return the digest of what a stage begins with: settings, weights, order, and targets."""
    found = hashlib.sha256(module.config.model_dump_json().encode())
    orders = [generator.get_state() for generator in getattr(train, "generators", [])]
    targets = getattr(getattr(train, "dataset", None), "y", None)
    for tensor in (*module.state_dict().values(), *orders, targets):
        if isinstance(tensor, Tensor):
            values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            found.update(values.numpy().data)
    return found.hexdigest()


def _shard(batches: Any) -> Any:
    if not hasattr(batches, "shard"):
        raise BadValueError(
            f"several processes share a dataset, not a {type(batches).__name__}: pass the dataset"
        )
    return batches.shard(rank(), world())


def _trainer(config: StageConfig, callbacks: list[Callback], trainer: TrainerConfig) -> L.Trainer:
    try:
        made = L.Trainer(
            accelerator=trainer.device,
            **_processes(),
            plugins=[AtomicCheckpoints()],
            precision=config.precision,
            max_epochs=config.epochs,
            deterministic="warn",
            callbacks=callbacks,
            logger=list(trainer.loggers) or False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
    except (MisconfigurationException, ValueError) as error:
        raise BadValueError(f"device {trainer.device!r} cannot be used: {error}") from error
    # Lightning would use bf16-mixed instead, and only log it.
    if config.precision == "16-mixed" and isinstance(made.accelerator, CPUAccelerator):
        raise BadValueError(
            f"precision: expected 'bf16-mixed' or '32' on device {trainer.device!r}, got "
            "'16-mixed', which needs a GPU"
        )
    return made


def _processes() -> dict[str, Any]:
    if world() == 1:
        return {"devices": 1}
    here = int(os.environ.get("LOCAL_WORLD_SIZE", world()))
    # Buffers stay equal without a broadcast.
    strategy = DDPStrategy(cluster_environment=TorchElasticEnvironment(), broadcast_buffers=False)
    return {"devices": here, "num_nodes": world() // here, "strategy": strategy}


@contextmanager
def _borrowed_process() -> Iterator[None]:
    """Compute deterministically, and restore what a trainer changes in the whole process.

    Lightning's banner and its advice on workers are hidden, its errors are not.
    """
    logger = logging.getLogger("lightning.pytorch")
    with deterministic(), warnings.catch_warnings():
        level = logger.level
        logger.setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", module=r"lightning\..*")
        try:
            yield
        finally:
            logger.setLevel(level)
