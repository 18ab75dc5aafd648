"""The protocol in words says what was done, and no more."""

from pathlib import Path

import pytest

from rnc_graph.data.reading.strict import read_table
from rnc_graph.experiments import read_spec
from rnc_graph.metrics import REGRESSION
from rnc_graph.reporting.protocol import notes

PLAIN = (
    "Mean ± standard deviation over split seeds; random 80/10/10 splits by seed; targets "
    "standardized by the training set; the epoch was selected by validation MAE; the test set "
    "was touched once a run."
)


def _notes(folder: Path, more: str) -> list[str]:
    path = folder / "small.yaml"
    path.write_text(path.read_text() + more)
    experiment = read_spec(path)
    table = read_table(folder / "molecules.csv", "smiles", ["logS"], bounds=True)
    return notes(experiment, REGRESSION, {"molecules": table})


def test_a_plain_split(folder: Path):
    first, second, *_ = _notes(folder, "")
    assert first == PLAIN
    assert second.startswith("Δ")


def test_bounds_in_cells_are_told(folder: Path):
    with (folder / "molecules.csv").open("a") as file:
        file.write("CCO,>-3.0\n")
    assert _notes(folder, "")[1] == "molecules: bounds are learned, and in no error."


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (
            "{splitter: {name: scaffold}, train: 0.7, validation: 0.2}",
            "; scaffold 70/20/10 splits by seed; targets",
        ),
        ("{train_size: 0.25}", "by seed; 0.25 of the training set kept; targets"),
        ("{unseen: [0.0, 0.2]}", "; labels from quantile 0 to 0.2 in the test set alone; targets"),
        ("{label_noise: 0.4}", "; 0.4 of the training labels are permuted; targets"),
        (
            "{graph_noise: {mask_attributes: 0.1}}",
            "; the evaluated molecules altered (mask_attributes: 0.1); targets",
        ),
        ("{long_tail: {imbalance: 30}}", "; the training set thinned to a long tail at the high"),
    ],
)
def test_a_split_that_something_is_done_to(folder: Path, split: str, said: str):
    first, second, *_ = _notes(folder, f"split: {split}\n")
    assert said in first
    assert second.startswith("Δ")


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ("{}", "10 seeds of 80/10/10."),
        ("{train_size: 0.5}", "the whole one, before samples are left out of it."),
        ("{unseen: [0, 0.2]}", "the whole one, before samples are left out of it."),
    ],
)
def test_the_correction_for_overlap_says_which_sizes_it_takes(folder: Path, split: str, said: str):
    assert _notes(folder, f"split: {split}\n")[1].endswith(said)


def test_several_splits_are_told_one_by_one(folder: Path):
    first, second, *_ = _notes(
        folder, "splits: {all: {}, some: {train_size: 0.5}, far: {splitter: {name: scaffold}}}\n"
    )
    assert "splits by seed, as listed below; targets" in first
    assert second == (
        "Splits. all: random 80/10/10 splits by seed; no set changed. some: random 80/10/10 "
        "splits by seed; 0.5 of the training set kept. far: scaffold 80/10/10 splits by seed; no "
        "set changed."
    )


def test_of_many_splits_what_varies_is_told(folder: Path):
    sizes = ", ".join(f"{number / 20:g}" for number in range(1, 21))
    first, second, *_ = _notes(
        folder,
        f"split: {{unseen: [0.4, 0.6]}}\ngrid: {{train_size: [{sizes}], label_noise: [0, 0.2]}}\n",
    )
    assert first == PLAIN
    assert second == (
        "40 splits, which differ in: share of the training set kept (0.05, 0.1, 0.15, 0.2, 0.25, "
        "0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, and 8 more); share of the training labels that "
        "are permuted (0, 0.2). Of all: quantiles of the labels in the test set alone (0.4 to "
        "0.6)."
    )


@pytest.mark.parametrize(
    ("splitter", "said"),
    [
        ("{name: column, column: part}", "the split by column (column: part)"),
        ("{name: file, path: a.json}", "the split by file (path: a.json)"),
        ("{name: time, column: year}", "the time 80/10/10 split (column: year)"),
        ("{name: scaffold, order: size}", "the scaffold 80/10/10 split (order: size)"),
    ],
)
def test_a_split_that_the_data_decide_is_not_by_seed(folder: Path, splitter: str, said: str):
    first, second, *_ = _notes(folder, f"split: {{splitter: {splitter}}}\n")
    assert f"over seeds; {said}, the same for all seeds; targets" in first
    assert "The sets are the same for all seeds" in second
    assert "overlap" not in second


def test_the_orders_of_a_splitter_are_told_apart(folder: Path):
    _, second, third, *_ = _notes(
        folder,
        "splits: {a: {splitter: {name: scaffold}}, b: {splitter: {name: scaffold, order: size}}}\n",
    )
    assert second == (
        "Splits. a: scaffold 80/10/10 splits by seed; no set changed. b: the scaffold 80/10/10 "
        "split (order: size), the same for all seeds; no set changed."
    )
    assert "The splits by seed overlap" in third


IMAGES = """
name: small
data: {data}
seeds: 2
reference: plain
encoders: {{resnet8: {{}}}}
methods: [{{name: plain, pretraining: null}}]
"""
AGEDB = "{images: agedb, folder: faces}"


def _notes_of_images(folder: Path, data: str, more: str = "") -> list[str]:
    path = folder / "images.yaml"
    path.write_text(IMAGES.format(data=data) + more)
    return notes(read_spec(path), REGRESSION, {})


def test_published_and_drawn_splits_are_both_told(folder: Path):
    first, second, *_ = _notes_of_images(folder, f"[{{images: digits}}, {AGEDB}]")
    assert (
        "over split seeds; the split of agedb made by AgeDB-DIR's rule; of other data random "
        "80/10/10 splits by seed; targets" in first
    )
    assert "The splits by seed overlap" in second


def test_shares_are_not_told_where_all_splits_are_published(folder: Path):
    first, second, *_ = _notes_of_images(
        folder, AGEDB, "splits: {a: {}, b: {train: 0.7, validation: 0.2}}\n"
    )
    assert "over seeds; the split of agedb made by AgeDB-DIR's rule; targets" in first
    assert second.startswith("Δ")
