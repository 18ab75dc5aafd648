"""Tasks on a Ray cluster: a node that is lost costs the tasks that ran on it, and no more."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from safetensors.torch import load, save

from rnc_graph.errors import MissingPackageError, RncGraphError, RunError
from rnc_graph.experiments.executors.work import TaskOptions, compute, prepare_process
from rnc_graph.experiments.grid_point import Record, Resources
from rnc_graph.experiments.plan import needs
from rnc_graph.experiments.store import Store
from rnc_graph.experiments.tasks import Task
from rnc_graph.plugins import Plugin

# How often a task is begun anew that was lost with its node.
_RETRIES = 3


class RayExecutor:
    """A Ray cluster that runs already.

    Each task is a Ray task on one processor, beside one GPU where it trains on one. The data go to
    the cluster once, results come back to this process, which alone writes into the store: nodes
    share no disk.

    Args:
        address: of the cluster, or "auto".
        resources: what tasks need.
        store: takes the results.
        plugins: a user's own Python files.
        options: how tasks are computed; states of unfinished tasks are kept where the store's
            folder can be seen from a node.

    Raises:
        RncGraphError: Ray is not installed.
    """

    def __init__(
        self,
        address: str,
        resources: Resources,
        store: Store,
        plugins: Sequence[Plugin],
        options: TaskOptions,
    ) -> None:
        try:
            import ray
        except ModuleNotFoundError as error:
            raise MissingPackageError(
                "Ray is not installed; pip install 'rnc-graph[ray]'"
            ) from error
        self._ray: Any = ray
        self.address = address
        self.store = store
        self._sent = (resources, tuple(plugins), options)
        self._gpus = 1 if resources.device in ("gpu", "cuda") else 0
        self._running: dict[Any, str] = {}
        self._stage1: dict[str, Any] = {}

    def __enter__(self) -> RayExecutor:
        """Join the cluster, and send it the data.

        Raises:
            RncGraphError: there is no cluster.
        """
        try:
            self._answers()
            self._ray.init(address=self.address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, RuntimeError, ValueError) as error:
            raise RunError(
                f"no Ray cluster at {self.address!r}: {error}; start one with `ray start --head`, "
                "and give --ray the address that it prints"
            ) from error
        self._everything = self._ray.put(self._sent)
        self._task = self._ray.remote(
            num_cpus=1, num_gpus=self._gpus, max_retries=_RETRIES, retry_exceptions=False
        )(_run)
        return self

    def _answers(self) -> None:
        """Ask whether somebody is there: Ray itself would ask for minutes, and end the process."""
        host, found, port = self.address.rpartition(":")
        if found and "/" not in host and port.isdecimal():
            socket.create_connection((host, int(port)), timeout=5).close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what runs, and leave the cluster."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()

    @property
    def slots(self) -> int:
        """As many tasks as the cluster has room for now: nodes come and go."""
        resources = self._ray.cluster_resources()
        of = "GPU" if self._gpus else "CPU"
        return max(1, int(resources.get(of, 1)))

    def submit(self, key: str, task: Task) -> None:
        """Begin a task."""
        needed = needs(task)
        stage1 = None
        if needed is not None:
            if needed.key not in self._stage1:
                # Sent once for all runs that begin from it.
                self._stage1[needed.key] = self._ray.put(save(self.store.tensors(needed.key)))
            stage1 = self._stage1[needed.key]
        self._running[self._task.remote([self._everything], key, task, stage1)] = key

    def finished(self, timeout: float) -> list[tuple[str, Exception | None]]:
        """Store what came back; return the tasks that are done, or failed."""
        done, _ = self._ray.wait(list(self._running), timeout=timeout)
        found: list[tuple[str, Exception | None]] = []
        for reference in done:
            key = self._running.pop(reference)
            try:
                outcome = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:
                reason = " ".join(str(error).split())[:300]
                found.append((key, RunError(f"{key}: lost on the cluster: {reason}")))
                continue
            if isinstance(outcome, RncGraphError):
                found.append((key, outcome))
                continue
            record, content = outcome
            self.store.put(key, record, load(content))
            found.append((key, None))
        return found

    def epochs(self) -> list[str]:
        """Return nothing: a cluster tells of whole tasks."""
        return []


# What was sent, fetched once a process.
_kept: dict[str, tuple[Resources, tuple[Plugin, ...], TaskOptions]] = {}


def _run(
    everything: list[Any], key: str, task: Task, stage1: bytes | None
) -> tuple[Record, bytes] | RncGraphError:
    """Run one task on a node. A task that fails is an answer, not a reason to try again."""
    import ray

    name = everything[0].hex()
    if name not in _kept:
        _kept.clear()
        _kept[name] = ray.get(everything[0])
        prepare_process(_kept[name][1])
    resources, _, options = _kept[name]
    trainer = options.where_seen().trainer(key, task, resources.device, lambda: None)
    try:
        record, tensors = compute(task, resources, load(stage1) if stage1 else {}, trainer)
    except RncGraphError as error:
        return error
    return record, save({name: tensor.contiguous() for name, tensor in tensors.items()})
