"""Ctrl-C and SIGTERM at any moment: one line, the right exit code, nothing half-written."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from rnc_graph import MoleculeRegressor, load_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("interrupts")
    table = load_dataset("lipophilicity")
    model = MoleculeRegressor(networks=0).fit(table.smiles[:30], table.targets[:30, 0])
    model.save(path / "model")
    frame = pd.DataFrame({"smiles": table.smiles * 3, "y": list(table.targets[:, 0]) * 3})
    frame.to_csv(path / "t.csv", index=False)
    return path


def _catches_sigterm(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():  # Not Linux: at once.
        return True
    (mask,) = re.findall(r"SigCgt:\s*(\w+)", status.read_text())
    return bool(int(mask, 16) >> (signal.SIGTERM - 1) & 1)


def _interrupt(folder: Path, arguments: list[str], number: signal.Signals, after: float) -> None:
    before = sorted(folder.rglob("*"))
    command = [sys.executable, "-m", "rnc_graph.cli", *arguments]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        # Python has begun, however busy the machine is.
        while process.poll() is None and not _catches_sigterm(process.pid):
            time.sleep(0.01)
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number, errors
    assert errors.strip().endswith("Stopped.")
    assert "Traceback" not in errors
    assert sorted(folder.rglob("*")) == before


ROOT = Path(__file__).parent.parent
PREDICT = ["predict", "model", "t.csv", "--out", "p.csv", "--jobs", "1"]
TRAIN = ["train", "t.csv", "--out", "new", "--jobs", "1", "--networks", "1"]


# One moment for each command and signal; more of them with RNC_GRAPH_INTERRUPTS=15.
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(int(os.environ.get("RNC_GRAPH_INTERRUPTS", "1"))))
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("arguments", [PREDICT, TRAIN], ids=["predict", "train"])
def test_an_interrupted_command_leaves_nothing(
    folder: Path, arguments: list[str], number: signal.Signals, seed: int
) -> None:
    moment = random.Random(f"{arguments[0]} {number:d} {seed}").uniform(0, 6)
    _interrupt(folder, arguments, number, moment)


_SEARCHING = """
from rnc_graph.cli.__main__ import raise_on_signals
stopped = raise_on_signals()
from rdkit import Chem
molecule = Chem.MolFromSmiles("CC(=O)Oc1ccccc1C(=O)N[C@@H](C)C(=O)N1CCCC1" * 6)
path = Chem.MolFromSmarts("[#6]~[#6]~[#6]~[#6]~[#6]")
while len(stopped) < 40:
    try:
        print("searching", flush=True)
        while True:
            molecule.GetSubstructMatches(path)
    except KeyboardInterrupt:
        pass
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no signals of POSIX")
def test_rdkit_takes_no_interrupt_for_itself() -> None:
    """It would end its search early, and go on as if nothing had been pressed."""
    command = [sys.executable, "-c", _SEARCHING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        for _ in range(20):
            assert process.stdout.readline() == "searching\n"
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


@pytest.mark.parametrize(
    ("number", "swallowed", "arguments", "message"),
    [
        (signal.SIGINT, "except BaseException: raise ImportError", TRAIN, "Stopped."),
        (
            signal.SIGTERM,
            "finally: pass",
            ["pretrain", "t.csv", "--out", "new"],
            "Stopped. What is finished is kept: the same command continues from there.",
        ),
    ],
)
def test_an_interrupt_while_libraries_are_imported(
    folder: Path,
    tmp_path: Path,
    number: signal.Signals,
    swallowed: str,
    arguments: list[str],
    message: str,
) -> None:
    """As in the first seconds of a command; some libraries make an ImportError of it."""
    module = (
        f"import os, time\ntry:\n    os.kill(os.getpid(), {int(number)})\n"
        # A thread passes the signal on: just before a sleep, which it then does not end.
        f"    for _ in range(600): time.sleep(0.1)\n{swallowed}\n"
    )
    (tmp_path / "torch.py").write_text(module)
    done = subprocess.run(
        [sys.executable, "-m", "rnc_graph.cli", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 128 + number, done.stderr
    assert done.stderr.splitlines() == [message]
    assert not (folder / "new").exists()
