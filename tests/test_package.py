"""An installed wheel works without the checkout: its data and specs travel inside."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_wheel_carries_its_data(tmp_path: Path):
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "-w", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    code = (
        "import rnc_graph; from rnc_graph.data import load_dataset\n"
        "from rnc_graph.experiments import read_spec, shipped_spec\n"
        "print(rnc_graph.__file__, len(load_dataset('esol')), read_spec(shipped_spec('esol')).name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    path, rows, name = done.stdout.split()
    assert path.startswith(str(installed))
    assert (rows, name) == ("1128", "esol")


def test_every_data_set_has_a_license_line():
    licenses = (ROOT / "datasets" / "LICENSES.md").read_text()
    for table in (ROOT / "datasets").glob("*.csv"):
        assert f"`{table.name}`" in licenses
