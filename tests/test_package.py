"""An installed wheel works without the checkout: its data and specs travel inside."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_wheel_carries_its_data(tmp_path: Path):
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
        names = archive.namelist()
    for path in (path for path in (ROOT / "rnc_graph").rglob("*") if path.is_file()):
        assert path.suffix == ".pyc" or str(path.relative_to(ROOT)) in names
    for folder in ("datasets", "experiments"):
        for path in (path for path in (ROOT / folder).rglob("*") if path.is_file()):
            assert f"rnc_graph/_resources/{path.relative_to(ROOT)}" in names
    assert not [name for name in names if "test" in name.split("/")[0] or "/tests/" in name]
    code = (
        "import rnc_graph; from rnc_graph.data import load_dataset\n"
        "from rnc_graph.files import resource_dir\n"
        "spec = (resource_dir('experiments') / 'esol.yaml').read_text()\n"
        "print(rnc_graph.__file__, len(load_dataset('esol')), 'name: esol' in spec)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    path, *found = done.stdout.split()
    assert path.startswith(str(installed))
    assert found == ["1128", "True"]


def test_help_imports_none_of_the_heavy_libraries():
    code = (
        "import sys; sys.argv = ['rnc-graph', '--help']; from rnc_graph.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print([name for name in ('torch', 'numpy', 'pandas', 'scipy', 'pydantic', 'rdkit') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "reproduce" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_data_set_has_a_license_line():
    licenses = (ROOT / "datasets" / "LICENSES.md").read_text()
    for table in (ROOT / "datasets").glob("*.csv"):
        assert f"`{table.name}`" in licenses
