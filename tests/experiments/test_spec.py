import os
import re
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import read_spec
from rnc_graph.experiments.checks import check_methods
from rnc_graph.experiments.datasets import load_datasets
from rnc_graph.experiments.plan import plan, with_pretraining
from rnc_graph.experiments.spec.file import example_specs
from rnc_graph.experiments.spec.renamed_keys import renamed_keys
from rnc_graph.experiments.tasks import PretrainTask
from rnc_graph.files import resource_dir
from rnc_graph.yaml_files import Loader


@pytest.mark.parametrize("path", example_specs().values(), ids=lambda path: path.stem)
def test_every_shipped_spec_is_valid_and_plans(path: Path):
    experiment = read_spec(path)
    assert experiment.name == path.stem
    if path.stem.startswith("fashion") or path.parent.name == "published":
        return  # Their images are the user's; test_images.py and test_recipes.py make some.
    if path.stem == "many_sets" and not find_spec("MoleculeACE"):
        pytest.skip("needs the files of the package moleculeace")
    runs = plan(experiment, load_datasets(experiment))
    expected = sum(len(experiment.seeds[point.encoder]) for point in experiment.grid_points())
    seeds = {seed for of_encoder in experiment.seeds.values() for seed in of_encoder}
    for _, split in {(point.data, point.split) for point in experiment.grid_points()}:
        expected += len(experiment.baselines_on(split)) * len(seeds)
    assert len(runs) == expected


def test_checks_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    experiment = read_spec(resource_dir("experiments") / "depictions.yaml")
    check_methods(experiment, load_datasets(experiment))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_resolved_spec_reads_back_as_itself(folder: Path, experiment):
    again = folder / "again.yaml"
    again.write_text(yaml.safe_dump(experiment.model_dump(mode="json")))
    assert read_spec(again) == experiment


def test_plain_training_gets_the_epochs_of_both_stages(experiment):
    by_name = {method.name: method for method in experiment.methods}
    assert by_name["plain"].regression.epochs == 5
    assert by_name["tuned"].regression.epochs == 3
    assert by_name["tuned"].pretraining.epochs == 2
    assert by_name["joint"].regression.epochs == 5


def test_a_frozen_method_does_not_inherit_joint_training(folder: Path):
    path = folder / "small.yaml"
    joint = "epochs: 3\n  objective: {name: rnc}\n  objective_weight: 0.1"
    path.write_text(path.read_text().replace("epochs: 3", joint, 1))
    frozen = next(m for m in read_spec(path).methods if m.name == "frozen").regression
    assert (frozen.freeze, frozen.objective) == (True, None)


def test_rows_share_one_pretraining(experiment):
    tasks = with_pretraining(plan(experiment, load_datasets(experiment)))
    assert sum(isinstance(task, PretrainTask) for task in tasks.values()) == 2, "one a seed"


def test_esol_is_the_study():
    experiment = read_spec(resource_dir("experiments") / "esol.yaml")
    assert [method.name for method in experiment.methods] == [
        "normal-L1",
        "RnC(L1)+freeze",
        "RnC(L1)",
        "RnC(L2)",
        "RnC(Huber)",
        "L1+freeze",
        "L1, 25 epochs",
        "RnC(L1, 5 epochs)+freeze",
        "RnC(L1), 25 epochs",
    ]
    plain, frozen, *tuned = experiment.methods[:5]
    for method in experiment.methods[5:]:
        assert method.only == {"encoder": "gin-moses"}
    assert plain.pretraining is None
    assert frozen.regression.freeze
    assert [m.regression.head_loss for m in tuned] == ["l1", "l2", "huber"]
    for method in tuned:
        total = method.pretraining.epochs + method.regression.epochs
        assert total == plain.regression.epochs
    split = experiment.split
    assert (split.train, split.validation, split.test) == (0.8, 0.1, 0.1)


