"""Process-wide state that is lent out and restored: random generators, and torch's switches.

Dropout, weight initialization and the random transforms of PyG draw from process-wide generators,
and most of them take no other. A lock makes the borrowers take turns, so that threads do not
disturb each other.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Generator

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

PROCESS_STATE = threading.RLock()
"""Held by whatever changes process-wide state; reentrant, as a transform runs inside of a stage."""


@contextmanager
def seeded(seed: int, *, cuda: bool = False) -> Iterator[None]:
    """Seed torch's global generators inside the block and restore them afterwards.

    With ``cuda`` those of the CUDA devices too. Blocks in other threads wait until this one ends.
    """
    devices = list(range(torch.cuda.device_count())) if cuda else []
    with PROCESS_STATE, torch.random.fork_rng(devices=devices):
        if cuda:
            torch.manual_seed(seed)
        else:  # torch.manual_seed would reach the CUDA generators too.
            torch.default_generator.manual_seed(seed)
        yield


@contextmanager
def drawing_from(generator: Generator) -> Iterator[None]:
    """Seed the generators of torch, Python and NumPy by a draw from ``generator``; restore them."""
    seed = int(torch.randint(2**31, (1,), generator=generator, device=generator.device))
    on_cuda: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    with seeded(seed, cuda=on_cuda):
        states = random.getstate(), np.random.get_state()  # noqa: NPY002
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002


@contextmanager
def deterministic() -> Iterator[None]:
    """Compute the same bits each time inside the block; restore torch's settings afterwards.

    Operations without a deterministic kernel, which some encoders have on a GPU, warn.
    """
    memory: Any = torch.utils.deterministic  # its attribute is typed nowhere
    with PROCESS_STATE:
        enabled = torch.are_deterministic_algorithms_enabled()
        warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
        filling = memory.fill_uninitialized_memory
        # cuBLAS reads it at its first product.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        # It is written before it is read: to fill it costs time, and changes no result.
        memory.fill_uninitialized_memory = False
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
            memory.fill_uninitialized_memory = filling


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: sums over several round by how the work was shared out."""
    # That of torch, and of OpenMP, is each thread's own; that of BLAS is the process's.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ExitStack() as pools, _ONE_BLAS_THREAD:  # NumPy's, SciPy's and scikit-learn's
            with suppress(OSError):  # To look for them needs a file descriptor.
                openmp = _thread_pools(len(sys.modules)).select(user_api="openmp")
                pools.enter_context(openmp.limit(limits=1))
            yield
    finally:
        torch.set_num_threads(threads)


class _OneBlasThread:
    """Limits BLAS to one thread from the first block that enters to the last one that leaves."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.limits = ExitStack()
        self.limited: object = None

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            with suppress(OSError):
                pools = _thread_pools(len(sys.modules))
                if pools is not self.limited:  # The first time, and after an import.
                    _free_blas()
                    limit = pools.select(user_api="blas").limit(limits=1)
                    self.limits.callback(limit.restore_original_limits)
                    self.limited = pools

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                _free_blas()
                self.limits.close()
                self.limited = None
                _free_blas()


_ONE_BLAS_THREAD = _OneBlasThread()


def _free_blas() -> None:
    """Let any thread limit BLAS: threadpoolctl 3.8 ignores all but the first that did."""
    from threadpoolctl import OpenBLASController

    # Earlier versions have no such rule.
    if hasattr(OpenBLASController, "clear_controlling_thread"):
        OpenBLASController.clear_controlling_thread(force=True)


@lru_cache(maxsize=1)
def _thread_pools(modules: int) -> ThreadpoolController:
    """Return the pools of all libraries; to find them takes 10 ms, so only after an import."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread_always() -> None:
    """Compute on one thread for the rest of the process."""
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)
