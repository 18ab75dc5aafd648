"""Training the members of a model, here or in processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from queue import Empty
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save

from rnc_graph.models.members import Member, TrainingParts, fit_member, kinds, load_member
from rnc_graph.models.network import Network
from rnc_graph.models.settings import ModelSettings
from rnc_graph.plugins import Plugin
from rnc_graph.seeding import one_thread
from rnc_graph.workers import CONTEXT, worker_pool

# What fitting on descriptors alone costs, in passes of an encoder over the training set.
_DESCRIPTOR_MODEL_COST = 5.0
# Seconds between progress updates while workers train.
_TICK = 0.2


def fit_members(
    parts: TrainingParts,
    settings: ModelSettings,
    seed: int,
    jobs: int,
    device: str,
    on_progress: Callable[[float], None],
    plugins: Sequence[Plugin] = (),
) -> list[Member]:
    """Train the members, each from a seed of its own, in ``jobs`` processes.

    The processes load the plugins. The same arguments give the same bits, whatever ``jobs`` is.
    """
    wanted = kinds(settings)
    seeds = [int(state) for state in np.random.SeedSequence(seed).generate_state(len(wanted))]
    left = [_costs(kind, settings) for kind in wanted]
    total = sum(map(sum, left))

    def done(member: int, everything: bool = False) -> None:
        left[member] = [] if everything else left[member][1:]
        on_progress(1 - sum(map(sum, left)) / total)

    tasks = list(enumerate(zip(wanted, seeds, strict=True)))
    if min(jobs, len(tasks)) == 1:
        members: dict[int, Member] = {}
        with one_thread():
            for number, (kind, own_seed) in tasks:
                members[number] = fit_member(
                    kind,
                    parts,
                    settings,
                    seed=own_seed,
                    device=device,
                    on_epoch=partial(done, number),
                )
                done(number, everything=True)
        return [members[number] for number in range(len(tasks))]
    scores, count = parts.inputs.scores.shape[1], parts.targets.shape[1]
    epochs = CONTEXT.Queue()
    arguments = (parts, settings, device, epochs, plugins)
    fitted: dict[int, bytes] = {}
    lost = "no model was made"
    with worker_pool(min(jobs, len(tasks)), lost, _start_worker, arguments) as pool:
        # The networks first, as they are: the quick ones fill what time is left at the end.
        running: dict[Future[bytes], int] = {
            pool.submit(_fit_in_worker, number, kind, own_seed): number
            for number, (kind, own_seed) in tasks
        }
        while running:
            finished, _ = wait(running, timeout=_TICK, return_when=FIRST_COMPLETED)
            for number in _drain(epochs):
                done(number)
            for future in finished:
                number = running.pop(future)
                fitted[number] = future.result()
                done(number, everything=True)
    return [
        load_member(kind, load(fitted[number]), settings, scores, count)
        for number, (kind, _) in tasks
    ]


def _costs(kind: str, settings: ModelSettings) -> list[float]:
    """Return the rough cost of each epoch, in passes of an encoder over the training set."""
    if kind != Network.kind:
        return [_DESCRIPTOR_MODEL_COST]
    pretraining = settings.pretraining_epochs if settings.objective is not None else 0
    stage_2 = 0.1 if settings.freeze_encoder else 1.0
    return [float(settings.views)] * pretraining + [stage_2] * settings.epochs


_parts: TrainingParts
_settings: ModelSettings
_device: str
_epochs: Any


def _start_worker(
    parts: TrainingParts,
    settings: ModelSettings,
    device: str,
    epochs: Any,
    plugins: Sequence[Plugin],
) -> None:
    global _parts, _settings, _device, _epochs
    torch.set_num_threads(1)
    _parts, _settings, _device, _epochs = parts, settings, device, epochs
    for plugin in plugins:
        plugin.load()


def _fit_in_worker(number: int, kind: str, seed: int) -> bytes:
    """Train a member and return its tensors as one string: quicker to pass on than one by one."""
    member = fit_member(
        kind,
        _parts,
        _settings,
        seed=seed,
        device=_device,
        on_epoch=lambda: _epochs.put(number),
    )
    content: bytes = save({name: part.contiguous() for name, part in member.tensors().items()})
    return content


def _drain(epochs: Any) -> Iterator[int]:
    """Yield the members that finished an epoch since the last call."""
    try:
        while True:
            yield epochs.get_nowait()
    except Empty:
        return
