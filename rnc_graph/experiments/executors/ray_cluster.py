"""Tasks on a Ray cluster: a node that is lost costs the tasks that ran on it, and no more."""

from __future__ import annotations

import logging
import socket
from typing import Any

from safetensors.torch import load, save
from typing_extensions import Self

from rnc_graph.errors import RncGraphError, RunError
from rnc_graph.experiments.executors.executor import Executor, Work
from rnc_graph.experiments.tasks import Record, Task, needs
from rnc_graph.extras import import_extra

# How often a task is begun anew that was lost with its node.
_RETRIES = 3


class RayExecutor(Executor):
    """A running Ray cluster.

    Each task is a Ray task on one processor, and on one GPU where it trains on one. The data go to
    the cluster once, results come back to this process, which alone writes into the store: nodes
    share no disk. States of unfinished tasks are kept where a node can see the store's folder.
    ``address`` is that of the cluster, or "auto".
    """

    def __init__(self, work: Work, address: str) -> None:
        self._ray = import_extra("ray", "ray", f"a cluster ({address})")
        super().__init__(work)
        self.address = address
        self._gpus = 1 if work.resources.device in ("gpu", "cuda") else 0
        self._running: dict[Any, str] = {}
        self._stage1: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Join the cluster, and send it the data.

        Raises:
            RncGraphError: there is no cluster.
        """
        try:
            self._check_answer()
            self._ray.init(address=self.address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, RuntimeError, ValueError) as error:
            raise RunError(
                f"no Ray cluster at {self.address!r}: {error}; start one with `ray start --head`, "
                "and give --ray the address that it prints"
            ) from error
        self._sent = self._ray.put(self.work)
        self._task = self._ray.remote(
            num_cpus=1, num_gpus=self._gpus, max_retries=_RETRIES, retry_exceptions=False
        )(_run)
        return self

    def _check_answer(self) -> None:
        """Connect to the address: Ray itself would try for minutes, and end the process."""
        host, found, port = self.address.rpartition(":")
        if found and "/" not in host and port.isdecimal():
            socket.create_connection((host, int(port)), timeout=5).close()

    def __exit__(self, *error: Any) -> None:
        """Stop what runs, and leave the cluster."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()

    @property
    def slots(self) -> int:  # type: ignore[override]
        """As many tasks as the cluster has room for now: nodes come and go."""
        resources = self._ray.cluster_resources()
        return max(1, int(resources.get("GPU" if self._gpus else "CPU", 1)))

    def submit(self, key: str, task: Task) -> None:
        """Begin a task."""
        needed = needs(task)
        stage1 = None
        if needed is not None:
            if needed.key not in self._stage1:
                # Sent once for all runs that begin from it.
                self._stage1[needed.key] = self._ray.put(save(self.work.stage1(task)))
            stage1 = self._stage1[needed.key]
        self._running[self._task.remote([self._sent], key, task, stage1)] = key

    def finished(self, timeout: float) -> list[tuple[str, Exception | None]]:
        """Store what came back; return the tasks that are done, or failed."""
        done, _ = self._ray.wait(list(self._running), timeout=timeout)
        found: list[tuple[str, Exception | None]] = []
        for reference in done:
            key = self._running.pop(reference)
            error: Exception | None = None
            try:
                outcome = self._ray.get(reference)
            except self._ray.exceptions.RayError as lost:
                reason = " ".join(str(lost).split())[:300]
                error = RunError(f"{key}: lost on the cluster: {reason}")
            else:
                if isinstance(outcome, RncGraphError):
                    error = outcome
                else:
                    self.work.store.put(key, outcome[0], load(outcome[1]))
            found.append((key, error))
        return found


# What was sent, fetched once a process.
_kept: dict[str, Work] = {}


def _run(
    sent: list[Any], key: str, task: Task, stage1: bytes | None
) -> tuple[Record, bytes] | RncGraphError:
    """Run one task on a node. A task that fails is an answer, not a reason to try again."""
    import ray

    name = sent[0].hex()
    try:
        if name not in _kept:
            _kept.clear()
            work: Work = ray.get(sent[0])
            work.setup()
            _kept[name] = work.where_seen()
        record, tensors = _kept[name].compute(
            key, task, load(stage1) if stage1 else {}, lambda: None
        )
    except RncGraphError as error:
        return error
    return record, save({name: tensor.contiguous() for name, tensor in tensors.items()})
