"""The state of an unfinished stage on disk: a killed stage resumes and ends with the same bits."""

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

from rnc_graph.training.distributed import from_all, from_first, rank, world


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes to a temporary file in the same folder and renames it.

    Lightning's own plugin is atomic too, but a killed process leaves its file in the system's
    temporary folder.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write a state."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        # One name for all attempts: the next one overwrites what a killed process leaves.
        temporary = path.with_name(f".{path.name}.tmp")
        torch.save(checkpoint, temporary)
        os.replace(temporary, path)


class Checkpoint(Callback):
    """Writes the state of the stage at the ends of epochs; must be the last callback.

    To Lightning's state it adds those of the generators: torch's on the CPU and the GPU, and those
    of the training batches. Two writes are at least ``seconds`` apart. A state that does not have
    the digest ``begun_with`` is that of another training.
    """

    def __init__(
        self, path: Path, seconds: float, generators: Sequence[Generator], begun_with: str
    ) -> None:
        self.path = path
        self.seconds = seconds
        self.generators = generators
        self.begun_with = begun_with
        self.last = time.monotonic()
        self.found: dict[str, Any] | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restore the generators: nothing is drawn before the first batch."""
        if self.found is None:
            return
        own = {name: self.found[name][rank()] for name in ("torch", "cuda", "batches")}
        torch.set_rng_state(own["torch"])
        if own["cuda"] is not None and pl_module.device.type == "cuda":
            torch.cuda.set_rng_state(own["cuda"], pl_module.device)
        for generator, state in zip(self.generators, own["batches"], strict=True):
            generator.set_state(state)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the state if it is time, but not that of a stage that early stopping has ended."""
        if not trainer.should_stop and from_first(time.monotonic() - self.last >= self.seconds):
            trainer.save_checkpoint(self.path)
            self.last = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Return the states of the generators, by rank, and what the training began with."""
        batches = [generator.get_state() for generator in self.generators]
        # Of the process's own GPU, which the trainer makes the current one.
        on_cuda: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
        return {
            "torch": from_all(torch.get_rng_state()),
            "cuda": from_all(torch.cuda.get_rng_state() if on_cuda else None),
            "batches": from_all(batches),
            "begun_with": self.begun_with,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the states until training starts."""
        self.found = state_dict

    def readable(self) -> bool:
        """Return whether there is a state to resume from; warn about a file that has none."""
        if not self.path.exists():
            return False
        try:
            # Neither this nor Lightning unpickles code.
            found = torch.load(self.path, map_location="cpu", weights_only=True)
            state = found["callbacks"][self.state_key]
            if state.get("begun_with") != self.begun_with:
                raise ValueError("it is that of other data, another seed, or other settings")
            written_by = len(state["torch"])
            if written_by != world():
                raise ValueError(
                    f"expected a state of {world()} processes, got one of {written_by}"
                )
        except (
            *(OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError),
            pickle.UnpicklingError,
        ) as error:
            warnings.warn(
                f"{self.path}: cannot be used, the stage starts over: {error}", stacklevel=2
            )
            return False
        return True

    def remove(self) -> None:
        """Remove the file of a finished stage."""
        if rank() == 0:
            self.path.unlink(missing_ok=True)
