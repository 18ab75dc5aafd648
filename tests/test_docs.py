"""What the docs show is what the project does."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rnc_graph.cli import app

DOCS = Path(__file__).parent.parent / "docs"


def _blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text()
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    return [body for name, body in found if name == language]


@pytest.mark.slow
def test_write_your_own_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (loss,) = _blocks("write-your-own-loss.md", "python")
    (spec,) = _blocks("write-your-own-loss.md", "yaml")
    command = next(b for b in _blocks("write-your-own-loss.md", "") if b.startswith("rnc-graph"))
    Path("my_loss.py").write_text(loss)
    Path("my.yaml").write_text(spec)
    result = CliRunner().invoke(app, [*shlex.split(command)[1:], "--jobs", "2"])
    assert result.exit_code == 0, result.output
    table = Path("results/local/my/table.md").read_text()
    assert "| mine |" in table


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_the_commands_exist(page: str) -> None:
    lines = [line for block in _blocks(page, "") for line in block.splitlines()]
    for command in (line for line in lines if line.startswith("rnc-graph")):
        result = CliRunner().invoke(app, [*shlex.split(command, comments=True)[1:], "--help"])
        assert result.exit_code == 0, result.output
