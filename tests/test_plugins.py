import sys
from pathlib import Path

import pytest
from torch import nn
from typer.testing import CliRunner

from rnc_graph.cli import app
from rnc_graph.data.transforms import VIEWS
from rnc_graph.encoders import ENCODERS
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import ExecutionConfig, read_spec
from rnc_graph.experiments.datasets import load_datasets
from rnc_graph.experiments.plan import plan, with_pretraining
from rnc_graph.experiments.results import RUNS, finished, open_outcome
from rnc_graph.experiments.store import read_sealed, sealed_text
from rnc_graph.files import write_text
from rnc_graph.losses import LOSSES
from rnc_graph.losses.pairwise import LABEL_DISTANCES
from rnc_graph.plugins import Plugin, read_plugin
from rnc_graph.registry import remove_parts
from rnc_graph.reporting.experiment_folder import spec_text
from tests.run_and_write import run_and_write

OBJECTIVE = """
from torch import nn
from rnc_graph.losses import LOSSES

@LOSSES.register({name!r})
class Own(nn.Module):
    def __init__(self, weight: float = 1.0, power: int = 2) -> None:
        super().__init__()

    def forward(self, features, labels):
        return features.square().mean()
"""
OWN = OBJECTIVE.format(name="own")
# Python 3.10 names the line of the class.
DECORATOR = 5 if sys.version_info >= (3, 11) else 6
DISTANCE = """
from rnc_graph.losses.pairwise import LABEL_DISTANCES

@LABEL_DISTANCES.register("own-distance")
def distance(a, b):
    return {factor} * (a[:, None] - b[None]).abs().sum(-1)
"""


def _load(path: Path, code: str) -> Plugin:
    path.write_text(code)
    module = read_plugin(path)
    module.load()
    return module


def test_what_a_module_registers_is_known_and_its_own(tmp_path: Path) -> None:
    module = _load(tmp_path / "own.py", OWN)
    module.load()
    assert LOSSES.owners["own"] == module.name
    assert LOSSES.owners["rnc"] == ""
    assert isinstance(LOSSES.make("own", weight=2), nn.Module)


def test_an_edited_file_takes_the_place_of_what_it_was(tmp_path: Path) -> None:
    first = _load(tmp_path / "own.py", OWN + "VERSION = 1\n")
    second = _load(tmp_path / "own.py", OWN + "VERSION = 2\n")
    assert LOSSES.owners["own"] == second.name != first.name
    with pytest.raises(RncGraphError, match="objective 'own' is registered already"):
        _load(tmp_path / "other.py", OWN)


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1\ny = 1 / 0\n", "line 2: ZeroDivisionError: division by zero"),
        ("x = 1\n\nif:\n", "line 3: SyntaxError"),
        ("import sys\nsys.exit(0)\n", "line 2: SystemExit: 0"),
        ("raise SystemExit\n", "line 1: SystemExit"),
        ("import nothing_of_this_name\n", "line 1: ModuleNotFoundError"),
        (
            OBJECTIVE.format(name="rnc"),
            f"line {DECORATOR}: BadValueError: objective 'rnc' is registered already",
        ),
    ],
)
def test_its_errors_are_told_by_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str, relative: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("own.py") if relative else tmp_path / "own.py"
    for _ in range(2):
        with pytest.raises(RncGraphError) as caught:
            _load(path, code)
        assert str(caught.value).startswith(f"{path}, {message}")


def test_of_a_file_that_fails_nothing_stays(tmp_path: Path) -> None:
    with pytest.raises(RncGraphError, match="ZeroDivisionError"):
        _load(tmp_path / "own.py", OWN + "1 / 0\n")
    assert "own" not in LOSSES.names()
    _load(tmp_path / "own.py", OWN)


def test_a_file_that_is_missing_or_no_python(tmp_path: Path) -> None:
    with pytest.raises(RncGraphError, match=r"own\.py: cannot be read: No such file"):
        read_plugin(tmp_path / "own.py")
    with pytest.raises(RncGraphError, match=r"own\.txt: expected a Python file .* ends in \.py"):
        read_plugin(tmp_path / "own.txt")


