"""What the docs show is what the project does."""

import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter
from typer.main import get_command
from typer.testing import CliRunner

from rnc_graph.cli import app
from rnc_graph.cli.model_settings import settings_of
from rnc_graph.data import load_dataset
from rnc_graph.data.catalog import list_datasets, markdown_table
from rnc_graph.data.inputs import make_augmentation
from rnc_graph.data.splits import SPLITS
from rnc_graph.experiments.spec.file import example_specs
from rnc_graph.experiments.spec.sources import DataSource
from rnc_graph.losses import LOSSES
from rnc_graph.models import ModelSettings

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
    result = CliRunner().invoke(app, [*shlex.split(command)[1:], "--quick", "--jobs", "2"])
    assert result.exit_code == 0, result.output
    table = Path("results/local/my/table.md").read_text()
    assert "| mine |" in table


@pytest.mark.slow
def test_your_own_graphs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    module, *code = _blocks("your-own-graphs.md", "python")
    (spec,) = _blocks("your-own-graphs.md", "yaml")
    (command,) = _blocks("your-own-graphs.md", "")
    Path("triangles.py").write_text(module)
    Path("triangles.yaml").write_text(spec)
    exec(compile("\n".join(code), "your-own-graphs.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "GraphDataset(150) GraphSchema(nodes=1, edges=0" in printed
    assert "frozen MAE" in printed
    assert "fine-tuned MAE" in printed
    assert "\nTrue\n" in printed  # What was saved predicts the same.
    result = CliRunner().invoke(app, [*shlex.split(command)[1:], "--quick", "--jobs", "2"])
    assert result.exit_code == 0, result.output
    table = Path("results/local/triangles/table.md").read_text()
    assert "| RnC+freeze |" in table
    assert "| RnC |" in table


@pytest.mark.slow
def test_two_stages_on_images(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torchvision")
    (code,) = _blocks("images.md", "python")
    exec(compile(code, "images.md", "exec"), {})
    (error,) = re.findall(r"MAE ([\d.]+)", capsys.readouterr().out)
    assert float(error) < 0.1  # That of a constant is 0.25.


@pytest.mark.slow
def test_your_own_split(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = _blocks("your-own-split.md", "python")
    exec(compile(code, "your-own-split.md", "exec"), {})
    random, scaffold = re.findall(r"RMSE ([\d.]+) kcal/mol", capsys.readouterr().out)
    assert float(random) < float(scaffold)


def test_bioactivity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table = load_dataset("esol")
    cells = [f"{10 ** (3 - y):.4g}" if y > -4 else ">1e7" for y in table.targets[:60, 0]]
    rows = [f"A-{n},{s},{y}" for n, (s, y) in enumerate(zip(table.smiles, cells, strict=False))]
    Path("inhibition.csv").write_text("\n".join(["compound,smiles,IC50", *rows]))
    (code,) = _blocks("bioactivity.md", "python")
    quick = 'networks=0, descriptor_models=["svr"], weights="equal"'
    found: dict[str, Any] = {}
    exec(compile(code.replace("networks=0", quick), "bioactivity.md", "exec"), found)
    assert list(found["predictions"].index) == [f"A-{n}" for n in range(50, 60)]
    assert [*found["model"].model_.targets] == ["IC50"]


@pytest.mark.slow
def test_few_labels(capsys: pytest.CaptureFixture[str]) -> None:
    code = "\n".join(_blocks("few-labels.md", "python"))
    fewer = re.sub(r'epochs": \d+', 'epochs": 2', code)
    exec(compile(fewer, "few-labels.md", "exec"), {})
    assert len(capsys.readouterr().out.split("\n")) > 3


@pytest.mark.slow
def test_a_grid_on_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (spec,) = _blocks("grid-on-a-cluster.md", "yaml")
    Path("grid.yaml").write_text(spec)
    lines = [line for block in _blocks("grid-on-a-cluster.md", "") for line in block.splitlines()]
    here = [line for line in lines if line.startswith("rnc-graph") and "--ray" not in line]
    planned, _, run, report = here
    for command in (planned, f"{run} --quick", report):
        result = CliRunner().invoke(app, shlex.split(command)[1:])
        assert result.exit_code == 0, result.output
    assert Path("results/local/grid/report.html").is_file()


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_the_commands_exist(page: str) -> None:
    lines = [line for block in _blocks(page, "") for line in block.splitlines()]
    for command in (line for line in lines if line.startswith("rnc-graph")):
        result = CliRunner().invoke(app, [*shlex.split(command, comments=True)[1:], "--help"])
        assert result.exit_code == 0, result.output


def test_the_page_of_settings_is_made_of_the_docstring() -> None:
    page = (DOCS / "model-settings.md").read_text()
    assert runpy.run_path(str(DOCS / "model_settings.py"))["settings"]() in page
    told = re.findall(r"^- \*\*`(\w+)`\*\* \(`--([\w-]+)", page, flags=re.MULTILINE)
    assert {name for name, _ in told} >= set(ModelSettings.model_fields)
    taken = {name for part in get_command(app).commands["train"].params for name in part.opts}
    assert {f"--{option}" for _, option in told} <= taken
    settings = {name: getattr(ModelSettings(), name) for name, option in told if option == "set"}
    assert dict(settings_of({}, settings)) == dict(ModelSettings())


@pytest.mark.slow
def test_the_tutorial_draws_its_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    table = load_dataset("esol")
    rows = zip(table.smiles[:150], table.targets[:150, 0], strict=True)
    Path("solubility.csv").write_text("\n".join(["smiles,logS", *(f"{s},{y}" for s, y in rows)]))
    (code,) = _blocks("tutorial.md", "python")
    assert len(code.strip().splitlines()) < 15
    # The defaults, but for the time they take; processes cannot begin from code in a text.
    quick = "networks=1, epochs=2, pretraining_epochs=1"
    exec(compile(code.replace("n_jobs=2", quick), "tutorial.md", "exec"), {})
    assert Path("predictions.png").stat().st_size > 10_000


def test_the_splits_of_the_page() -> None:
    names = re.findall(r"^\| `(\w+)` \|", (DOCS / "splits.md").read_text(), flags=re.MULTILINE)
    assert sorted(names) == SPLITS.names()
    (code,) = _blocks("splits.md", "python")
    found: dict[str, Any] = {}
    exec(compile(code, "splits.md", "exec"), found)
    assert len(found["five"]) == 10


def test_the_images_of_the_page_are_read() -> None:
    page = (DOCS / "images.md").read_text()
    sources = re.findall(r"`(\{images: .*?\})`", page)
    assert len(sources) >= 5
    for source in sources:
        TypeAdapter(DataSource).validate_python(yaml.safe_load(source))
    (block,) = _blocks("images.md", "yaml")
    assert make_augmentation(yaml.safe_load(block)["augmentation"]) is not None
    for objective in re.findall(r"`objective: (\{.*?\})`", page):
        options = yaml.safe_load(objective.replace(", ...", ""))
        LOSSES.make(options.pop("name"), **options)


def test_each_published_recipe_has_a_row() -> None:
    page = (DOCS / "images.md").read_text(encoding="utf-8")
    recipes = [path.stem for path in example_specs().values() if path.parent.name == "published"]
    rows = re.findall(r"^\| `(\w+)` \|", page.split("## Published recipes")[1], flags=re.MULTILINE)
    assert len(recipes) >= 8
    assert sorted(rows) == sorted(recipes)


def test_the_page_of_data_sets_is_the_list() -> None:
    text = (DOCS / "datasets.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert table == markdown_table(list_datasets())
