"""The same files from a Ray cluster as from processes here, a killed node or not."""

import sys
from pathlib import Path

import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import ExecutionConfig, read_spec
from tests.alone import needs_network, run_alone
from tests.run_and_write import contents, run_and_write

SCENARIO = Path(__file__).with_name("ray_scenario.py")


@needs_network
@pytest.mark.slow
def test_a_node_is_killed_in_the_middle(folder: Path):
    """16 runs on two nodes, one of which is killed with SIGKILL."""
    text = (folder / "small.yaml").read_text().replace("seeds: 2", "seeds: 4")
    (folder / "small.yaml").write_text(text.replace("epochs: 3", "epochs: 20"))
    experiment = read_spec(folder / "small.yaml")
    done = run_alone(SCENARIO, "small.yaml", "cluster", "kill", folder=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    said = done.stdout.splitlines()
    assert "processors 2.0" in said
    assert "alive 1" in said, "one node was killed"
    loopback = ["0100007F", "0000000000000000FFFF00000100007F"]
    listening = next(line for line in said if line.startswith("listening")).split()[1:]
    assert listening
    assert all(address in loopback for address in listening)
    told = [line.split()[1] for line in said if line.startswith("done ")]
    assert len(told) == len(set(told)) == 4 * 6, "each run and pretraining once, and the baseline"
    run_and_write(experiment, folder / "local", execution=ExecutionConfig(jobs=2))
    assert contents(folder / "cluster") == contents(folder / "local")


def test_no_cluster_is_told(folder: Path, experiment):
    with pytest.raises(RncGraphError, match=r"no Ray cluster at '127\.0\.0\.1:1'"):
        run_and_write(experiment, folder / "out", execution=ExecutionConfig(ray="127.0.0.1:1"))


def test_what_to_do_without_ray(folder: Path, experiment, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RncGraphError, match=r"pip install 'rnc-graph\[ray\]'"):
        run_and_write(experiment, folder / "out", execution=ExecutionConfig(ray="auto"))