def _keys(folder: Path, code: str, objective: str = "{name: own}") -> dict[str, str]:
    """Return the run of each row of seed 0, with one row of the objective given."""
    (folder / "own.py").write_text(code)
    spec = (folder / "small.yaml").read_text() + "plugins: [own.py]\n"
    own = f"  - name: own\n    pretraining: {{objective: {objective}}}\n  - name: tuned"
    (folder / "own.yaml").write_text(spec.replace("  - name: tuned", own))
    experiment = read_spec(folder / "own.yaml")
    runs = plan(experiment, load_datasets(experiment))
    return {run.method: run.task.key for run in runs if run.seed == 0}


@pytest.mark.parametrize(
    ("before", "after", "objective"),
    [
        (OWN, OWN + "# edited\n", "{name: own}"),
        (
            DISTANCE.format(factor=1),
            DISTANCE.format(factor=2),
            "{name: rnc, label_diff: own-distance}",
        ),
    ],
)
def test_results_are_kept_by_the_content_of_the_file(
    folder: Path, before: str, after: str, objective: str
) -> None:
    first = _keys(folder, before, objective)
    second = _keys(folder, after, objective)
    assert first.pop("own") != second.pop("own")
    assert first == second


def test_options_left_out_and_written_otherwise_are_one_run(folder: Path) -> None:
    plain = _keys(folder, OWN)["own"]
    assert _keys(folder, OWN, "{name: own, weight: 1}")["own"] == plain
    assert _keys(folder, OWN, "{power: 2, name: own, weight: 1.0}")["own"] == plain
    assert _keys(folder, OWN, "{name: own, weight: 1.5}")["own"] != plain


def test_an_own_encoder_and_view_count_too(folder: Path) -> None:
    code = """
from rnc_graph.data.transforms import VIEWS
from rnc_graph.encoders import ENCODERS, GCN

@ENCODERS.register("own-encoder")
class Own(GCN):
    pass

@VIEWS.register("own-view")
class OwnView:
    def __init__(self, strength: float) -> None:
        pass

    def __call__(self, batch, generator):
        return batch
"""
    (folder / "own.py").write_text(code)
    spec = (folder / "small.yaml").read_text() + "plugins: [own.py]\n"
    spec = spec.replace("gcn:", "own-encoder:").replace("mask_attributes", "own-view")
    # It may have weights of its own, which can be frozen without a stage 1.
    frozen = "  - {name: at once, pretraining: null, regression: {freeze: true}}\n  - name: tuned"
    spec = spec.replace("  - name: tuned", frozen)
    (folder / "own.yaml").write_text(spec)
    experiment = read_spec(folder / "own.yaml")
    tasks = with_pretraining(plan(experiment, load_datasets(experiment)))
    owner = ENCODERS.owners["own-encoder"]
    assert VIEWS.owners["own-view"] == owner
    identities = [task.identity for key, task in tasks.items() if "own-encoder" in key]
    assert len(identities) == 12
    assert all(identity["code"] == [owner] for identity in identities)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["", "        "])
def test_an_exit_of_a_plugin_does_not_end_the_run_with_success(folder: Path, where: str) -> None:
    place = "from torch" if not where else "return features"
    leave = OWN.replace(place, f"raise SystemExit(0)\n{where}{place}", 1)
    (folder / "own.py").write_text(leave)
    spec = (folder / "small.yaml").read_text() + "plugins: [own.py]\n"
    spec = spec.replace("views: 2\n", "views: 2\n  objective: {name: own}\n")
    (folder / "own.yaml").write_text(spec)
    found = CliRunner().invoke(app, ["run", "own.yaml", "--out", "out", "--jobs", "1"])
    assert isinstance(found.exception, RncGraphError)
    assert "SystemExit" in str(found.exception)
    assert not (folder / "out" / "table.md").exists()


@pytest.mark.slow
def test_workers_run_what_was_read(folder: Path) -> None:
    """Whatever becomes of the file once the spec has been read."""
    _keys(folder, OWN)
    experiment = read_spec(folder / "own.yaml", seeds="1")
    run_and_write(experiment, folder / "out", execution=ExecutionConfig(jobs=2))
    assert "| own |" in (folder / "out" / "table.md").read_text()


@pytest.mark.slow
def test_a_file_edited_after_the_spec_was_read_is_named_as_it_is_run(folder: Path) -> None:
    before = set(_keys(folder, OWN).values())
    experiment = read_spec(folder / "own.yaml", seeds="1")
    edited = OWN + "# edited\n"
    (folder / "own.py").write_text(edited)
    run_and_write(experiment, folder / "out", execution=ExecutionConfig(jobs=2))
    stored = {path.name for path in (folder / "out" / "store").glob("run-*")}
    assert len(stored - before) == 1
    assert stored - before == {_keys(folder, edited)["own"]}


