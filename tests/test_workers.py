import os
import signal
from concurrent.futures import wait

import pytest

from rnc_graph.errors import RunError
from rnc_graph.experiments.executors.processes import _error
from rnc_graph.workers import worker_pool


@pytest.mark.parametrize(
    ("ends_by", "told"),
    [
        (signal.SIGKILL, "was killed with SIGKILL, as the system does when memory runs out"),
        (signal.SIGSEGV, "crashed with SIGSEGV, a fault in a compiled library"),
        (signal.SIGTERM, "was ended by SIGTERM"),
    ],
)
def test_a_dead_worker_is_told_by_its_signal(ends_by: signal.Signals, told: str) -> None:
    with pytest.raises(RunError, match=told), worker_pool(2, "nothing was kept") as pool:
        pool.submit(signal.raise_signal, ends_by).result()


def test_a_process_that_shares_a_task_and_dies_is_told_by_its_signal() -> None:
    def run() -> None:
        with worker_pool(1, "lost") as pool:
            future = pool.submit(signal.raise_signal, signal.SIGKILL)
            wait([future])
            _error(future)

    with pytest.raises(RunError, match="killed with SIGKILL"):
        run()


def test_a_worker_that_exits_is_told_by_its_code() -> None:
    with pytest.raises(RunError, match="exited with code 3"), worker_pool(1, "lost") as pool:
        pool.submit(os._exit, 3).result()