def test_an_encoder_with_weights_may_be_frozen_at_once(folder: Path):
    path = folder / "small.yaml"
    raw = yaml.safe_load(path.read_text())
    raw["encoders"] |= {"gin-moses": {}}
    frozen = {"name": "at once", "pretraining": None, "regression": {"freeze": True}}
    raw["methods"].append({**frozen, "only": {"encoder": "gin-moses"}})
    path.write_text(yaml.safe_dump(raw))
    assert read_spec(path).methods[-1].regression.freeze
    raw["methods"][-1] = frozen
    path.write_text(yaml.safe_dump(raw))
    with pytest.raises(RncGraphError, match="would freeze a random encoder, 'gcn'"):
        read_spec(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("regression:\n  epochs", "regression:\n  epoch", "line 13: regression.epoch: unknown key"),
        ("regression: {freeze", "regression: {freezes", "methods.1.regression.freezes: unknown"),
        ("seeds: 2", "seeds: 0", "seeds: expected how many, a list of them, or either by encoder"),
        (
            "seeds: 2",
            "seeds: -1",
            "line 4: seeds: expected how many, a list of them, or either by encoder, got -1",
        ),
        ("seeds: 2", "seeds: [1, 1]", "expected different seeds, got [1, 1]"),
        ("gcn: {hidden_dim", "gnn: {hidden_dim", "unknown encoder 'gnn'; known: gcn, gin, gin-"),
        ("hidden_dim: 8", "width: 8", "unknown option of encoder 'gcn': 'width'; known: dropout"),
        ("mask_attributes: 0.1", "mask: 0.1", "unknown augmentation 'mask'; known: blur"),
        ("mask_attributes: 0.1", "mask_attributes: 1.5", "in [0, 1), got 1.5"),
        ("name: rnc", "name: rank", "unknown objective 'rank'; known: attention-nce"),
        (
            "reference: plain",
            "reference: plane",
            "line 5: reference: 'plane' is none",
        ),
        ("reference: plain\n", "", "reference: is missing"),
        ("seeds: 2", "seedz: 2", "line 4: seedz: unknown key; known here: baselines, data"),
        ("seeds: 2", "seedz: 2", "split, splits, targets, title, tracking; did you mean 'seeds'?"),
        ("seeds: 2", "seeds: two", "line 4: seeds: expected how many, a list of them"),
        ("seeds: 2", "seeds: 2\ntracking: {wandbb: {}}", "tracking.wandbb: Input should be"),
        ("name: tuned", "name: plain", "methods.2.name: two methods share the name 'plain'"),
        (
            "baselines: [mean]",
            "baselines: [meen]",
            "baselines: unknown baseline 'meen'; known: extra-trees",
        ),
        ("epochs: 3", "epochs: three", "regression.epochs: Input should be a valid integer"),
        (
            "{freeze: true}",
            "{freeze: true, views: 2}",
            "so views, augmentation and objective have no effect",
        ),
        (
            "seeds: 2",
            "seeds: 2\nsplit: 0.8",
            "split: expected a mapping from keys to values, got 0.8",
        ),
        (
            "{freeze: true}",
            "{freeze: false}\n    pretraining: {objective: rnc}",
            "pretraining.objective: expected a mapping, such as {name: rnc}, got 'rnc'",
        ),
        ("name: small", "name: small\n  x: [", "is not YAML"),
        ("name: small", "- name: small", "is not YAML"),
        ("name: small", "name: small\n? [1, 2]\n: 3", "is not YAML: a key must be text"),
        ("name: small", "name: small\ntitle: 2024-13-45", "is not YAML: month must be in 1..12"),
        ("name: small", "name: small\nx: " + "[" * 3000, "is not YAML"),
    ],
)
def test_a_mistake_is_told_by_its_place(folder: Path, old: str, new: str, message: str):
    path = folder / "small.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(RncGraphError) as caught:
        read_spec(path)
    assert message in str(caught.value)
    assert "small.yaml" in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 8


