"""Ctrl-C while RDKit computes: nothing is taken of a search that it ended."""

import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rdkit import Chem, RDLogger, rdBase

from rnc_graph.data.featurizer import FeaturizerConfig, molecule_arrays
from rnc_graph.data.rdkit_log import _LISTENER, whole

ROOT = Path(__file__).parent.parent.parent

# A shell's background job ignores SIGINT, and its children do.
_DEFAULT = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"

# Without whole(), three of four signals end a search of these, and are lost.
_SEARCHING = """
import sys, threading, time
from rdkit import Chem
from rnc_graph.data.rdkit_log import whole
molecule = Chem.MolFromSmiles("CC(=O)Oc1ccccc1C(=O)N[C@@H](C)C(=O)N1CCCC1" * 6)
path = Chem.MolFromSmarts("[#6]~[#6]~[#6]~[#6]~[#6]")
expected = len(molecule.GetSubstructMatches(path))
going = True

def search():
    while going:
        found = whole(lambda: molecule.GetSubstructMatches(path))
        assert len(found) == expected

thread = threading.Thread(target=search)
if sys.argv[1] == "thread":
    thread.start()
raised = 0
while raised < 20:
    try:
        print("searching", flush=True)
        while thread.is_alive():
            time.sleep(0.01)
        search()
    except KeyboardInterrupt:
        raised += 1
going = False
if sys.argv[1] == "thread":
    thread.join()
print("all raised", flush=True)
"""

_FEATURIZING = """
import numpy as np
from rnc_graph.data.featurizer import FeaturizerConfig, molecule_arrays
smiles = ["CC(=O)Oc1ccccc1C(=O)N[C@@H](C)C(=O)N1CCCC1" * 5] * 4
config = FeaturizerConfig(descriptors=True, fingerprints=True)
expected = molecule_arrays(smiles, config)
raised = 0
while raised < 20:
    try:
        print("searching", flush=True)
        while True:
            found = molecule_arrays(smiles, config)
            for name in ("atoms", "descriptors", "fingerprints"):
                np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    except KeyboardInterrupt:
        raised += 1
print("all raised", flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no signals of POSIX")
@pytest.mark.parametrize(
    ("code", "place"), [(_SEARCHING, "main"), (_SEARCHING, "thread"), (_FEATURIZING, "main")]
)
def test_each_interrupt_is_raised_and_no_result_is_a_part(code: str, place: str) -> None:
    command = [sys.executable, "-c", _DEFAULT + code, place]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True
    ) as process:
        assert process.stdout is not None
        again = 0
        try:
            for _ in range(20):
                assert process.stdout.readline() == "searching\n"
                process.send_signal(signal.SIGINT)
                # RDKit may take a signal at the very end of a search: it changes no result, and is
                # gone. A user sends a second one.
                while not select.select([process.stdout], [], [], 5)[0]:
                    again += 1
                    process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out) == (0, "all raised\n"), errors
    assert again <= 3


def test_what_an_interrupt_ended_is_computed_anew_where_its_handler_goes_on() -> None:
    """RDKit reports it as a warning, which is written here without a search."""
    before = signal.getsignal(signal.SIGINT)
    caught, tries = [], []

    def compute() -> int:
        tries.append(1)
        if len(tries) == 1:
            rdBase.LogWarningMsg("Substructure search was interrupted, result may ...")
        return len(tries)

    signal.signal(signal.SIGINT, lambda number, _: caught.append(number))
    try:
        assert whole(compute) == 2
    finally:
        signal.signal(signal.SIGINT, before)
    assert caught == [signal.SIGINT]


@pytest.mark.parametrize("text", ["Interrupted, C", "Substructure search was interrupted", "C1CC"])
def test_text_of_a_molecule_is_no_interrupt(text: str) -> None:
    assert molecule_arrays([text], FeaturizerConfig()).bad[0].smiles == text
    assert whole(lambda: Chem.MolFromSmiles(text)) is None


@pytest.mark.parametrize("spoil", [rdBase.LogToCppStreams, lambda: RDLogger.DisableLog("rdApp.*")])
def test_it_listens_whatever_becomes_of_the_log(spoil) -> None:
    seen = []

    def compute() -> None:
        rdBase.LogWarningMsg("a warning")
        with _LISTENER.block() as heard:
            seen.append(len(heard))

    try:
        spoil()
        status = rdBase.LogStatus()
        whole(compute)
        assert seen[-1] == 1
        if "warning:disabled" in status:
            assert rdBase.LogStatus() == status
    finally:
        for log in ("rdApp.warning", "rdApp.error"):
            RDLogger.EnableLog(log)


_LOGGING = """
import logging, logging.config, signal, sys
from rdkit import rdBase
from rnc_graph.data.rdkit_log import whole
logger = logging.getLogger("rdkit")
whole(int)
exec(sys.argv[1])
tries = []
def compute():
    tries.append(1)
    if len(tries) == 1:
        rdBase.LogWarningMsg("Interrupted, as by Ctrl-C")
signal.signal(signal.SIGINT, lambda number, _: None)
whole(compute)
print(len(tries))
"""


@pytest.mark.parametrize(
    "setup",
    [
        "logging.config.dictConfig({'version': 1, 'root': {'level': 'INFO'}})",
        "logger.setLevel(logging.ERROR)",
        "logging.disable(logging.WARNING)",
        "logger.disabled = True",
        "logger.filters.clear()",
    ],
)
def test_it_listens_whatever_the_setup_of_logging(setup: str) -> None:
    command = [sys.executable, "-c", _LOGGING, setup]
    done = subprocess.run(
        command, capture_output=True, cwd=ROOT, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("2\n", "")


def test_without_any_warning_the_second_result_is_returned(monkeypatch) -> None:
    monkeypatch.setattr(rdBase, "LogWarningMsg", lambda message: None)
    tries: list[int] = []
    whole(lambda: tries.append(1))
    assert len(tries) == 2


def test_only_the_own_thread_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    said = threading.Thread(target=lambda: rdBase.LogWarningMsg("of another thread"))
    with _LISTENER.block() as heard:
        rdBase.LogWarningMsg("of this thread")
        said.start()
        said.join()
    assert len(heard) == 1
    assert "of this thread" in heard[0]
