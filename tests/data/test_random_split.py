import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit.Chem import MolFromSmiles, MolToSmiles

from rnc_graph.data import MoleculeTable, SplitRecipe, random_split
from rnc_graph.errors import RncGraphError

ESOL = (0.8, 0.1, 0.1)


@given(
    rows=st.integers(30, 500),
    seed=st.integers(0, 2**32 - 1),
    shares=st.tuples(*[st.integers(2, 10)] * 3),
)
def test_the_parts_are_disjoint_and_complete(
    rows: int, seed: int, shares: tuple[int, int, int]
) -> None:
    train, validation, test = (share / sum(shares) for share in shares)
    split = random_split(rows, seed, (train, validation, test))
    together = np.concatenate([split.train, split.validation, split.test])
    assert sorted(together.tolist()) == list(range(rows))
    assert len(split.validation) == round(validation * rows)
    assert len(split.test) == round(test * rows)
    again = random_split(rows, seed, (train, validation, test))
    assert np.array_equal(together, np.concatenate([again.train, again.validation, again.test]))


def test_another_seed_gives_another_split() -> None:
    tests = {tuple(sorted(random_split(1128, seed, ESOL).test)) for seed in range(5)}
    assert len(tests) == 5


@pytest.mark.slow
def test_each_molecule_is_as_likely_to_be_tested() -> None:
    rows, times = 20, 1000
    drawn = np.concatenate([random_split(rows, seed, ESOL).test for seed in range(times)])
    share = np.bincount(drawn, minlength=rows) / times
    assert abs(share - 0.1).max() < 4.5 * (0.1 * 0.9 / times) ** 0.5


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.2), (0.0, 0.5, 0.5), (1.1, -0.2, 0.1)])
def test_fractions_that_are_no_shares_are_refused(fractions: tuple[float, float, float]) -> None:
    with pytest.raises(RncGraphError, match="must sum to 1"):
        random_split(100, 0, fractions)


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_too_few_molecules_are_refused(rows: int) -> None:
    with pytest.raises(RncGraphError, match=f"{rows} different samples are too few"):
        random_split(rows, 0, ESOL)


def test_without_a_test_share_there_is_no_test_set() -> None:
    split = random_split(100, 0, (0.9, 0.1, 0.0))
    assert [len(index) for index in split.sets().values()] == [90, 10, 0]


@pytest.mark.parametrize("seed", range(10))
def test_no_molecule_of_esol_is_in_two_sets(esol: MoleculeTable, seed: int) -> None:
    """ESOL has 11 molecules in several rows; the split divides molecules, not rows."""
    canonical = [MolToSmiles(MolFromSmiles(smiles)) for smiles in esol.smiles]
    split = SplitRecipe().split(esol, seed)
    train, validation, test = (
        {canonical[row] for row in index.tolist()}
        for index in (split.train, split.validation, split.test)
    )
    assert len(set(canonical)) < len(canonical)
    assert len(train & test) == len(validation & test) == len(train & validation) == 0
    assert len(split.train) + len(split.validation) + len(split.test) == len(esol)
