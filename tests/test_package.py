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
        names = archive.namelist()
    assert "rnc_graph/py.typed" in names
    for folder in ("datasets", "experiments"):
        for path in (path for path in (ROOT / folder).rglob("*") if path.is_file()):
            assert f"rnc_graph/_shipped/{path.relative_to(ROOT)}" in names
    assert not [name for name in names if "test" in name.split("/")[0] or "/tests/" in name]
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
