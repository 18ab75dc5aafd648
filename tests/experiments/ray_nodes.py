"""A Ray cluster of several nodes on this machine, on the loopback interface alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

RAY = Path(sys.executable).with_name("ray")

# Ray reports its use to its makers and asks for its metrics unless told otherwise.
ENVIRONMENT = {
    **os.environ,
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ENABLE_METRICS_COLLECTION": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "4",
    "RAY_health_check_initial_delay_ms": "0",
}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Cluster:
    """A head with some processors, and further nodes."""

    def __init__(self) -> None:
        # Ray's sockets have long names, and the system allows them 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="ray"))
        self.address = f"127.0.0.1:{free_port()}"
        self.nodes: list[subprocess.Popen[bytes]] = []

    def start(self, processors: int) -> subprocess.Popen[bytes]:
        """Start a node; the first one is the head, which is waited for."""
        node = self._start(processors)
        self.nodes.append(node)
        if len(self.nodes) == 1:
            host, port = self.address.split(":")
            while not _listens(host, int(port)):
                assert node.poll() is None, "the head has ended"
                time.sleep(0.1)
        return node

    def _start(self, processors: int) -> subprocess.Popen[bytes]:
        head = not self.nodes
        where = (
            [
                *("--head", "--port", self.address.rpartition(":")[2]),
                *("--temp-dir", str(self.folder), "--include-dashboard=false"),
            ]
            if head
            else ["--address", self.address]
        )
        return subprocess.Popen(
            [
                *(str(RAY), "start", *where, "--block"),
                *("--node-ip-address", "127.0.0.1", "--num-cpus", str(processors)),
                "--disable-usage-stats",
                *("--object-store-memory", "100000000"),
            ],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """Kill a node whole: all its processes, without a word."""
        for pid in [*_descendants(node.pid), node.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        node.wait()

    def stop(self) -> None:
        for node in reversed(self.nodes):
            self.kill(node)
        shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self, *nodes: subprocess.Popen[bytes]) -> list[int]:
        """The processes of some nodes, by default of all."""
        return [pid for node in nodes or self.nodes for pid in [node.pid, *_descendants(node.pid)]]


def _listens(host: str, port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex((host, port)) == 0


def _descendants(pid: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found, left = [], [pid]
    while left:
        own = children.get(left.pop(), [])
        found += own
        left += own
    return found


@contextlib.contextmanager
def cluster(*processors: int) -> Iterator[Cluster]:
    """Start nodes with so many processors each, and end them."""
    made = Cluster()
    try:
        for number in processors:
            made.start(number)
        yield made
    finally:
        made.stop()