def test_a_class_that_forgets_to_be_a_module_is_told(folder: Path) -> None:
    code = OWN.replace("super().__init__()", "self.m = nn.ReLU()")
    with pytest.raises(
        RncGraphError, match="objective 'own': AttributeError: cannot assign module"
    ):
        _keys(folder, code)
    code = OWN.replace("class Own(nn.Module)", "class Own")
    with pytest.raises(RncGraphError, match=r"objective 'own': expected an nn\.Module, got a Own"):
        _keys(folder, code)


@pytest.mark.slow
def test_an_error_in_training_is_told_by_file_and_line(folder: Path) -> None:
    code = OWN.replace("features.square().mean()", "labels['x']")
    _keys(folder, code)
    line = 1 + code.splitlines().index(next(x for x in code.splitlines() if "labels['x']" in x))
    with pytest.raises(RncGraphError, match=rf"seed 0: \S+own\.py, line {line}: TypeError: "):
        run_and_write(read_spec(folder / "own.yaml", seeds="1"), folder / "out")


@pytest.mark.slow
@pytest.mark.parametrize("value", ["features.mean((1, 2))", "features.mean() / 0"])
def test_a_value_that_is_no_finite_number_is_told(folder: Path, value: str) -> None:
    code = OWN.replace("features.square().mean()", value)
    _keys(folder, code)
    experiment = read_spec(folder / "own.yaml", seeds="1")
    with pytest.raises(RncGraphError, match="loss Own: expected one finite number, got"):
        run_and_write(experiment, folder / "out")


def test_a_default_that_no_file_can_hold_is_refused(folder: Path) -> None:
    code = OWN.replace("power: int = 2", "power=nn.ReLU()")
    with pytest.raises(RncGraphError, match="objective 'own', option 'power': expected numbers"):
        _keys(folder, code)


def test_the_spec_names_the_module_that_cannot_be_loaded(folder: Path) -> None:
    (folder / "gone.yaml").write_text("plugins: [gone.py]\n" + (folder / "small.yaml").read_text())
    with pytest.raises(RncGraphError, match=r"gone\.yaml, line 1: plugins\S*: gone\.py: cannot be"):
        read_spec(folder / "gone.yaml")


def test_no_name_of_the_package_has_an_owner() -> None:
    assert all(set(r.owners.values()) <= {""} for r in (LOSSES, ENCODERS, LABEL_DISTANCES))


def test_results_remember_whether_a_plugins_split_is_by_seed(folder: Path) -> None:
    """A report loads no plugin; it corrects for overlap as the run did."""
    (folder / "mine.py").write_text(
        "from rnc_graph.data.splits import SPLITS\n"
        "@SPLITS.register('mine')\nclass Mine:\n    by_seed = False\n"
    )
    more = "plugins: [mine.py]\nsplits: {drawn: random, given: {splitter: {name: mine}}}\n"
    (folder / "small.yaml").write_text(more + (folder / "small.yaml").read_text())
    experiment = read_spec(folder / "small.yaml")
    write_text(folder / "spec.yaml", spec_text(experiment))
    finished(experiment, load_datasets(experiment), [], folder)
    remove_parts(read_plugin(folder / "mine.py").name)

    def by_seed() -> list[bool]:
        return [split.by_seed for split in open_outcome(folder).experiment.splits.values()]

    assert by_seed() == [True, False]
    # Of before it was stored.
    content = read_sealed(folder / RUNS, RUNS)
    del content["by_seed"], content["plugins"]
    write_text(folder / RUNS, sealed_text(content, RUNS))
    assert by_seed() == [True, True]


def test_results_of_another_plugin_are_not_shown_as_current(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    plugin = Path("mine.py")
    plugin.write_text("width = 1\n")
    (folder / "small.yaml").write_text("plugins: [mine.py]\n" + Path("small.yaml").read_text())
    experiment = read_spec(folder / "small.yaml")
    write_text(folder / "spec.yaml", spec_text(experiment))
    finished(experiment, load_datasets(experiment), [], folder, [read_plugin(plugin)])
    open_outcome(folder)
    plugin.write_text("width = 2\n")
    with pytest.raises(RncGraphError, match=r"plugin mine\.py: has changed since the runs"):
        open_outcome(folder)
    plugin.unlink()
    open_outcome(folder)
