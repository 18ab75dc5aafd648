"""Images in experiments: AgeDB-shaped folders, drawn molecules, and what does not fit together."""

import gzip
import shutil
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import ExecutionConfig, example_spec, read_spec
from rnc_graph.experiments.progress import Progress
from rnc_graph.experiments.spec.quick import quick
from tests.run_and_write import command_line, contents, run_and_write

ARGUMENTS = ["run", "rnc_agedb.yaml", "--quick", "--seeds", "1", "--jobs", "2"]


@pytest.fixture
def agedb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with 200 faces, brighter with age, and the shipped spec."""
    faces = tmp_path / "data" / "AgeDB"
    faces.mkdir(parents=True)
    draw = np.random.default_rng(0)
    for number in range(200):
        age = int(draw.integers(20, 60))
        pixels = draw.normal(4 * age, 20, (40, 32, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(faces / f"{number}_Some_One_{age}_m.jpg")
    shutil.copy(example_spec("rnc_agedb"), tmp_path / "rnc_agedb.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_agedb_goes_on_to_the_same_table(agedb: Path):
    """With a narrow encoder of small images: the shipped one is trained by the next test."""
    text = (agedb / "rnc_agedb.yaml").read_text().replace("size: 224", "size: 32")
    narrow = text.replace("resnet18: {stem: imagenet, in_channels: 3}", "resnet8: {width: 8}")
    assert "resnet8" in narrow
    (agedb / "rnc_agedb.yaml").write_text(narrow)
    command_line(*ARGUMENTS, "--out", "whole")
    # What a run that was killed left: test_run.py kills one.
    stored = sorted((agedb / "whole" / "store").glob("[!.]*"))
    for path in (left := stored[::3]):
        shutil.copytree(path, agedb / "killed" / "store" / path.name)
    assert f"{len(left)} tasks done already" in command_line(*ARGUMENTS, "--out", "killed")
    assert contents(agedb / "killed") == contents(agedb / "whole")
    table = (agedb / "whole" / "table.md").read_text()
    assert "the split of agedb made by AgeDB-DIR's rule" in table
    assert "errors in years" in table


@pytest.mark.slow
def test_spoiled_images_are_refused_or_left_out_by_name(agedb: Path):
    faces = agedb / "data" / "AgeDB"
    (faces / "900_No_Age_m.jpg").write_bytes(b"")
    (faces / "901_Cor_Rupt_30_f.jpg").write_bytes(b"\xff\xd8broken")
    experiment = quick(read_spec(agedb / "rnc_agedb.yaml", seeds="1"))
    only = experiment.model_copy(update={"methods": experiment.methods[:1]})
    with pytest.raises(RncGraphError, match=r"900_No_Age_m\.jpg': expected a name ID_"):
        run_and_write(only, agedb / "out")
    assert not (agedb / "out").exists()
    skipping = only.model_copy(
        update={"data": [only.data[0].model_copy(update={"on_bad": "skip"})]}
    )
    said: list[str] = []
    outcome = run_and_write(skipping, agedb / "out", progress=Listener(said))
    assert "900_No_Age_m.jpg" in said[0]
    assert "901_Cor_Rupt_30_f.jpg" in said[0]
    assert len(outcome.outcome.tables["agedb"]) == 39


def test_a_missing_image_of_the_split_table_is_named(agedb: Path):
    table = agedb / "agedb.csv"
    table.write_text("age,path,split\n30,AgeDB/5000_Not_Here_30_m.jpg,train\n")
    data = {"images": "agedb", "folder": "data/AgeDB", "split_table": "agedb.csv"}
    text = (agedb / "rnc_agedb.yaml").read_text()
    spec = text.replace("data: {images: agedb, folder: data/AgeDB, size: 224}", f"data: {data}")
    (agedb / "rnc_agedb.yaml").write_text(spec)
    with pytest.raises(RncGraphError, match=r"5000_Not_Here_30_m\.jpg.*is missing"):
        run_and_write(read_spec(agedb / "rnc_agedb.yaml"), agedb / "out")


def test_without_the_images_the_way_to_them_is_told(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RncGraphError, match="authors give the password on request"):
        run_and_write(read_spec(example_spec("rnc_agedb")), tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["depictions", "digits"])
def test_shipped_images_made_quick(tmp_path: Path, name: str):
    experiment = quick(read_spec(example_spec(name), seeds="1"))
    outcome = run_and_write(experiment, tmp_path / "out", execution=ExecutionConfig(jobs=2))
    (table,) = outcome.tables
    assert [row.name for row in table.rows if not row.baseline] == [
        method.name for method in experiment.methods
    ]
    assert len(pd.read_csv(tmp_path / "out" / "predictions.csv.gz")) > 50


def write_idx(path: Path, numbers: np.ndarray) -> None:
    """Write uint8 numbers as the authors of Fashion-MNIST do."""
    header = struct.pack(f">HBB{numbers.ndim}I", 0, 8, numbers.ndim, *numbers.shape)
    path.write_bytes(gzip.compress(header + numbers.tobytes()))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fashion_long_tail", "fashion_hierarchy", "fashion_views"])
def test_shipped_clothes_made_quick(tmp_path: Path, name: str):
    draw = np.random.default_rng(0)
    for part, count in (("train", 400), ("t10k", 100)):
        labels = np.arange(count, dtype=np.uint8) % 10
        pixels = draw.integers(0, 40, (count, 28, 28)) + 20 * labels[:, None, None]
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", pixels.astype(np.uint8))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", labels)
    experiment = quick(read_spec(example_spec(name), seeds="1"))
    data = [experiment.data[0].model_copy(update={"folder": tmp_path})]
    outcome = run_and_write(experiment.model_copy(update={"data": data}), tmp_path / "out")
    (table,) = outcome.tables
    methods = {row.name for row in table.rows if not row.baseline}
    assert methods == {method.name for method in experiment.methods}
    assert all("accuracy" in row.further_metrics for row in table.rows)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "images: digits",
            "images: letters",
            "data.0: expected images to be one of agedb, cifar10",
        ),
        ("size: 32", "size: big", "data.0.size: Input should be a valid integer"),
        ("size: 32", "height: 32", "data.0.height: unknown key; known here: angle_seed"),
        (
            "  resnet8: {width: 16, in_channels: 1}",
            "  gin: {}",
            "encoders.gin: it takes graphs, and 'digits' is of images",
        ),
        (
            "augmentation: {random_resized_crop: {scale: [0.7, 1.0]}}",
            "augmentation: {mask_attributes: 0.1}",
            "'mask_attributes' alters graphs, and encoder 'resnet8' takes images",
        ),
        (
            "scale: [0.7, 1.0]",
            "scale: [0.7, 1.5]",
            "scale of RandomResizedCrop: expected its smallest and largest value",
        ),
        (
            "{random_resized_crop: {scale: [0.7, 1.0]}}",
            "{flip: often}",
            "expected a number, or options by name",
        ),
        (
            "baselines: [mean]",
            "baselines: [svr]",
            "unknown baseline of samples without SMILES 'svr'; known: mean",
        ),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, old: str, new: str, message: str):
    text = example_spec("digits").read_text()
    assert old in text
    (tmp_path / "digits.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(RncGraphError) as caught:
        read_spec(tmp_path / "digits.yaml")
    assert message in str(caught.value)


def test_channels_that_differ_are_told_before_training(tmp_path: Path):
    text = example_spec("digits").read_text().replace("in_channels: 1", "in_channels: 3")
    (tmp_path / "digits.yaml").write_text(text)
    with pytest.raises(
        RncGraphError, match=r"encoders\.resnet8\.in_channels: expected 1, .*, got 3"
    ):
        run_and_write(read_spec(tmp_path / "digits.yaml"), tmp_path / "out")


def test_a_table_of_two_encoders_needs_methods_of_their_own(tmp_path: Path):
    text = example_spec("depictions").read_text()
    (tmp_path / "shared.yaml").write_text(text.replace("    only: {encoder: gin}\n", "", 1))
    with pytest.raises(RncGraphError, match="one_table: method 'L1, graphs' is run with"):
        read_spec(tmp_path / "shared.yaml")


class Listener(Progress):
    """Keeps what is said."""

    def __init__(self, said: list[str]) -> None:
        self.said = said

    def say(self, message: str) -> None:
        self.said.append(message)
