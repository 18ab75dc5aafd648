from pathlib import Path

import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import Experiment, read_spec
from rnc_graph.experiments.plan import plan, with_pretraining
from rnc_graph.objectives import OBJECTIVES
from rnc_graph.own_modules import content_of, load_module

CODE = """
from torch import nn
from rnc_graph.objectives import OBJECTIVES

@OBJECTIVES.register({name!r})
class Own(nn.Module):
    def __init__(self, weight=1.0, power=2):
        super().__init__()

    def forward(self, features, labels):
        return features.square().mean()
"""


def _write(path: Path, name: str, comment: str = "") -> Path:
    path.write_text(CODE.format(name=name) + comment)
    return path


def test_what_a_module_registers_is_known_once(tmp_path: Path) -> None:
    path = _write(tmp_path / "own.py", "own-once")
    load_module(path)
    load_module(path)
    part = OBJECTIVES.get("own-once")
    assert content_of(part)
    assert content_of(OBJECTIVES.get("rnc")) is None


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1\ny = 1 / 0\n", "line 2: ZeroDivisionError: division by zero"),
        ("x = 1\n\nif:\n", "line 3: SyntaxError"),
        ("import nothing_of_this_name\n", "line 1: ModuleNotFoundError"),
        (CODE.format(name="rnc"), "line 5: RncGraphError: objective 'rnc' is registered already"),
    ],
)
def test_its_errors_are_told_by_file_and_line(tmp_path: Path, code: str, message: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(code)
    for _ in range(2):
        with pytest.raises(RncGraphError) as caught:
            load_module(path)
        assert str(caught.value).startswith(f"{path}, {message}")


def test_a_file_that_is_missing_or_no_python(tmp_path: Path) -> None:
    with pytest.raises(RncGraphError, match=r"own\.py: cannot be read: No such file"):
        load_module(tmp_path / "own.py")
    (tmp_path / "own.txt").write_text("")
    with pytest.raises(RncGraphError, match=r"own\.txt: .* must end in \.py"):
        load_module(tmp_path / "own.txt")


def _with_module(folder: Path, name: str, comment: str = "") -> Experiment:
    _write(folder / "own.py", name, comment)
    spec = (folder / "small.yaml").read_text()
    spec += "modules: [own.py]\n"
    spec = spec.replace(
        "  - name: tuned",
        f"  - name: own\n    pretraining: {{objective: {{name: {name}}}}}\n  - name: tuned",
    )
    (folder / "own.yaml").write_text(spec)
    return read_spec(folder / "own.yaml")


def test_results_are_kept_by_the_content_of_the_file(folder: Path) -> None:
    def keys(experiment: Experiment) -> dict[str, str]:
        runs = plan(experiment, experiment.table())
        return {run.row: run.task.key for run in runs if run.seed == 0}

    before, after = (
        keys(_with_module(folder, "own-a")),
        keys(_with_module(folder, "own-b", "# another\n")),
    )
    assert before["own"] != after["own"]
    assert {row: key for row, key in before.items() if row != "own"} == {
        row: key for row, key in after.items() if row != "own"
    }


def test_a_spec_names_the_module_that_cannot_be_loaded(folder: Path) -> None:
    spec = (folder / "small.yaml").read_text() + "modules: [gone.py]\n"
    (folder / "gone.yaml").write_text(spec)
    with pytest.raises(RncGraphError, match=r"gone\.py: cannot be read"):
        read_spec(folder / "gone.yaml")


def test_options_left_out_are_part_of_what_a_run_is(folder: Path) -> None:
    """So that another default gives another run."""
    experiment = _with_module(folder, "own-c")
    tasks = with_pretraining(plan(experiment, experiment.table()))
    identities = [task.identity() for key, task in tasks.items() if key.startswith("stage1")]
    (own,) = {str(i["pretraining"]["objective"]) for i in identities if "own-c" in str(i)}
    assert "'weight': 1.0, 'power': 2" in own
