"""What the README shows is what the project does."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from rnc_graph.cli import app
from rnc_graph.experiments import read_spec
from rnc_graph.files import resource_dir

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    return [body for name, body in found if name == language]


def commands(start: str) -> list[str]:
    lines = [line for block in blocks("") for line in block.splitlines()]
    return [line.split("#")[0].strip() for line in lines if line.startswith(start)]


@pytest.mark.slow
@pytest.mark.parametrize("code", blocks("python"))
def test_python(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})


@pytest.mark.parametrize("command", commands("rnc-graph"))
def test_options_exist(command: str):
    result = CliRunner().invoke(app, [*shlex.split(command)[1:], "--help"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("command", commands("make"))
def test_make_targets_exist(command: str):
    done = subprocess.run(
        [*shlex.split(command), "-n"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_it_is_short():
    assert len(README.splitlines()) < 200


def test_the_row_to_add(tmp_path: Path):
    (row,) = (block for block in blocks("yaml") if "- name:" in block)
    spec = yaml.safe_load((resource_dir("experiments") / "esol.yaml").read_text())
    spec["methods"] += yaml.safe_load(row)
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump(spec))
    added = read_spec(path).methods[-1]
    assert added.pretraining.objective.model_extra == {
        "temperature": 1.0,
        "label_diff": "l1",
        "feature_sim": "l2",
    }


def test_links_and_figures_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
