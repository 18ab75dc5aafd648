import os
import signal
import subprocess
import sys
from concurrent.futures import wait
from pathlib import Path

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


_INTERRUPTED = """
import os, signal, threading
from rnc_graph.workers import worker_pool
signal.signal(signal.SIGINT, signal.default_int_handler)
# While the server imports its libraries, for which a start of a worker waits.
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    with worker_pool(2, "lost", trains=False) as pool:
        pool.submit(int).result()
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="no server of processes")
def test_a_worker_whose_pool_has_ended_before_it_starts_says_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("stopped\n", "")


def test_workers_have_the_variables_and_the_folder_of_their_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of now, whenever the first pool was started."""
    for value in ("one", "two"):
        monkeypatch.setenv("RNC_GRAPH_OF_A_TEST", value)
        folder = tmp_path / value
        folder.mkdir()
        monkeypatch.chdir(folder)
        with worker_pool(1, "lost") as pool:
            assert pool.submit(os.getenv, "RNC_GRAPH_OF_A_TEST").result() == value
            assert pool.submit(os.getcwd).result() == str(folder)


_POOL = """
import sys
sys.path.remove("")
from rnc_graph.workers import worker_pool
with worker_pool(1, "lost") as pool:
    print(pool.submit(eval, "__import__('lightning').__version__").result())
"""


SCRIPT = """
import signal
from rnc_graph.workers import in_order
def double(number):
    return 2 * number
print("begins")
print(list(in_order(CALLED, [9, -9], 2, "nothing", trains=False)))
"""


@pytest.mark.slow
@pytest.mark.parametrize("called", ["abs", "double", "signal.raise_signal"])
def test_a_script_without_a_guard_runs_once(tmp_path: Path, called: str) -> None:
    """Its own functions cannot be passed on, and the message says why, but not of a signal."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.replace("CALLED", called))
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.stdout.splitlines() == ["begins", *["[9, 9]"] * (called == "abs")]
    hint = 'needs if __name__ == "__main__": around its work'
    assert (hint in done.stderr) == (called == "double")
    assert ("was killed with SIGKILL" in done.stderr) == (called == "signal.raise_signal")


@pytest.mark.slow
def test_a_file_of_the_working_folder_is_not_taken_for_a_library(tmp_path: Path) -> None:
    (tmp_path / "lightning.py").write_text("__version__ = 'none'\nprint('imported')\n")
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", _POOL],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout[0].isdigit(), done.stdout
    assert done.stderr == ""
