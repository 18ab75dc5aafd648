import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnc_graph.data import MoleculeTable
from rnc_graph.data.catalog import DatasetCard, NamedDataset
from rnc_graph.data.splits import Split
from rnc_graph.errors import RncGraphError

NONE = np.empty(0, dtype=np.int64)


def _dataset(rows: int, given_split: Split | None, cliff: np.ndarray | None = None) -> NamedDataset:
    card = DatasetCard(
        name="small",
        title="",
        rows=rows,
        smiles="smiles",
        targets=["y"],
        unit="",
        source="",
        license="",
    )
    table = MoleculeTable(
        "small", ["C" * (row + 1) for row in range(rows)], np.zeros((rows, 1)), ["y"]
    )
    return NamedDataset(card, table, given_split, {} if cliff is None else {"cliff": cliff})


@pytest.mark.slow
@given(
    st.integers(20, 60),
    st.floats(0.2, 0.5),
    st.floats(0.3, 0.7),
    st.integers(0, 5),
    st.booleans(),
)
def test_validation_is_carved_out_of_the_training_part(
    rows: int, test_share: float, cliff_share: float, seed: int, with_subset: bool
) -> None:
    test_rows = int(test_share * rows)
    parts = Split(np.arange(test_rows, rows), NONE, np.arange(test_rows))
    cliff = np.arange(rows) % 10 < 10 * cliff_share
    dataset = _dataset(rows, parts, cliff if with_subset else None)
    split = dataset.published_split(seed, validation=0.1)
    assert np.array_equal(split.test, parts.test)
    assert abs(len(split.validation) - 0.1 * rows) <= 1
    both = np.concatenate([split.train, split.validation])
    assert np.array_equal(np.sort(both), parts.train)
    again = dataset.published_split(seed, validation=0.1)
    assert np.array_equal(split.validation, again.validation)
    if with_subset:
        wanted = cliff[parts.train].mean() * len(split.validation)
        assert abs(cliff[split.validation].sum() - wanted) <= 1


def test_another_seed_carves_another_validation_part() -> None:
    dataset = _dataset(100, Split(np.arange(80), NONE, np.arange(80, 100)))
    first, second = (dataset.published_split(seed).validation for seed in (0, 1))
    assert set(first) != set(second)


def test_three_given_parts_stay_as_they_are() -> None:
    parts = Split(np.arange(6), np.arange(6, 8), np.arange(8, 10))
    split = _dataset(10, parts).published_split(seed=3)
    assert np.array_equal(split.train, parts.train)
    assert np.array_equal(split.validation, np.arange(6, 8))
    assert np.array_equal(split.test, parts.test)


@pytest.mark.parametrize(
    ("train", "test"), [([0, 1, 2], [2, 3]), ([0, 1], [3]), ([0, 1, 2], [3, 4])]
)
def test_parts_that_overlap_miss_or_exceed_rows_are_refused(
    train: list[int], test: list[int]
) -> None:
    with pytest.raises(RncGraphError, match="small: its published sets do not hold each of"):
        _dataset(4, Split(np.array(train), NONE, np.array(test)))


def test_a_validation_part_that_does_not_fit_is_refused() -> None:
    dataset = _dataset(10, Split(np.arange(8), NONE, np.arange(8, 10)))
    with pytest.raises(RncGraphError, match="does not fit into a training set of 8"):
        dataset.published_split(0, validation=0.9)


def test_no_validation_part_leaves_the_split_as_it_is() -> None:
    split = _dataset(10, Split(np.arange(8), NONE, np.arange(8, 10))).published_split(0, 0.0)
    assert split.train.tolist() == list(range(8))
    assert not len(split.validation)
