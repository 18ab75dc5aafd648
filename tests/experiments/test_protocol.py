"""The protocol in words says what was done, and no more."""

from pathlib import Path

import pytest

from rnc_graph.evaluation import MEASURED
from rnc_graph.experiments import read_spec
from rnc_graph.experiments.protocol import notes

PLAIN = (
    "Mean ± standard deviation over split seeds; random 80/10/10 splits by seed; targets "
    "standardised by the training part; the epoch was selected by validation MAE; the test part "
    "was touched once a run."
)


def _notes(folder: Path, more: str) -> list[str]:
    path = folder / "small.yaml"
    path.write_text(path.read_text() + more)
    return notes(read_spec(path), [MEASURED])


def test_a_plain_split(folder: Path):
    assert _notes(folder, "")[0] == PLAIN


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (
            "{splitter: {name: scaffold}, train: 0.7, validation: 0.2}",
            "; scaffold 70/20/10 splits by seed; targets",
        ),
        ("{train_size: 0.25}", "by seed; 0.25 of the training part kept; targets"),
        ("{unseen: [0.0, 0.2]}", "; labels from quantile 0 to 0.2 in the test part alone; targets"),
        ("{label_noise: 0.4}", "; 0.4 of the training labels change places; targets"),
        (
            "{graph_noise: {mask_attributes: 0.1}}",
            "; the evaluated molecules altered (mask_attributes: 0.1); targets",
        ),
        ("{long_tail: {imbalance: 30}}", "; the training part thinned to a long tail at the high"),
    ],
)
def test_a_split_that_something_is_done_to(folder: Path, split: str, said: str):
    first, second, *_ = _notes(folder, f"split: {split}\n")
    assert said in first
    assert second.startswith("Δ")


def test_several_splits_are_told_one_by_one(folder: Path):
    first, second, *_ = _notes(
        folder, "splits: {all: {}, some: {train_size: 0.5}, far: {splitter: {name: scaffold}}}\n"
    )
    assert "splits by seed, as told below; targets" in first
    assert second == (
        "Splits. all: random 80/10/10 splits by seed; no part changed. some: random 80/10/10 "
        "splits by seed; 0.5 of the training part kept. far: scaffold 80/10/10 splits by seed; no "
        "part changed."
    )


def test_many_splits_are_counted(folder: Path):
    sizes = ", ".join(f"{number / 20:g}" for number in range(1, 21))
    _, second, *_ = _notes(folder, f"grid: {{train_size: [{sizes}]}}\n")
    assert second.count("of the training part kept") == 12
    assert second.endswith(" And 8 more, in spec.yaml.")
