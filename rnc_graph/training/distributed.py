"""One stage in W processes: each has a share of every batch, and the losses see all of it.

Every process computes the losses of the whole batch from rows that are gathered with their
gradients. The sum of the gradients over the processes is W times that of one process, and DDP
divides it by W.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from rnc_graph.errors import BadValueError

T = TypeVar("T")


def world() -> int:
    """Return W."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return the rank of this process."""
    return dist.get_rank() if world() > 1 else 0


def launched() -> bool:
    """Return whether ``torchrun`` started this process together with others."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextmanager
def joined(number: int, processes: int, meeting: Path, device: str = "cpu") -> Iterator[None]:
    """Make this process one of W on this machine; they connect over the loopback interface only.

    They meet through a file that does not exist yet. ``device`` is a Lightning accelerator.
    """
    environment = {
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "0",  # Unused
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
def met(device: str = "cpu", longest_wait: timedelta | None = None) -> Iterator[None]:
    """Make this process one of those that ``torchrun`` started, on one host or several.

    ``longest_wait`` is that for another process, before it is taken for dead; torch's default if
    None.
    """
    with _group(device, "env://", longest_wait=longest_wait):
        yield


@contextmanager
def _group(
    device: str,
    meeting: str,
    number: int = -1,
    processes: int = -1,
    longest_wait: timedelta | None = None,
) -> Iterator[None]:
    """Initialize the group, NCCL on GPUs and gloo elsewhere; -1 reads the environment."""
    take_own_device(device)
    try:
        dist.init_process_group(
            "nccl" if _on_gpu(device) else "gloo",
            init_method=meeting,
            rank=number,
            world_size=processes,
            timeout=longest_wait,
        )
        yield
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _on_gpu(device: str) -> bool:
    return device in ("gpu", "cuda") or (device == "auto" and torch.cuda.is_available())


def take_own_device(device: str) -> None:
    """Make the process's own GPU the current device of this thread, for NCCL."""
    if _on_gpu(device):
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def gathered(rows: Tensor) -> Tensor:
    """Return the rows (B, ...) of all processes, in the order of their ranks, with gradients.

    ``rows`` (B_r, ...) are those of this process; B_r may differ between processes.
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
    values: list[Any] = [value] * world()
    if len(values) > 1:
        dist.all_gather_object(values, value)
    return values


def from_first(value: T) -> T:
    """Return the value of the process of rank 0."""
    values = [value]
    if world() > 1:
        dist.broadcast_object_list(values, src=0)
    return values[0]


@contextmanager
def waiting_for_first() -> Iterator[None]:
    """Run the block in the process of rank 0, then in the others, which find what it made."""
    if world() > 1 and rank() > 0:
        dist.barrier()
    yield
    if world() > 1 and rank() == 0:
        dist.barrier()


class _Gather(torch.autograd.Function):
    """Stacks the rows of all processes; the gradient of a row is the sum over the processes."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(world())]
        dist.all_gather(parts, rows.contiguous())
        return torch.stack(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _summed(gradient)[rank()]


class _Sum(torch.autograd.Function):
    """Sums over all processes, forward and backward."""

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
    """Let all processes draw the same numbers inside the block."""
    if world() == 1:
        yield
        return
    seed = from_first(torch.initial_seed() ^ int(torch.randint(2**31, (1,))))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


class _Synchronized(nn.modules.batchnorm._BatchNorm):
    """A batch normalization by the statistics of the rows of all processes.

    ``torch.nn.SyncBatchNorm`` does not run on CPUs. In training no share may be empty.
    """

    def forward(self, rows: Tensor) -> Tensor:
        """Return the normalized rows (N, C), or (N, C, ...), over all but the channels."""
        if not self.training:
            return super().forward(rows)
        others = [dim for dim in range(rows.dim()) if dim != 1]
        count = rows.new_tensor([float(rows.numel() // rows.shape[1])])
        dist.all_reduce(count)
        shape = [-1 if dim == 1 else 1 for dim in range(rows.dim())]
        mean = _Sum.apply(rows.sum(others)) / count
        from_mean = rows - mean.view(shape)
        variance = _Sum.apply(from_mean.square().sum(others)) / count
        if self.running_mean is not None and self.running_var is not None:
            assert self.momentum is not None
            assert self.num_batches_tracked is not None
            with torch.no_grad():
                unbiased = variance * count / (count - 1)
                self.running_mean.lerp_(mean.detach(), self.momentum)
                self.running_var.lerp_(unbiased.detach(), self.momentum)
                self.num_batches_tracked.add_(1)
        normal = from_mean * (variance + self.eps).rsqrt().view(shape)
        if self.weight is None:
            return normal
        scaled: Tensor = normal * self.weight.view(shape) + self.bias.view(shape)
        return scaled


_SYNCHRONIZED: dict[type, type] = {
    norm: type(f"Synchronized{norm.__name__}", (_Synchronized, norm), {})
    for norm in (nn.BatchNorm1d, nn.BatchNorm2d)
}


@contextmanager
def synchronized(module: nn.Module) -> Iterator[None]:
    """Let every batch normalization in ``module`` use the rows of all processes.

    Raises:
        BadValueError: one is of another kind, or has ``momentum=None``.
    """
    if world() == 1:
        yield
        return
    own = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in own:
        if type(norm) not in _SYNCHRONIZED or norm.momentum is None:
            raise BadValueError(
                f"{type(norm).__name__} with momentum={norm.momentum} cannot be shared by several "
                "processes; BatchNorm1d and BatchNorm2d with a momentum can"
            )
    kinds = {norm: type(norm) for norm in own}
    for norm, kind in kinds.items():
        norm.__class__ = _SYNCHRONIZED[kind]  # Its state stays: only its forward changes.
    try:
        yield
    finally:
        for norm, kind in kinds.items():
            norm.__class__ = kind
