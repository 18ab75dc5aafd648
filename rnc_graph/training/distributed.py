"""One stage in several processes: each has a share of every batch, the losses see all of it.

Every process computes the losses of the whole batch from rows that are gathered with their
gradients. Summed over W processes the gradients are W times those of one process, and DDP divides
them by W.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from rnc_graph.errors import RncGraphError

T = TypeVar("T")


def world() -> int:
    """Return how many processes share the stage."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return this process's number among them, from 0."""
    return dist.get_rank() if world() > 1 else 0


@contextmanager
def joined(number: int, processes: int, meeting: Path, device: str = "cpu") -> Iterator[None]:
    """Make this process one of several on this machine that share their work.

    They meet through a file and talk over the loopback interface alone.

    Args:
        number: of this process, from 0.
        processes: W.
        meeting: a file that does not exist yet, the same for all of them.
        device: a Lightning accelerator: on GPUs they talk by NCCL, elsewhere by gloo.
    """
    environment = {
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "0",  # Nobody listens: they meet through the file.
        "GLOO_SOCKET_IFNAME": "lo",
        "NCCL_SOCKET_IFNAME": "lo",
    }
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        with _group(device, f"file://{meeting.absolute()}", number, processes):
            yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def met(device: str = "cpu") -> Iterator[None]:
    """Make this process one of those that ``torchrun`` started, on this host or on several.

    Args:
        device: a Lightning accelerator: on GPUs they talk by NCCL, elsewhere by gloo.
    """
    with _group(device, "env://"):
        yield


@contextmanager
def _group(device: str, meeting: str, number: int = -1, processes: int = -1) -> Iterator[None]:
    """Meet; the numbers are those that the environment says, unless given."""
    on_gpu = device in ("gpu", "cuda") or (device == "auto" and torch.cuda.is_available())
    try:
        dist.init_process_group(
            "nccl" if on_gpu else "gloo",
            init_method=meeting,
            rank=number,
            world_size=processes,
        )
        yield
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def gathered(rows: Tensor) -> Tensor:
    """Return the rows (B, ...) of all processes, in the order of their ranks, with gradients.

    Args:
        rows: (B_r, ...) this process's; the processes may have different numbers of them.
    """
    if world() == 1:
        return rows
    counts = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(world())]
    dist.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
    lengths = [int(count) for count in counts]
    padding = [0, 0] * (rows.dim() - 1) + [0, max(lengths) - len(rows)]
    parts: Tensor = _Gather.apply(F.pad(rows, padding))
    return torch.cat([part[:length] for part, length in zip(parts, lengths, strict=True)])


def from_all(value: T) -> list[T]:
    """Return every process's value, by rank."""
    if world() == 1:
        return [value]
    values: list[Any] = [None] * world()
    dist.all_gather_object(values, value)
    return values


def the_first_says(decision: bool) -> bool:
    """Return the decision of the process of rank 0."""
    if world() == 1:
        return decision
    said = [decision]
    dist.broadcast_object_list(said, src=0)
    return said[0]


def all_say(decision: bool) -> bool:
    """Return whether every process says yes."""
    return all(from_all(decision))


class _Gather(torch.autograd.Function):
    """Stack every process's rows; a row's gradient is the sum of what all processes make of it."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(world())]
        dist.all_gather(parts, rows.contiguous())
        return torch.stack(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        summed = gradient.contiguous().clone()
        dist.all_reduce(summed)
        own: Tensor = summed[rank()]
        return own


class _Sum(torch.autograd.Function):
    """Add up what all processes have; so are the gradients."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return _summed(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def _summed(value: Tensor) -> Tensor:
    summed = value.contiguous().clone()
    dist.all_reduce(summed)
    return summed


@contextmanager
def drawing_alike() -> Iterator[None]:
    """Let all processes draw the same numbers, and then go on with their own."""
    if world() == 1:
        yield
        return
    seed = [torch.initial_seed() ^ int(torch.randint(2**31, (1,)))]
    dist.broadcast_object_list(seed, src=0)
    with torch.random.fork_rng():
        torch.manual_seed(seed[0])
        yield


class SynchronisedBatchNorm(nn.BatchNorm1d):
    """A batch normalisation by the statistics of all processes' rows.

    torch's own refuses processors. In training it must not be given an empty share.
    """

    def forward(self, rows: Tensor) -> Tensor:
        """Return the normalised rows (N, C)."""
        if not self.training:
            return super().forward(rows)
        count = rows.new_tensor([float(len(rows))])
        dist.all_reduce(count)
        mean = _Sum.apply(rows.sum(0)) / count
        variance = _Sum.apply((rows - mean).square().sum(0)) / count
        if self.running_mean is not None and self.running_var is not None:
            assert self.momentum is not None
            assert self.num_batches_tracked is not None
            with torch.no_grad():
                unbiased = variance * count / (count - 1)
                self.running_mean.lerp_(mean.detach(), self.momentum)
                self.running_var.lerp_(unbiased.detach(), self.momentum)
                self.num_batches_tracked.add_(1)
        normal = (rows - mean) * (variance + self.eps).rsqrt()
        scaled: Tensor = normal if self.weight is None else normal * self.weight + self.bias
        return scaled


@contextmanager
def synchronised(module: nn.Module) -> Iterator[None]:
    """Let every batch normalisation in ``module`` see all processes' rows.

    Raises:
        RncGraphError: one keeps a plain mean over all batches (``momentum=None``).
    """
    if world() == 1:
        yield
        return
    own = [m for m in module.modules() if type(m) is nn.BatchNorm1d]
    for norm in own:
        if norm.momentum is None:
            raise RncGraphError(
                "a batch normalisation with momentum=None cannot be shared by several processes"
            )
        # Its state stays its own: only what it does changes.
        norm.__class__ = SynchronisedBatchNorm
    try:
        yield
    finally:
        for norm in own:
            norm.__class__ = nn.BatchNorm1d
