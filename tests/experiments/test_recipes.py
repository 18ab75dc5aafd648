"""The specs of published recipes, run with --quick on small sets in the layouts they expect."""

from pathlib import Path

import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import read_spec, run_experiment, shipped_spec
from rnc_graph.experiments.spec.quick import quick
from rnc_graph.files import resource_dir
from tests.run_and_write import run_and_write
from tests.vision.conftest import write_image

RECIPES = [path.stem for path in sorted((resource_dir("experiments") / "published").glob("*.yaml"))]


def run_quick(name: str) -> str:
    """Run a recipe in the working folder as `run --quick` does, and return its table."""
    run_and_write(quick(read_spec(shipped_spec(name), seeds="1")), Path("out"))
    return Path("out", "table.md").read_text()


def write_table(folder: Path, table: str, column: str) -> None:
    """Write images, and a table of them with values and a split."""
    rows = [f"path,{column},split"]
    for number in range(30):
        path = f"{number % 3}/{number}.jpg"
        write_image(folder / path, seed=number)
        rows.append(
            f"{path},{20 + number},{('train', 'train', 'train', 'val', 'test')[number % 5]}"
        )
    (folder / table).write_text("\n".join(rows) + "\n")


def write_faces() -> None:
    for number in range(40):
        write_image(Path(f"data/AgeDB/{number}_Some_Body_{20 + number % 4}_f.jpg"), seed=number)


def write_imdb_wiki() -> None:
    write_table(Path("data/IMDB-WIKI"), "imdb_wiki.csv", "age")


def write_skyfinder() -> None:
    write_table(Path("data/SkyFinder"), "skyfinder.csv", "temperature")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "write", "expected"),
    [
        ("rnc_agedb", write_faces, "the split of agedb made by AgeDB-DIR's rule"),
        ("rnc_imdb_wiki", write_imdb_wiki, "the split of imdb_wiki that its table gives"),
        ("rnc_skyfinder", write_skyfinder, "errors in °C"),
    ],
)
def test_a_recipe_made_quick(tmp_path: Path, monkeypatch, name: str, write, expected: str):
    monkeypatch.chdir(tmp_path)
    write()
    table = run_quick(name)
    assert expected in table
    for method in read_spec(shipped_spec(name)).methods:
        assert f"| {method.name} |" in table


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_missing_is_named_and_how_to_get_it(tmp_path: Path, monkeypatch, name: str):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RncGraphError, match=r"https://"):
        run_experiment(read_spec(shipped_spec(name)), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
