"""Training the members of a model, here or in processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save

from rnc_graph.models.members import Fitted, TrainingSet, fit_member, kinds, load_member
from rnc_graph.models.mixture import networks_earn_their_time
from rnc_graph.models.network import Network
from rnc_graph.models.settings import ModelSettings
from rnc_graph.plugins import Plugin
from rnc_graph.seeding import one_thread, one_thread_always
from rnc_graph.workers import CONTEXT, drain, worker_pool

# What a member that is no network costs, in passes of an encoder over the training set.
_QUICK_MEMBER_COST = 10.0
# Seconds between progress updates while workers train.
_TICK = 0.2
# Its name among a member's tensors.
_OUT_OF_FOLD = "out of fold"


def fit_members(
    training: TrainingSet,
    settings: ModelSettings,
    seed: int,
    jobs: int,
    device: str,
    on_progress: Callable[[float], None],
    plugins: Sequence[Plugin] = (),
) -> list[Fitted]:
    """Train the members, each from a seed of its own, in ``jobs`` processes.

    With ``networks="auto"`` one network is trained beside the other members. If the mixture with it
    is no better, no network becomes a member; otherwise the other networks are trained too. The
    processes load the plugins. The same arguments give the same bits, whatever ``jobs`` is.
    """
    wanted = kinds(settings)
    seeds = [int(state) for state in np.random.SeedSequence(seed).generate_state(len(wanted))]
    left = [_costs(kind, settings) for kind in wanted]
    total = sum(map(sum, left))

    def done(member: int, everything: bool = False) -> None:
        left[member] = [] if everything else left[member][1:]
        on_progress(1 - sum(map(sum, left)) / total)

    networks = [number for number, kind in enumerate(wanted) if kind == Network.kind]
    others = list(range(len(networks), len(wanted)))
    tried = 1 if settings.networks == "auto" and others else len(networks)

    with _fitting(training, settings, device, plugins, min(jobs, tried + len(others)), done) as fit:
        # The networks first: the quick ones fill what time is left at the end.
        fitted = fit([(n, wanted[n], seeds[n]) for n in [*networks[:tried], *others]])
        if tried < len(networks):
            votes = np.stack([fitted[number].out_of_fold for number in others], axis=2)
            if networks_earn_their_time(
                fitted[0].out_of_fold,
                votes,
                training.completed(votes),
                training.molecules(),
                training.weights(),
                members=None if settings.weights == "stacked" else len(networks),
            ):
                fitted |= fit([(n, wanted[n], seeds[n]) for n in networks[tried:]])
            else:
                del fitted[0]
    on_progress(1.0)
    return [fitted[number] for number in sorted(fitted)]


_Task = tuple[int, str, int]
"""A member's number, its kind and its seed."""


@contextmanager
def _fitting(
    training: TrainingSet,
    settings: ModelSettings,
    device: str,
    plugins: Sequence[Plugin],
    jobs: int,
    done: Callable[..., None],
) -> Iterator[Callable[[list[_Task]], dict[int, Fitted]]]:
    """Lend a function that trains members, here or in processes that end with the block."""
    fit_one = partial(fit_member, training=training, settings=settings, device=device)

    def fit_here(tasks: list[_Task]) -> dict[int, Fitted]:
        fitted = {}
        for number, kind, seed in tasks:
            fitted[number] = fit_one(kind, number, seed=seed, on_epoch=partial(done, number))
            done(number, everything=True)
        return fitted

    if jobs == 1:
        with one_thread():
            yield fit_here
        return
    epochs = CONTEXT.Queue()
    arguments = (plugins, fit_one, epochs)
    with worker_pool(jobs, "no model was made", _start_worker, arguments) as pool:

        def fit_there(tasks: list[_Task]) -> dict[int, Fitted]:
            fitted: dict[int, Fitted] = {}
            running: dict[Future[bytes], _Task] = {
                pool.submit(_fit_in_worker, *task): task for task in tasks
            }
            while running:
                finished, _ = wait(running, timeout=_TICK, return_when=FIRST_COMPLETED)
                for number in drain(epochs):
                    done(number)
                for future in finished:
                    number, kind, _ = running.pop(future)
                    fitted[number] = _unpacked(future.result(), kind, training, settings)
                    done(number, everything=True)
            return fitted

        yield fit_there


def _costs(kind: str, settings: ModelSettings) -> list[float]:
    """Return the rough cost of each epoch, in passes of an encoder over the training set."""
    if kind != Network.kind:
        return [_QUICK_MEMBER_COST]
    pretraining = settings.pretraining_epochs if settings.objective is not None else 0
    stage_2 = 0.1 if settings.freeze_encoder else 1.0
    return (
        [float(settings.views)] * pretraining
        + [0.1] * settings.head_epochs
        + [stage_2] * settings.epochs
    )


_fit_one: Callable[..., Fitted]
_epochs: Any


def _start_worker(plugins: Sequence[Plugin], fit_one: Callable[..., Fitted], epochs: Any) -> None:
    global _fit_one, _epochs
    one_thread_always()
    _fit_one, _epochs = fit_one, epochs
    for plugin in plugins:
        plugin.load()


def _fit_in_worker(number: int, kind: str, seed: int) -> bytes:
    """Train a member and return its tensors as one string: quicker to pass on than one by one."""
    fitted = _fit_one(kind, number, seed=seed, on_epoch=lambda: _epochs.put(number))
    tensors = {name: part.contiguous() for name, part in fitted.member.tensors().items()}
    content: bytes = save(tensors | {_OUT_OF_FOLD: torch.from_numpy(fitted.out_of_fold)})
    return content


def _unpacked(content: bytes, kind: str, training: TrainingSet, settings: ModelSettings) -> Fitted:
    tensors = load(content)
    out_of_fold = tensors.pop(_OUT_OF_FOLD).numpy()
    n_scores, n_targets = training.inputs.scores.shape[1], training.targets.shape[1]
    return Fitted(load_member(kind, tensors, settings, n_scores, n_targets), out_of_fold)
