"""The specs of published recipes, run with --quick on small sets in the layouts they expect."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import example_spec, read_spec, run_experiment
from rnc_graph.experiments.spec.quick import quick
from rnc_graph.files import resource_dir
from rnc_graph.vision import CIFAR100_SUPERCLASSES, superclass_of
from tests.run_and_write import run_and_write
from tests.vision.conftest import write_image
from tests.vision.torchvision_sets import (
    CIFAR100_CLASSES,
    write_cifar10,
    write_cifar100,
    write_stl10,
)

RECIPES = [path.stem for path in sorted((resource_dir("experiments") / "published").glob("*.yaml"))]


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


def write_faces(patch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        write_image(Path(f"data/AgeDB/{number}_Some_Body_{20 + number % 4}_f.jpg"), seed=number)


def write_imdb_wiki(patch: pytest.MonkeyPatch) -> None:
    write_table(Path("data/IMDB-WIKI"), "imdb_wiki.csv", "age")


def write_skyfinder(patch: pytest.MonkeyPatch) -> None:
    write_table(Path("data/SkyFinder"), "skyfinder.csv", "temperature")


def write_classes(folder: Path, classes: int, count: int = 3, seed: int = 0) -> list[str]:
    """Write ``count`` images a class, and return the classes' names."""
    names = [f"n{number:08d}" for number in range(classes)]
    for number, name in enumerate(names):
        for image in range(count):
            write_image(folder / name / f"{image}.JPEG", seed=seed + 10 * number + image)
    return names


def write_imagenet_lt(patch: pytest.MonkeyPatch) -> None:
    """The lists of three classes, 8, 4 and 2 training images."""
    folder = Path("data/ImageNet")
    for subset, counts in (("train", (8, 4, 2)), ("val", (2, 2, 2)), ("test", (2, 2, 2))):
        names = write_classes(folder / subset, 3, max(counts))
        lines = [
            f"{subset}/{names[label]}/{image}.JPEG {label}"
            for label, count in enumerate(counts)
            for image in range(count)
        ]
        (folder / f"ImageNet_LT_{subset}.txt").write_text("\n".join(lines) + "\n")


def write_imagenet100(patch: pytest.MonkeyPatch) -> None:
    folder = Path("data/ImageNet-100")
    names = write_classes(folder / "train", 4, 5)
    write_classes(folder / "test", 4, seed=500)
    write_classes(Path("data/ImageNet-100-others"), 2, 4, seed=1000)
    rows = [",".join(["", *names])]
    for number, name in enumerate(names):
        near = [f"{1 - 0.3 * abs(number - other):.2f}" for other in range(len(names))]
        rows.append(",".join([name, *near]))
    (folder / "similarity.csv").write_text("\n".join(rows) + "\n")


def write_cifar(patch: pytest.MonkeyPatch) -> None:
    Path("data").mkdir()
    write_cifar10(Path("data"), patch)
    write_cifar100(Path("data"), patch, train=40, test=20)


def write_small_sets(patch: pytest.MonkeyPatch) -> None:
    write_cifar(patch)
    write_stl10(Path("data"), patch, train=tuple(range(1, 11)) * 2, test=tuple(range(1, 11)))


NARROW = {"resnet8": {"width": 4}}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "write", "encoder", "expected"),
    [
        ("rnc_agedb", write_faces, None, "the split of agedb made by AgeDB-DIR's rule"),
        ("rnc_imdb_wiki", write_imdb_wiki, NARROW, "the split of imdb_wiki that its table gives"),
        ("rnc_skyfinder", write_skyfinder, NARROW, "errors in °C"),
        ("rince_cifar100", write_cifar, NARROW, "mAP, coarse"),
        ("rince_imagenet100", write_imagenet100, NARROW, "Out-of-distribution set: ImageNet-100-"),
        ("tsc_cifar100_lt", write_cifar, NARROW, "thinned to a long tail, 100 to 1"),
        ("tsc_imagenet_lt", write_imagenet_lt, NARROW, "classes as they are (more than 100"),
        ("attention_nce", write_small_sets, NARROW, "the split that stl10 comes with"),
    ],
)
def test_a_recipe_made_quick(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    write: Callable[[pytest.MonkeyPatch], None],
    encoder: dict[str, Any] | None,
    expected: str,
):
    """With a narrow encoder for most: on one core the shipped ones take long."""
    monkeypatch.chdir(tmp_path)
    write(monkeypatch)
    experiment = quick(read_spec(example_spec(name), seeds="1"))
    if encoder is not None:
        seeds = {only: [0] for only in encoder}
        experiment = experiment.model_copy(update={"encoders": encoder, "seeds": seeds})
    run_and_write(experiment, Path("out"))
    table = Path("out", "table.md").read_text()
    assert expected in table
    for method in experiment.methods:
        assert f"| {method.name} |" in table


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_missing_is_named_and_how_to_get_it(tmp_path: Path, monkeypatch, name: str):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RncGraphError, match=r"https://"):
        run_experiment(read_spec(example_spec(name)), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_rince_has_the_superclasses_of_cifar100():
    groups = superclass_of(CIFAR100_CLASSES, CIFAR100_SUPERCLASSES).tolist()
    methods = read_spec(example_spec("rince_cifar100")).methods
    objectives = [m.pretraining.objective for m in methods if m.name.startswith("RINCE")]
    assert len(objectives) == 3
    assert all(objective.model_extra["hierarchy"] == [groups] for objective in objectives)


def test_a_long_tail_that_is_there_already_is_of_classes(tmp_path: Path):
    text = example_spec("digits").read_text() + "split: {long_tail: {many: 20, few: 5}}\n"
    (tmp_path / "digits.yaml").write_text(text)
    with pytest.raises(RncGraphError, match=r"long_tail: expected imbalance for the continuous"):
        run_experiment(read_spec(tmp_path / "digits.yaml"), tmp_path / "out")
