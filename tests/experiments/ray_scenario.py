"""Run as a script, in a network of its own: an experiment on a Ray cluster of two nodes.

Arguments: spec, folder of the results, "kill" or "keep". With "kill" the second node is killed when
a third of the runs are done.
"""

import sys
import threading
import time
from pathlib import Path

from ray_nodes import Cluster, cluster

from rnc_graph.experiments import ExecutionConfig, read_spec
from rnc_graph.experiments.progress import Progress
from tests.run_and_write import run_and_write


class Killer(Progress):
    """Kills a node in the middle."""

    def __init__(self, nodes: Cluster, kill: bool) -> None:
        self.nodes = nodes
        self.kill = kill
        self.total = 0
        self.done: list[str] = []

    def start(self, missing, done):
        self.total = len(missing)

    def finished(self, key):
        self.done.append(key)
        print("done", key, flush=True)
        if self.kill and len(self.done) == self.total // 3:
            # A moment later, in the middle of the tasks that begin now.
            threading.Timer(0.3, self.nodes.kill, [self.nodes.nodes[1]]).start()


def main() -> None:
    spec, folder, what = sys.argv[1:]
    with cluster(1, 1) as nodes:
        import ray

        ray.init(address=nodes.address, log_to_driver=False)
        deadline = time.monotonic() + 60
        while ray.cluster_resources().get("CPU") != 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        print("processors", ray.cluster_resources()["CPU"], flush=True)
        print("listening", *listening(nodes), flush=True)
        ray.shutdown()
        killer = Killer(nodes, what == "kill")
        run_and_write(
            read_spec(Path(spec)),
            Path(folder),
            execution=ExecutionConfig(ray=nodes.address),
            progress=killer,
        )
        print("alive", len(nodes.nodes) - (nodes.nodes[1].poll() is not None), flush=True)


def listening(nodes: Cluster) -> list[str]:
    """Return the addresses that the cluster's processes listen at."""
    sockets = {
        link.readlink().name
        for pid in nodes.processes()
        for link in Path(f"/proc/{pid}/fd").glob("*")
        if link.is_symlink() and str(link.readlink()).startswith("socket:")
    }
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.append(fields[1].partition(":")[0])
    return sorted(set(found))


if __name__ == "__main__":
    main()
