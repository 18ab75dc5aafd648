"""Targets that are classes, in experiments: scores, tables, figures, the report."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import read_spec
from rnc_graph.experiments.run import setup_experiment
from rnc_graph.reporting.report import write_report
from tests.run_and_write import run_and_write
from tests.show_report import packed_data, unpack

SPEC = """
name: shades
data:
  images: folder
  folder: shades
  size: 12
  gray: true
  hierarchy: {dark: [black, dim], light: [pale, white]}
seeds: 2
reference: plain
split: {long_tail: {imbalance: 4, many: 8, few: 4}}
representation: {ood: {images: digits, size: 12}}
encoders:
  resnet8: {width: 4, in_channels: 1}
pretraining:
  epochs: 2
  batch_size: 16
  objective: {name: supcon, bins: classes}
  augmentation: {flip: 0.5}
regression: {epochs: 8, batch_size: 16, head_loss: cross-entropy, learning_rate: 1.0e-2}
methods:
  - {name: plain, pretraining: null}
  - {name: frozen, regression: {freeze: true, balanced: true}}
  - name: ranks
    pretraining: {objective: {name: rince, hierarchy: [[0, 0, 1, 1]], queue_size: 16}}
  - {name: views, pretraining: {objective: {name: simclr}}}
baselines: [mean]
"""


@pytest.fixture
def shades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four shades of gray, sixteen images each to learn from and six to test on."""
    draw = np.random.default_rng(0)
    for part, count in (("train", 16), ("test", 6)):
        for shade, name in enumerate(("black", "dim", "pale", "white")):
            folder = tmp_path / "shades" / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = draw.normal(20 + 70 * shade, 12, (12, 12)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    (tmp_path / "shades.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_classes_from_folders_to_the_report(shades: Path):
    experiment = read_spec(shades / "shades.yaml")
    outcome = run_and_write(experiment, shades / "out", command="a command", figures=True)
    (table,) = outcome.tables
    rows = {row.name: row for row in table.rows}
    error = rows["plain"].summaries["test", "share", "error"]
    assert error.mean < 0.5 < rows["mean"].summaries["test", "share", "error"].mean
    measures = rows["ranks"].further_metrics
    assert measures["accuracy"].mean == pytest.approx(
        1 - rows["ranks"].summaries["test", "share", "error"].mean
    )
    assert {"accuracy_many", "accuracy_few", "recall_1_coarse", "ood_knn_auroc"} <= measures.keys()
    text = (shades / "out" / "table.md").read_text()
    assert "share of wrong classes" in text
    assert "standardized" not in text
    predictions = pd.read_csv(shades / "out" / "predictions.csv.gz")
    assert ((predictions["measured"] == "white") & (predictions["predicted"] == "white")).any()
    assert "validation error" in text
    assert (shades / "out" / "confusion_resnet8.png").exists()
    write_report(shades / "out")
    page = (shades / "out" / "report.html").read_text()
    payload = unpack(packed_data(page))
    (detail,) = payload["details"].values()
    assert np.sum(detail["points"][0]["confusion"]) == 2 * 24
    pictures = [sample["picture"] for sample in payload["samples"]["shades"].values()]
    assert len(pictures) == 24
    assert all(picture.startswith("<img") for picture in pictures)


@pytest.mark.slow
def test_equal_seeds_give_equal_files(shades: Path):
    experiment = read_spec(shades / "shades.yaml", seeds="1")
    for name in ("one", "two"):
        run_and_write(experiment, shades / name, command="a command", figures=True)
    files = [
        {path.name: path.read_bytes() for path in (shades / name).iterdir() if path.is_file()}
        for name in ("one", "two")
    ]
    assert files[0] == files[1]


@pytest.mark.slow
def test_out_of_distribution_images_may_be_a_folder(shades: Path):
    """Those that are in the set itself are left out."""
    elsewhere = shades / "elsewhere" / "stripes"
    elsewhere.mkdir(parents=True)
    for number in range(4):
        pixels = np.full((12, 12), 255, np.uint8)
        pixels[:: number + 2] = 0
        Image.fromarray(pixels).save(elsewhere / f"{number}.png")
    shutil.copy(shades / "shades" / "test" / "dim" / "0.png", elsewhere / "own.png")
    text = (shades / "shades.yaml").read_text()
    ood = "{images: folder, folder: elsewhere, size: 12, gray: true}"
    (shades / "shades.yaml").write_text(text.replace("{images: digits, size: 12}", ood))
    experiment = read_spec(shades / "shades.yaml", seeds="1")
    only = experiment.model_copy(update={"methods": experiment.methods[:1]})
    (table,) = run_and_write(only, shades / "out").tables
    assert "ood_knn_auroc" in table.rows[0].further_metrics
    (loaded,) = setup_experiment(only).datasets.ood_stores().values()
    assert len(loaded) == 4


def test_a_set_is_not_out_of_its_own_distribution(shades: Path):
    text = (shades / "shades.yaml").read_text()
    ood = "{images: folder, folder: shades/test, size: 12, gray: true}"
    (shades / "shades.yaml").write_text(text.replace("{images: digits, size: 12}", ood))
    with pytest.raises(RncGraphError, match="'shades/test' has 0 images that the data sets lack"):
        setup_experiment(read_spec(shades / "shades.yaml"))


def test_another_hierarchy_makes_other_runs_where_it_is_measured_by(shades: Path):
    def keys(text: str) -> set[str]:
        (shades / "other.yaml").write_text(text)
        return {run.task.key for run in setup_experiment(read_spec(shades / "other.yaml")).planned}

    groups = ("dark: [black, dim], light: [pale, white]", "all: [black, dim, pale, white]")
    same = keys(SPEC) & keys(SPEC.replace(*groups))
    assert same == {key for key in keys(SPEC) if key.startswith("baseline")}
    unmeasured = SPEC.replace("representation: {ood: {images: digits, size: 12}}\n", "")
    assert keys(unmeasured) == keys(unmeasured.replace(*groups))


@pytest.mark.slow
def test_sets_of_one_image_are_scored(shades: Path):
    """Nothing is told by them, and nothing fails after the training."""
    for part in ("train", "test"):
        for folder in (shades / "shades" / part).iterdir():
            for path in sorted(folder.iterdir())[6 if part == "train" else 1 :]:
                path.unlink()
    for folder in sorted((shades / "shades" / "test").iterdir())[1:]:
        shutil.rmtree(folder)
    text = SPEC.replace("representation: {ood: {images: digits, size: 12}}\n", "").replace(
        "split: {long_tail: {imbalance: 4, many: 8, few: 4}}\n", ""
    )
    (shades / "shades.yaml").write_text(text)
    experiment = read_spec(shades / "shades.yaml", seeds="1")
    only = experiment.model_copy(update={"methods": experiment.methods[:1]})
    (table,) = run_and_write(only, shades / "out").tables
    assert table.rows[0].summaries["test", "share", "error"].mean in (0, 1)


def test_every_method_is_checked_before_training(shades: Path):
    """The second one of a kind, too."""
    text = SPEC.replace("methods:\n", "methods:\n  - {name: first, pretraining: null}\n", 1)
    wrong = "  - {name: second, pretraining: null, regression: {head_loss: l1}}\n"
    lines = text.splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if "name: first" in line)
    (shades / "wrong.yaml").write_text("".join([*lines[: at + 1], wrong, *lines[at + 1 :]]))
    with pytest.raises(
        RncGraphError, match=r"method 'second', regression\.head_loss: .*, got 'l1'"
    ):
        run_and_write(read_spec(shades / "wrong.yaml"), shades / "out")
    assert not list((shades / "out").glob("store/run*"))


def test_a_set_without_a_test_part_is_refused(shades: Path):
    (shades / "shades" / "test").rename(shades / "shades" / "val")
    with pytest.raises(RncGraphError, match="the published split has no test set"):
        run_and_write(read_spec(shades / "shades.yaml"), shades / "out")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "cross-entropy",
            "l1",
            "regression.head_loss: expected cross-entropy for the classes of .*, got 'l1'",
        ),
        ("bins: classes", "bins: 10", "whose numbers are no quantities; give bins: classes"),
        ("{name: supcon, bins: classes}", "{name: rnc}", "'rnc'.* no quantities; take supcon"),
        ("[[0, 0, 1, 1]]", "[[0, 0, 1]]", "objective 'rince'"),
        ("{images: digits, size: 12}", "{images: digits, size: 28}", r"ood: .* \(1, 28, 28\)"),
        ("dark: [black, dim]", "dark: [black]", "'dim' is in none of dark, light"),
        (
            "long_tail: {imbalance: 4, many: 8, few: 4}",
            "unseen: [0.2, 0.4]",
            "unseen: expected measured targets",
        ),
    ],
)
def test_what_does_not_fit_classes(shades: Path, old: str, new: str, message: str):
    text = (shades / "shades.yaml").read_text()
    assert old in text
    (shades / "shades.yaml").write_text(text.replace(old, new, 1))
    experiment = read_spec(shades / "shades.yaml", seeds="1")
    with pytest.raises(RncGraphError, match=message):
        run_and_write(experiment, shades / "out")
    assert not (shades / "out" / "table.md").exists()


def test_cross_entropy_of_measured_targets_is_refused(folder: Path):
    text = (folder / "small.yaml").read_text()
    classes = text.replace("  epochs: 3\n", "  epochs: 3\n  head_loss: cross-entropy\n")
    (folder / "small.yaml").write_text(classes)
    experiment = read_spec(folder / "small.yaml")
    with pytest.raises(RncGraphError, match="expected l1, l2 or huber"):
        run_and_write(experiment, folder / "out")
