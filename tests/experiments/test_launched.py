"""Runs that processes of several hosts share, as torchrun starts them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rnc_graph.experiments import read_spec
from tests.alone import ALONE, needs_network
from tests.run_and_write import run_and_write

# Two agents, as on two hosts, each in a folder of its own: the second one finds no store.
HOSTS = """
launch() {
  cd "$1" && python -m torch.distributed.run --nnodes 2 --nproc-per-node 1 --node-rank "$2" \
    --master-addr 127.0.0.1 --master-port 29511 -m rnc_graph.cli run small.yaml --out out
}
launch first 0 & launch second 1 > second.txt; second=$?
wait $! && exit $second
"""


def launch(folder: Path) -> subprocess.CompletedProcess[str]:
    for host in ("first", "second"):
        (folder / host).mkdir(exist_ok=True)
        for name in ("molecules.csv", "small.yaml"):
            (folder / host / name).write_text((folder / name).read_text())
    here = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        [*ALONE, "bash", "-c", HOSTS],
        cwd=folder,
        env={**os.environ, **here, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@needs_network
@pytest.mark.slow
def test_two_hosts_come_to_the_metrics_of_one(folder: Path):
    """Without views, which each process would draw for itself."""
    text = (folder / "small.yaml").read_text()
    text = text.replace("  augmentation: {mask_attributes: 0.1}\n", "")
    (folder / "small.yaml").write_text(text.replace("seeds: 2", "seeds: 1"))
    done = launch(folder)
    assert done.returncode == 0, done.stderr[-3000:]
    assert not (folder / "second" / "out").exists(), "one process writes"
    assert "RMSE" not in (folder / "second.txt").read_text(), "and one process speaks"
    experiment = read_spec(folder / "small.yaml")
    alone = run_and_write(experiment, folder / "alone")
    again = run_and_write(experiment, folder / "first" / "out")
    key = ("test", "standardized", "rmse")
    for one, two in zip(alone.tables[0].rows, again.tables[0].rows, strict=True):
        np.testing.assert_allclose(
            two.summaries[key].mean, one.summaries[key].mean, rtol=1e-2, err_msg=one.name
        )
    # Nothing is left to do, and all processes hear of it.
    once_more = launch(folder)
    assert once_more.returncode == 0, once_more.stderr[-3000:]
    assert "0 to do" in once_more.stderr
