"""What is committed under results/: small, with what made it, and told by the docs as it is."""

import json
import re
import runpy
import subprocess
from pathlib import Path

import pytest

from rnc_graph.experiments.identity import FORMAT

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"
DOCS = runpy.run_path(str(ROOT / "docs" / "result_tables.py"))
EXPERIMENTS = sorted(path.parent for path in RESULTS.glob("*/table.json"))


def committed() -> list[Path]:
    """Return the files under results/ that git has; without git, those that are not ignored."""
    listed = ["git", "ls-files", "-z", "results"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.exists()]


def test_the_results_are_small():
    sizes = {path: path.stat().st_size for path in committed()}
    assert sum(sizes.values()) < 25_000_000
    assert [path for path, size in sizes.items() if size > 3_000_000] == []


def made_by(target: str) -> list[str]:
    """Return the commands of a target of the Makefile, as they are typed in an environment."""
    done = subprocess.run(
        ["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^\.venv/bin/((?:rnc-graph|python benchmarks/).*)$", done.stdout, re.M)
    return [line.strip() for line in lines]


def test_make_results_has_the_command_of_each_folder():
    commands = {
        f"{json.loads((folder / 'provenance.json').read_text())['command']} "
        f"--out results/{folder.name}"
        for folder in EXPERIMENTS
    }
    reports = {
        f"rnc-graph report results/{folder.name}"
        for folder in EXPERIMENTS
        if (folder / "paper").exists()
    }
    made = made_by("results")
    assert len(made) == len(set(made))
    assert set(made) == commands | reports


def test_each_benchmark_is_made_by_a_command():
    made = {command.split()[1] for command in made_by("benchmarks")}
    for path in sorted((RESULTS / "benchmarks").glob("*.json")):
        script = f"benchmarks/{path.stem}.py"
        text = path.with_suffix(".md").read_text()
        named = set(re.findall(r"y `python (benchmarks/\w+\.py)", text)) | ({script} & made)
        assert named, f"{path.name}: made by what?"
        assert all((ROOT / script).exists() for script in named), path.name
    assert all((ROOT / script).exists() for script in made)


@pytest.mark.parametrize("folder", EXPERIMENTS, ids=lambda folder: folder.name)
def test_what_made_a_folder_is_kept(folder: Path):
    made = json.loads((folder / "provenance.json").read_text())
    assert made.keys() == {"command", "code", "processor", "wall_seconds", "run_format"}
    assert made["command"] == json.loads((folder / "table.json").read_text())["command"]
    assert made["run_format"] in {3, FORMAT}  # Results of format 3 stay until they are made again.
    if (folder / "runs.json").exists():
        assert json.loads((folder / "runs.json").read_text())["format"] == made["run_format"]


@pytest.mark.parametrize("page", DOCS["PAGES"], ids=lambda page: page.name)
def test_the_tables_of_a_page_are_made_of_the_results(page: Path):
    """Where this fails: python docs/result_tables.py."""
    text = page.read_text(encoding="utf-8")
    assert DOCS["filled"](text) == text


def test_every_table_is_in_a_page():
    texts = [page.read_text(encoding="utf-8") for page in DOCS["PAGES"]]
    found = [name for text in texts for name in DOCS["_BLOCK"].findall(text)]
    assert sorted(name for _, name, _ in found) == sorted(DOCS["TABLES"])
    listed = {path.name for path in RESULTS.iterdir() if path.is_dir()} - {"local", "quick"}
    assert listed == {folder.name for folder in EXPERIMENTS} | DOCS["OTHERS"].keys()
