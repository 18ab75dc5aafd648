"""Run as a script, in a network of its own: a program on two nodes of Ray, one of which is killed.

Argument: the program. It is run in the current folder.
"""

import os
import subprocess
import sys
import time

from tests.experiments.ray_nodes import Cluster, cluster


def describes(nodes: Cluster) -> bool:
    """Return whether the second node is at a task."""
    lines = subprocess.run(
        ["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    own = set(nodes.processes(nodes.nodes[1]))
    return any("ray::describe" in line and int(line.split()[0]) in own for line in lines)


def main() -> None:
    with cluster(1, 1) as nodes:
        environment = {**os.environ, "RAY_ADDRESS": nodes.address}
        program = subprocess.Popen([sys.executable, sys.argv[1]], env=environment)
        while not describes(nodes):
            assert program.poll() is None, "it ended before the second node was at a task"
            time.sleep(0.1)
        time.sleep(0.5)
        nodes.kill(nodes.nodes[1])
        print("killed while it ran:", program.poll() is None, flush=True)
        sys.exit(program.wait())


if __name__ == "__main__":
    main()
