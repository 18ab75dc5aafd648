import os
import signal

import pytest

from rnc_graph.errors import RunError
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


def test_a_worker_that_exits_is_told_by_its_code() -> None:
    with pytest.raises(RunError, match="exited with code 3"), worker_pool(1, "lost") as pool:
        pool.submit(os._exit, 3).result()
