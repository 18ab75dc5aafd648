"""The state of an unfinished stage on disk: a stage that was killed goes on to the same bits."""

from __future__ import annotations

import os
import pickle
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback
from torch import Generator

from rnc_graph.training.distributed import from_all, rank, the_first_says, world


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes beside the file and renames, so that a killed process leaves no half of one.

    Lightning's own way is atomic too, but what a killed process leaves lies in the system's
    temporary folder, where nobody clears it.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write a state."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        # One name for all tries: what a killed process leaves, the next one overwrites.
        temporary = path.with_name(f".{path.name}.tmp")
        torch.save(checkpoint, temporary)
        os.replace(temporary, path)


class Checkpoint(Callback):
    """Writes the stage's state at the ends of epochs; stands last among the callbacks.

    Beside what Lightning keeps, it keeps what is drawn from: torch's generator and that of the
    batches.

    Args:
        path: of the file.
        seconds: the least time between two writings.
        generators: what the training batches draw from.
    """

    def __init__(self, path: Path, seconds: float, generators: Sequence[Generator]) -> None:
        self.path = path
        self.seconds = seconds
        self.generators = generators
        self.last = time.monotonic()
        self.found: dict[str, list[Any]] | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put back what was read, when nothing more is drawn before the first batch."""
        if self.found is not None:
            torch.set_rng_state(self.found["torch"][rank()])
            for generator, state in zip(
                self.generators, self.found["batches"][rank()], strict=True
            ):
                generator.set_state(state)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the state, if it is time; that of a stage that has just ended early would go on."""
        if not trainer.should_stop and the_first_says(time.monotonic() - self.last >= self.seconds):
            trainer.save_checkpoint(self.path)
            self.last = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Return what is drawn from, by rank."""
        batches = [generator.get_state() for generator in self.generators]
        return {"torch": from_all(torch.get_rng_state()), "batches": from_all(batches)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what was read."""
        self.found = state_dict

    def readable(self) -> bool:
        """Say whether there is a state to go on from; what is no state is told of and ignored."""
        if not self.path.exists():
            return False
        try:
            # No code is unpickled, here or by Lightning.
            found = torch.load(self.path, map_location="cpu", weights_only=True)
            written_by = len(found["callbacks"][self.state_key]["torch"])
        except (
            *(OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError),
            pickle.UnpicklingError,
        ) as error:
            warnings.warn(
                f"{self.path}: cannot be read, the stage begins again: {error}", stacklevel=2
            )
            return False
        if written_by != world():
            warnings.warn(
                f"{self.path}: written by {written_by} processes, and here are {world()}: the "
                "stage begins again",
                stacklevel=2,
            )
            return False
        return True

    def remove(self) -> None:
        """Remove the file: the stage has ended well."""
        if rank() == 0:
            self.path.unlink(missing_ok=True)