def _keys(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each key and item of a file."""
    items = (
        node if isinstance(node, dict) else dict(enumerate(node if isinstance(node, list) else []))
    )
    for key, value in items.items():
        yield (*above, key)
        yield from _keys(value, (*above, key))


JUNK = [None, "x", [], {}, -1, [None], {"a": None}, True, float("nan")]


@pytest.mark.slow
@given(data=st.data())
@settings(deadline=None, max_examples=100)
def test_whatever_is_wrong_is_told_by_file_and_line(data: st.DataObject, every_axis: str):
    """A key renamed, left out, or with a value of another kind."""
    texts = [path.read_text() for path in example_specs().values()]
    raw = yaml.safe_load(data.draw(st.sampled_from([*texts, *[every_axis] * 5])))
    *above, last = data.draw(st.sampled_from(sorted(_keys(raw), key=str)))
    section = raw
    for key in above:
        section = section[key]
    how = data.draw(st.sampled_from(["renamed", "left out", *["junk"] * 4]))
    junk = data.draw(st.sampled_from(JUNK))
    if how == "junk":
        section[last] = junk
    else:
        value = section.pop(last)
        if how == "renamed" and isinstance(section, dict):
            section[f"{last}z"] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wrong.yaml"
        path.write_text(yaml.safe_dump(raw, sort_keys=False))
        try:
            read_spec(path)
        except RncGraphError as error:
            for line in str(error).splitlines():
                assert re.match(rf"{re.escape(str(path))}, line [0-9]+: |and [0-9]+ more$", line)


@pytest.fixture(scope="module")
def every_axis() -> str:
    return """
name: every-axis
data: esol
seeds: 2
reference: "plain, L1"
split: {long_tail: {imbalance: 3}}
splits: {extra: {train: 0.7, validation: 0.2, test: 0.1}}
encoders: {gcn: {hidden_dim: 8, layers: 1}}
pretraining: {epochs: 1, objective: {name: rnc}}
regression: {epochs: 2}
grid:
  objective: {none: null, RnC: {name: rnc}, supcon: {name: supcon}}
  temperature: [1.0, 2.0]
  head_loss: [l1, l2]
  freeze: [true, false]
  views: [2]
  augmentation: {mask: {mask_attributes: 0.1}, drop: {drop_atoms: 0.1}}
  split: {long: {train: 0.7, validation: 0.2, test: 0.1}, scaffold: {splitter: {name: scaffold}}}
  train_size: [0.5, 1.0]
  unseen: [[0.0, 0.2], [0.8, 1.0]]
  imbalance: [5, 10]
exclude: [{head_loss: l2, train_size: 0.5}]
include: [{objective: rince, head_loss: l1, train_size: 1.0}]
search: {method: "plain, L1", encoder: gcn, ranges: {encoder.layers: {choices: [1, 2]}}}
"""


def test_every_axis_reads(tmp_path: Path, every_axis: str):
    (tmp_path / "axes.yaml").write_text(every_axis)
    experiment = read_spec(tmp_path / "axes.yaml")
    assert len(experiment.splits) == 1 + 2 * 2 * 2 * 2


def test_a_value_on_an_axis_is_told_there(tmp_path: Path, every_axis: str):
    text = every_axis.replace("[0.0, 0.2]", "[0.2, 0.0]").replace("[1.0, 2.0]", "[-1.0, 2.0]")
    (tmp_path / "axes.yaml").write_text(text)
    with pytest.raises(RncGraphError) as told:
        read_spec(tmp_path / "axes.yaml")
    objective, unseen = sorted(str(told.value).splitlines())
    assert "line 12: grid.objective: temperature must be positive" in objective
    assert "line 20: grid.unseen: expected two rising quantiles" in unseen


def test_an_unknown_key_lists_the_known_ones(folder: Path):
    path = folder / "small.yaml"
    path.write_text(path.read_text().replace("  views: 2\n  aug", "  view: 2\n  aug"))
    with pytest.raises(RncGraphError, match=r"known here: .*projection_dim.*views"):
        read_spec(path)


@pytest.mark.parametrize("text", ["", "- 1", "just words"])
def test_a_file_that_is_no_spec(folder: Path, text: str):
    path = folder / "other.yaml"
    path.write_text(text)
    with pytest.raises(RncGraphError, match=r"other\.yaml"):
        read_spec(path)


def test_a_selection_is_a_spec_of_its_own(tmp_path: Path):
    """It leaves out what it does not run, reads back as itself, and is checked like any other."""
    whole = resource_dir("experiments") / "depictions.yaml"
    pictures = read_spec(whole, encoders=["resnet8"], seeds="1")
    assert all(point.encoder == "resnet8" for point in pictures.grid_points())
    assert {point.method.name for point in pictures.grid_points()} == {
        m.name for m in pictures.methods
    }
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(pictures.model_dump(mode="json")))
    assert read_spec(tmp_path / "again.yaml") == pictures
    with pytest.raises(
        RncGraphError, match=r"with these encoders.*reference: 'L1, pictures' is no"
    ):
        read_spec(whole, encoders=["gin"])
    with pytest.raises(RncGraphError, match="one_table: all encoders must have the same seeds"):
        read_spec(whole, seeds="gin=2,resnet8=1")


TWO = """
name: two
data: esol
seeds: 2
reference: a
encoders: {gin: {}, gcn: {}}
methods:
  - {name: a, pretraining: null}
  - {name: b, pretraining: null, only: {encoder: gcn}}
  - {name: c, pretraining: null, only: {encoder: [gin, gcn]}}
search: {method: a, encoder: gin, ranges: {regression.epochs: {low: 1, high: 2, whole: true}}}
"""


@pytest.mark.parametrize(
    ("exclude", "encoder", "methods", "search"),
    [
        ("[]", "gcn", ["a", "b", "c"], False),
        ("[]", "gin", ["a", "c"], True),
        ("[{encoder: gin, method: c}]", "gin", ["a"], True),
        ("[{encoder: gin, method: c}]", "gcn", ["a", "b", "c"], False),
        ("[{encoder: [gin, gcn], method: [b, c]}]", "gcn", ["a"], False),
    ],
)
def test_conditions_are_narrowed_to_a_selection(
    tmp_path: Path, exclude: str, encoder: str, methods: list[str], search: bool
):
    (tmp_path / "two.yaml").write_text(f"{TWO}exclude: {exclude}\n")
    found = read_spec(tmp_path / "two.yaml", encoders=[encoder])
    assert [method.name for method in found.methods] == methods
    assert (found.search is not None) == search


def test_an_exclusion_of_what_is_left_out_is_left_out_too(tmp_path: Path):
    (tmp_path / "grid.yaml").write_text(
        """
name: grid
data: esol
seeds: 1
reference: plain
encoders: {gin: {}, gcn: {}}
grid: {objective: {none: null, RnC: {name: rnc}, KCL: {name: kcl}}}
exclude:
  - {encoder: gin, objective: KCL}
  - {encoder: gcn, objective: [RnC, KCL]}
"""
    )
    found = read_spec(tmp_path / "grid.yaml", encoders=["gin"])
    assert [method.name for method in found.methods] == ["plain", "RnC"]
    assert found.exclude == []
    found = read_spec(tmp_path / "grid.yaml", encoders=["gcn"])
    assert [method.name for method in found.methods] == ["plain"]


def test_nothing_left_to_run_is_told(tmp_path: Path):
    (tmp_path / "two.yaml").write_text(f"{TWO}exclude: [{{encoder: gcn}}]\n")
    with pytest.raises(RncGraphError, match=r"two\.yaml, with these encoders and seeds: methods: "):
        read_spec(tmp_path / "two.yaml", encoders=["gcn"])


def test_of_many_mistakes_the_first_are_listed(folder: Path):
    path = folder / "small.yaml"
    keys = "".join(f"  key{number}: 1\n" for number in range(30))
    path.write_text(path.read_text().replace("regression:\n", f"regression:\n{keys}", 1))
    with pytest.raises(RncGraphError, match=r"key0: unknown key") as caught:
        read_spec(path)
    lines = str(caught.value).splitlines()
    assert re.fullmatch(r"and \d+ more", lines[-1])
    assert len(lines) == 21


def test_seeds_and_encoders_can_be_chosen(folder: Path):
    esol = resource_dir("experiments") / "esol.yaml"
    chosen = read_spec(esol, seeds="gin=2,mpnn=1", encoders=["gin", "mpnn"])
    assert chosen.seeds == {"gin": [0, 1], "mpnn": [0]}
    assert list(chosen.encoders) == ["gin", "mpnn"]
    assert read_spec(esol, seeds="4").seeds["gcn"] == [0, 1, 2, 3]
    for wrong in ("0", "-1", "x", "gin=", "gin=x", "1.5"):
        with pytest.raises(RncGraphError, match="--seeds"):
            read_spec(esol, seeds=wrong)
    with pytest.raises(
        RncGraphError, match="unknown encoder 'gat'; known: gcn, gin, gin-moses, mpnn"
    ):
        read_spec(esol, seeds="gat=3")
    with pytest.raises(RncGraphError, match="unknown encoder 'gat'"):
        read_spec(esol, encoders=["gat"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "pretraining: null",
            "pretraining: none",
            "methods.0.pretraining: expected a mapping",
        ),
        (
            "regression: {freeze: true}",
            "regression: freeze",
            "methods.1.regression: expected a mapping",
        ),
        ("seeds: 2", "seeds: 2\nseeds: 3", "duplicate key 'seeds'"),
        ("seeds: 2", "seeds: true", "seeds: expected how many"),
        ("seeds: 2", "seeds: [5000000000]", "should be less than 4294967296"),
        ("targets: [logS]", "targets: [logS, logS]", "data.0.targets: expected different columns"),
        ("seeds: 2", "seeds: 2\ntargets: [a, a]", "targets: expected different columns"),
        ("layers: 1", "layers: -1", "layers must be at least 1"),
        ("name: small", "name: ../small", "name: String should match pattern"),
        (
            "epochs: 3",
            "epochs: 3\n  learning_rate: .inf",
            "learning_rate: Input should be a finite",
        ),
        ("epochs: 3", "epochs: 3\n  head_hidden: [-4]", "head_hidden.0: Input should be greater"),
    ],
)
def test_nothing_odd_is_taken_in_silence(folder: Path, old: str, new: str, message: str):
    test_a_mistake_is_told_by_its_place(folder, old, new, message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds: 2", "seeds: 1000000000", "seeds.gcn: expected at most 10,000 seeds"),
        ("seeds: 2", "seeds: {gcn: 1000000000}", "seeds.gcn: expected at most 10,000 seeds"),
        ("layers: 1", "layers: 1000000000", "option 'layers': expected at most 100"),
        ("hidden_dim: 8", "hidden_dim: 1000000000", "'hidden_dim': expected at most 65,536"),
        ("hidden_dim: 8", "hidden_dim: 60000", "at most 500,000,000 parameters"),
        ("name: rnc}", "name: simclr, queue: 1000000000}", "'queue'"),
        ("epochs: 3", "epochs: 3\n  head_hidden: [1000000000]", "head_hidden.0: Input should be"),
        ("epochs: 3", "epochs: 1000000000", "epochs: Input should be less than"),
        ("views: 2\n", "views: 1000000000\n", "views: Input should be less than"),
        ("name: small", f"name: small\nx: {'[' * 90_000}", "expected at most 40 levels"),
        ("name: small", f"name: small\nx: {{a: {'[' * 99}{']' * 99}}}", "at most 40 levels"),
        ("name: small", f"name: small\nx: [{'1, ' * 30_000}]", "expected at most 20,000 values"),
        ("name: small", "name: small\nx: &x [*x]", "at most 40 levels, aliases written out"),
        ("name: small", f"name: small\n{'# long' * 50_000}", "expected at most 200,000 bytes"),
        (
            "name: small",
            "name: small\na0: &a0 [1, 2]\n"
            + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 10}]\n" for n in range(1, 12)),
            "at most 20,000 values, aliases written out",
        ),
        (
            "name: small",
            "name: small\na0: &a0 [1]\n"
            + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 2000)),
            "at most 40 levels, aliases written out",
        ),
        (
            "name: small",
            f"name: small\ngrid: {{temperature: {[n + 0.5 for n in range(99)]}, "
            f"views: {list(range(1, 99))}}}",
            "grid: expected at most 2,000 methods, got 9,702",
        ),
        (
            "name: small",
            f"name: small\ninclude: [{{temperature: {[n + 0.5 for n in range(99)]}, "
            f"views: {list(range(1, 99))}}}]",
            "include: expected at most 2,000 methods, got 9,702",
        ),
        (
            "name: small",
            f"name: small\ngrid: {{train_size: {[0.01 * n for n in range(1, 99)]}, "
            f"label_noise: {[0.01 * n for n in range(1, 99)]}}}",
            "grid: expected at most 1,000 splits, got 9,604",
        ),
        (
            "seeds: 2",
            f"seeds: 10000\ngrid: {{train_size: {[0.01 * n for n in range(1, 99)]}}}",
            "seeds: expected at most 200,000 runs, got 3,920,098",
        ),
    ],
)
def test_what_would_fill_memory_or_time_is_refused(folder: Path, old: str, new: str, message: str):
    test_a_mistake_is_told_by_its_place(folder, old, new, message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs: 3", "epochs: yes", "line 13: regression.epochs: expected a number, got true"),
        (
            "epochs: 3",
            "epochs: 3\n  head_hidden: [on]",
            "head_hidden: expected a number",
        ),
        ("seeds: 2", "seeds: {gcn: [no]}", "line 4: seeds: expected a number, got true or false"),
        ("seeds: 2", "seeds: 2\nsplit: {train: true}", "split.train: expected a number"),
        ("seeds: 2", "seeds: 1_0", "expected a decimal number or quoted text, got 1_0"),
        ("seeds: 2", "seeds: 012", "expected a decimal number or quoted text, got 012"),
        ("epochs: 3", "epochs: 1:30", "expected a decimal number or quoted text, got 1:30"),
        ("epochs: 3", "learning_rate: 00.5", "expected a decimal number or quoted text, got 00.5"),
    ],
)
def test_numbers_are_as_they_are_written(folder: Path, old: str, new: str, message: str):
    test_a_mistake_is_told_by_its_place(folder, old, new, message)


def test_a_spec_is_a_small_regular_file(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo.yaml")
    with (tmp_path / "sparse.yaml").open("wb") as file:
        file.truncate(40_000_000_000)
    for name, message in (
        ("fifo.yaml", "expected a regular file"),
        ("sparse.yaml", "expected at most 200,000 bytes, got 40,000,000,000"),
        ("", "expected a regular file"),
        ("none.yaml", "No such file"),
        ("nul\0.yaml", "cannot be read"),
    ):
        with pytest.raises(RncGraphError, match=message):
            read_spec(tmp_path / name)


def test_epochs_written_otherwise_count_too(folder: Path):
    path = folder / "small.yaml"
    path.write_text(path.read_text().replace("epochs: 2", "epochs: 2.0"))
    assert read_spec(path).methods[0].regression.epochs == 5


def test_without_a_stage_1_anywhere_epochs_are_what_they_say(folder: Path):
    path = folder / "small.yaml"
    text = path.read_text()
    start, end = text.index("  - name: frozen"), text.index("  - name: joint")
    path.write_text(text[:start] + text[end:])
    assert read_spec(path).methods[0].regression.epochs == 3


def _with_methods(folder: Path, methods: str, top: str = "") -> Path:
    path = folder / "methods.yaml"
    head = "name: methods\ndata: freesolv\nseeds: 1\nencoders: {gcn: {}}\nreference: L1\n"
    path.write_text(f"{head}{top}methods:\n{methods}")
    return path


def test_epochs_that_methods_have_of_their_own_count_for_plain_training(folder: Path):
    plain = "  - {name: L1, pretraining: null}\n"
    one = "  - {name: RnC, pretraining: {objective: {name: rnc}, epochs: 2}}\n"
    other = "  - {name: longer, pretraining: {epochs: 7}}\n"
    top = "regression: {epochs: 3}\n"
    assert read_spec(_with_methods(folder, plain + one, top)).methods[0].regression.epochs == 5
    with pytest.raises(RncGraphError, match="stage 1 have 5 or 10 in all"):
        read_spec(_with_methods(folder, plain + one + other, top))
    # Those at the top are the usual ones, whatever the others have.
    top += "pretraining: {epochs: 2}\n"
    for methods in (plain + one + other, plain + other):
        read = read_spec(_with_methods(folder, methods, top))
        assert read.methods[0].regression.epochs == 5


def test_an_objective_of_the_same_name_goes_on_from_the_one_at_the_top(folder: Path):
    top = "pretraining: {objective: {name: rnc, temperature: 2.0, label_diff: rank}}\n"
    methods = (
        "  - {name: L1, pretraining: null}\n"
        "  - {name: colder, pretraining: {objective: {name: rnc, temperature: 1.0}}}\n"
        "  - {name: other, pretraining: {objective: {name: supcon}}}\n"
    )
    _, colder, other = (
        m.pretraining for m in read_spec(_with_methods(folder, methods, top)).methods
    )
    assert colder.objective.given == {"temperature": 1.0, "label_diff": "rank"}
    assert other.objective.given == {}
    # Runs that were made before keep what they were made with.
    again = read_spec(_with_methods(folder, methods, top), finished=True).methods
    assert again[1].pretraining.objective.given == {"temperature": 1.0}


def test_other_seeds_go_on_from_the_spec_s_own(folder: Path):
    path = folder / "small.yaml"
    path.write_text(path.read_text().replace("seeds: 2", "seeds: [100, 101]"))
    assert read_spec(path, seeds="1").seeds == {"gcn": [100]}
    assert read_spec(path, seeds="3").seeds == {"gcn": [100, 101, 102]}


@pytest.mark.parametrize(
    ("split", "splitter", "train"),
    [
        ("scaffold", {"name": "scaffold"}, 0.8),
        ("published", {"name": "published"}, 0.8),
        ("{column: set}", {"name": "column", "column": "set"}, 0.8),
        ("{group: lab, train_size: 0.5}", {"name": "group", "column": "lab"}, 0.8),
        ("{time: {column: year, leaks: drop}}", None, 0.8),
        ("{butina: 0.4}", {"name": "butina", "cutoff": 0.4}, 0.8),
        ("{folds: 4}", {"name": "folds", "k": 4}, 0.65),
        ("{splitter: stratified}", {"name": "stratified"}, 0.8),
        ("{train: 0.6, test: 0.3}", None, 0.6),
    ],
)
def test_a_splitter_is_named_in_short(folder: Path, split: str, splitter: Any, train: float):
    path = folder / "small.yaml"
    path.write_text(f"split: {split}\n{path.read_text()}")
    experiment = read_spec(path)
    found = experiment.splits[""]
    assert found.train == pytest.approx(train)
    if splitter is not None:
        assert found.splitter.model_dump() == splitter
    again = folder / "again.yaml"
    again.write_text(yaml.safe_dump(experiment.model_dump(mode="json")))
    assert read_spec(again) == experiment


@pytest.mark.parametrize(
    "split",
    ["folds", "{folds: 5}", "{splitter: folds}", "{splitter: {name: folds, k: 5}}"],
)
def test_folds_have_the_same_shares_in_every_spelling(folder: Path, split: str):
    path = folder / "small.yaml"
    text = path.read_text()
    path.write_text(f"split: {split}\n{text}")
    found = read_spec(path).splits[""]
    assert (found.train, found.validation, found.test) == pytest.approx((0.7, 0.1, 0.2))
    grid = f"grid: {{split: [random, {split}]}}"
    path.write_text(f"split: {{train: 0.7, validation: 0.2}}\n{grid}\n{text}")
    drawn, folds = read_spec(path).splits.values()
    assert (folds.train, folds.validation, folds.test) == pytest.approx((0.6, 0.2, 0.2))
    assert drawn.splitter.name == "random"


def test_a_split_on_the_grid_may_have_no_splitter(folder: Path):
    path = folder / "small.yaml"
    path.write_text(f"grid: {{split: [{{splitter: null}}, scaffold]}}\n{path.read_text()}")
    assert [split.splitter is None for split in read_spec(path).splits.values()] == [True, False]


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("scafold", "split: unknown split 'scafold'; known: butina"),
        ("{scaffold: {}, butina: 0.4}", "two splitters, 'scaffold' and 'butina'"),
        ("{published: 3}", "leaks"),
        ("{folds: 1}", "split: expected 2 or more folds, got 1"),
        ("{splitter: {name: folds, k: 0}}", "split: expected 2 or more folds, got 0"),
        ("{folds: 5, validation: x}", "validation: Input should be a valid number"),
        ("{folds: 5, test: 0.1}", "split.test: expected none, or 0.2 as of these folds, got 0.1"),
        ("{folds: 4, train: 0.5}", "split.train: expected none, or 0.65 as of these folds"),
        ("{scafold: {}}", "split.scafold: unknown key; known here: axes"),
    ],
)
def test_a_wrong_splitter_is_told(folder: Path, split: str, message: str):
    path = folder / "small.yaml"
    path.write_text(f"split: {split}\n{path.read_text()}")
    with pytest.raises(RncGraphError, match=re.escape(message)):
        read_spec(path)


def test_old_keys_get_an_error_that_names_the_new_ones(folder: Path):
    path = folder / "small.yaml"
    text = path.read_text().replace("epochs: 3", "epochs: 3\n  optimiser: sgd")
    images = "{images: folder, folder: x, bad: refuse}"
    path.write_text(f"modules: []\n{text}representation: {{outside: {images}}}\n")
    with pytest.raises(RncGraphError) as caught:
        read_spec(path)
    lines = str(caught.value).splitlines()
    assert [line.partition("small.yaml, ")[2] for line in lines] == [
        "line 1: modules: is now called `plugins`",
        "line 15: regression.optimiser: is now called `optimizer`",
        "line 26: representation.outside: is now called `ood`",
        "line 26: representation.outside.bad: is now called `on_bad: raise`",
    ]


def test_names_of_the_user_are_no_old_keys(folder: Path):
    raw = yaml.safe_load((folder / "small.yaml").read_text())
    raw["splits"] = {"outside": "scaffold", "bad": {"label_noise": 0.5}}
    raw["encoders"]["own"] = {"class": "torch_geometric.nn.GraphSAGE", "modules": 3}
    raw["grid"] = {"objective": {"outside": {"name": "rnc"}}}
    raw["methods"][0]["only"] = {"split": "outside"}
    raw["data"] = {"pyg": "own.graphs", "arguments": {"bad": 1}}
    assert list(renamed_keys(raw)) == []
    raw["pretraining"]["augmentation"] = {"greyscale": 0.1}
    (found,) = renamed_keys(raw)
    assert found == (("pretraining", "augmentation", "greyscale"), "is now called `grayscale`")


def test_the_spec_of_finished_runs_is_read_without_running_its_plugins(folder: Path):
    path = folder / "small.yaml"
    text = path.read_text().replace("gcn: {hidden_dim: 8, layers: 1}", "mine: {width: 8}")
    path.write_text(f"plugins: [gone.py]\n{text.replace('name: rnc', 'name: mine')}")
    experiment = read_spec(path, finished=True)
    assert experiment.kind_of("mine") == "graphs"
    with pytest.raises(RncGraphError, match=r"gone\.py"):
        read_spec(path)


def test_yaml_that_is_merged_and_exponents_without_a_point() -> None:
    """The values of all releases of PyYAML: own keys first, then the first of a list."""
    text = (
        "a: &a {x: 1, weight: 1}\nouter: {b: &b {<<: *a, x: 2}}\nc: {<<: *b}\nd: 1e-3\n"
        "e: {<<: [{weight: 5, x: 5}, *a], x: 3}"
    )
    assert yaml.load(text, Loader) == {  # a SafeLoader
        "a": {"x": 1, "weight": 1},
        "outer": {"b": {"x": 2, "weight": 1}},
        "c": {"x": 2, "weight": 1},
        "d": 0.001,
        "e": {"x": 3, "weight": 5},
    }
    with pytest.raises(yaml.YAMLError, match="<<: expected a mapping or a list of them"):
        yaml.load("a: {<<: 1}", Loader)
