"""Every splitter: three parts, no molecule in two of them, the same for the same seed."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnc_graph.data import MoleculeTable, SplitRecipe, random_split
from rnc_graph.data.duplicates import find_duplicates, merge_duplicates
from rnc_graph.data.smiles import canonical_smiles
from rnc_graph.data.splits import (
    PUBLISHED,
    SPLITS,
    Split,
    SplitSamples,
    folds,
    load_split,
    save_split,
)
from rnc_graph.data.splits.chemical import murcko_scaffold
from rnc_graph.errors import BadValueError, RncGraphError

FRACTIONS = (0.8, 0.1, 0.1)
OPTIONS: dict[str, dict[str, Any]] = {
    "random": {},
    "stratified": {"bins": 4},
    "scaffold": {},
    "butina": {},
    "group": {"column": "lab"},
    "time": {"column": "year", "leaks": "drop"},
    "folds": {"k": 10},
}


def _molecules(canonical: list[str], **columns: list[str]) -> SplitSamples:
    targets = np.array([[float(len(text))] for text in canonical])
    targets[::7] = np.nan
    rows = np.arange(len(canonical)) * 2 + 1
    return SplitSamples("mine", canonical, targets, columns, rows)


@pytest.fixture(scope="module")
def molecules(esol: MoleculeTable) -> SplitSamples:
    chosen = [*esol.smiles[:180], *esol.smiles[:20]]  # Twenty molecules twice.
    return _molecules(
        [canonical_smiles(text) for text in chosen],
        lab=[f"lab {row % 17}" if row % 3 else "" for row in range(200)],
        year=[str(2000 + row % 23) for row in range(200)],
    )


def _parts(split: Split) -> list[list[int]]:
    return [part.tolist() for part in (split.train, split.validation, split.test)]


def _assert_no_leak(split: Split, molecules: SplitSamples) -> None:
    parts = _parts(split)
    rows = [row for part in parts for row in part]
    assert len(set(rows)) == len(rows)
    structures = [{molecules.keys[row] for row in part} for part in parts]
    assert not structures[0] & structures[1]
    assert not structures[0] & structures[2]
    assert not structures[1] & structures[2]


@pytest.mark.parametrize("test_share", [0.1, 0.0])
@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_the_parts_are_whole_and_repeatable(
    molecules: SplitSamples, name: str, test_share: float
) -> None:
    fractions = (0.9 - test_share, 0.1, test_share)
    splitter = SPLITS.make(name, **OPTIONS[name])
    split = splitter.split(molecules, 3, fractions)
    _assert_no_leak(split, molecules)
    sizes = [len(part) for part in _parts(split)]
    if name == "folds":  # Which have a test set of 1 / k always.
        test_share = 0.1
    if name != "time":
        assert sum(sizes) == 200
        assert abs(sizes[1] - 20) <= 6
        assert abs(sizes[2] - 200 * test_share) <= 6
    assert bool(sizes[2]) == bool(test_share)
    assert _parts(splitter.split(molecules, 3, fractions)) == _parts(split)
    if name not in ("time",):
        assert _parts(splitter.split(molecules, 4, fractions)) != _parts(split)


@pytest.mark.parametrize("test_share", [0.1, 0.0])
@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_there_may_be_no_validation_set(
    molecules: SplitSamples, name: str, test_share: float
) -> None:
    splitter = SPLITS.make(name, **OPTIONS[name])
    split = splitter.split(molecules, 3, (1 - test_share, 0.0, test_share))
    _assert_no_leak(split, molecules)
    assert len(split.validation) == 0
    test_share = 0.1 if name == "folds" else test_share
    assert len(split.train) > 150
    assert bool(len(split.test)) == bool(test_share)


def test_a_random_test_set_is_the_same_without_a_validation_set(molecules: SplitSamples) -> None:
    random = SPLITS.make("random")
    with_one = random.split(molecules, 3, (0.8, 0.1, 0.1))
    without = random.split(molecules, 3, (0.9, 0.0, 0.1))
    np.testing.assert_array_equal(with_one.test, without.test)
    assert sorted([*with_one.train, *with_one.validation]) == sorted(without.train)


@settings(max_examples=60)
@given(
    copies=st.lists(st.integers(0, 40), min_size=60, max_size=120),
    seed=st.integers(0, 10_000),
    name=st.sampled_from(["random", "stratified"]),
)
def test_no_molecule_is_in_two_parts(copies: list[int], seed: int, name: str) -> None:
    molecules = _molecules(["C" * (1 + number) for number in copies])
    if len(set(copies)) < 20:
        return
    split = SPLITS.make(name).split(molecules, seed, (0.6, 0.2, 0.2))
    _assert_no_leak(split, molecules)
    assert sum(map(len, _parts(split))) == len(copies)


def test_random_is_random_split() -> None:
    molecules = _molecules(["C" * (1 + row) for row in range(100)])
    mine = SPLITS.make("random").split(molecules, 5, FRACTIONS)
    assert _parts(mine) == _parts(random_split(100, 5, FRACTIONS))


def test_strata_are_spread_evenly(molecules: SplitSamples) -> None:
    split = SPLITS.make("stratified", bins=3).split(molecules, 0, (0.5, 0.25, 0.25))
    label = molecules.targets[:, 0]
    edges = np.nanquantile(label, [1 / 3, 2 / 3])
    shares = [
        np.bincount(np.digitize(label[part][~np.isnan(label[part])], edges), minlength=3)
        for part in (split.train, split.validation, split.test)
    ]
    for share in shares:
        assert np.abs(share / share.sum() - 1 / 3).max() < 0.09


def test_scaffolds_and_groups_stay_whole(molecules: SplitSamples) -> None:
    for order in ("balanced", "size"):
        split = SPLITS.make("scaffold", order=order).split(molecules, 0, FRACTIONS)
        found = [{murcko_scaffold(molecules.keys[r]) for r in part} for part in _parts(split)]
        assert not found[0] & found[1] | found[0] & found[2] | found[1] & found[2]
    split = SPLITS.make("group", column="lab").split(molecules, 0, FRACTIONS)
    labs = [{molecules.columns["lab"][row] for row in part} - {""} for part in _parts(split)]
    assert not labs[0] & labs[1] | labs[0] & labs[2] | labs[1] & labs[2]


def test_scaffolds_by_size_are_in_the_order_of_deepchem_and_ogb() -> None:
    # Three with benzene, two with pyridine, two with cyclohexane, and one of each other.
    smiles = [
        "c1ccncc1C",
        "C1CCCCC1O",
        "c1ccccc1",
        "c1ccccc1C",
        "c1ccncc1",
        "C1CCCCC1",
        "c1ccccc1O",
    ]
    smiles += ["C1CC1", "C1CCC1", "C1CCCC1"]
    split = SPLITS.make("scaffold", order="size").split(_molecules(smiles), 0, (0.7, 0.2, 0.1))
    # The largest first; of equally large ones that with the later first row.
    assert sorted(split.train) == [0, 1, 2, 3, 4, 5, 6]
    assert sorted(split.validation) == [8, 9]
    assert split.test.tolist() == [7]


def test_times_are_in_order_and_not_torn() -> None:
    years = [str(2000 + row // 7) for row in range(70)]
    molecules = _molecules(["C" * (1 + row) for row in range(70)], year=years)
    split = SPLITS.make("time", column="year").split(molecules, 0, FRACTIONS)
    found = [[int(years[row]) for row in part] for part in _parts(split)]
    assert max(found[0]) < min(found[1]) <= max(found[1]) < min(found[2])
    dates = [f"20{10 + row // 12}-{1 + row % 12:02}-03" for row in range(70)]
    dated = _molecules(molecules.keys, year=dates)
    split = SPLITS.make("time", column="year").split(dated, 0, FRACTIONS)
    assert _parts(split)[2] == list(range(63, 70))
    wrong = _molecules(molecules.keys, year=[*years[:-1], "soon"])
    with pytest.raises(
        RncGraphError, match=r"mine, row 139, column 'year': expected numbers, .* got 'soon'"
    ):
        SPLITS.make("time", column="year").split(wrong, 0, FRACTIONS)


def test_the_later_copy_in_time_is_dropped() -> None:
    years = [str(2020 - row) for row in range(20)]
    copies = _molecules(["C", *["C" * (2 + row) for row in range(18)], "C"], year=years)
    split = SPLITS.make("time", column="year", leaks="drop").split(copies, 0, FRACTIONS)
    assert 19 in split.train
    assert 0 not in split.test


def test_the_odd_cell_among_numbers_is_named() -> None:
    years = [f"{n}.5" for n in range(8)]
    mixed = _molecules(["C" * (1 + n) for n in range(9)], year=[*years, "2020-01-01"])
    with pytest.raises(RncGraphError, match=r"row 17, column 'year'.*got '2020-01-01'"):
        SPLITS.make("time", column="year").split(mixed, 0, FRACTIONS)


def test_a_column_says_the_parts() -> None:
    words = ["Train"] * 6 + ["valid", "DEV"] + ["test "] * 2
    molecules = _molecules(["C" * (1 + row) for row in range(10)], set=words)
    split = SPLITS.make("column", column="set").split(molecules, 0, FRACTIONS)
    assert _parts(split) == [[0, 1, 2, 3, 4, 5], [6, 7], [8, 9]]
    torn = _molecules(["CC", *molecules.keys[1:-1], "CC"], set=words)
    with pytest.raises(RncGraphError, match=r"one molecule into two sets, in rows 1 and 3"):
        SPLITS.make("column", column="set", leaks="raise").split(
            _molecules(["CC", "CC", "C", "N"], set=["train", "test", "val", "train"]), 0, FRACTIONS
        )
    kept = SPLITS.make("column", column="set", leaks="drop").split(torn, 0, FRACTIONS)
    assert _parts(kept) == [[2, 3, 4, 5], [6, 7], [8, 9]]
    with pytest.raises(
        RncGraphError, match=r"row 5, column 'set': expected train, .* got 'holdout'"
    ):
        SPLITS.make("column", column="set").split(
            _molecules(["C", "N", "O"], set=["train", "val", "holdout"]), 0, FRACTIONS
        )
    with pytest.raises(RncGraphError, match=r"no column 'sets' .* available columns: 'set'"):
        SPLITS.make("column", column="sets").split(molecules, 0, FRACTIONS)


def test_a_given_split_is_kept_as_it_is_with_its_leaks_and_its_gaps(tmp_path: Path) -> None:
    words = ["train", "test", "val", "train", "", "test"]
    molecules = _molecules(["CC", "CC", "C", "N", "O", "S"], set=words)
    split = SPLITS.make("column", column="set").split(molecules, 0, FRACTIONS)
    assert _parts(split) == [[0, 3], [2], [1, 5]]
    save_split(tmp_path / "split.json", split, molecules, {})
    path = str(tmp_path / "split.json")
    again = SPLITS.make("file", path=path).split(molecules, 0, FRACTIONS)
    assert _parts(again) == _parts(split)
    dropped = SPLITS.make("file", path=path, leaks="drop").split(molecules, 0, FRACTIONS)
    assert _parts(dropped) == [[3], [2], [1, 5]]
    with pytest.raises(RncGraphError, match="one molecule into two sets"):
        SPLITS.make("file", path=path, leaks="raise").split(molecules, 0, FRACTIONS)
    for name, options in (("column", {"column": "set"}), ("time", {"column": "set"})):
        with pytest.raises(RncGraphError, match="option 'leaks'"):
            SPLITS.make(name, leaks="stop" if name == "column" else "keep", **options)


def test_a_column_without_a_validation_set_has_one_drawn_by_the_seed() -> None:
    canonical = [f"C{number // 2}" for number in range(60)]  # Each molecule twice.
    molecules = _molecules(canonical, set=["train"] * 40 + ["test"] * 20)
    splitter = SPLITS.make("column", column="set")
    split, other = (splitter.split(molecules, seed, FRACTIONS) for seed in (0, 1))
    _assert_no_leak(split, molecules)
    assert [len(part) for part in _parts(split)] == [34, 6, 20]
    assert _parts(split)[1] != _parts(other)[1]


def test_the_published_test_set_stays_whole() -> None:
    canonical = ["CC", *(f"C{n}" for n in range(20)), "CC", "C3"]
    sets = ["train"] * 16 + ["validation"] * 3 + ["test"] * 4
    molecules = _molecules(canonical, **{PUBLISHED: sets})
    split = SPLITS.make("published").split(molecules, 0, FRACTIONS)
    _assert_no_leak(split, molecules)
    assert split.test.tolist() == [19, 20, 21, 22]
    assert sorted(set(range(16)) - set(split.train.tolist())) == [0, 4]
    with pytest.raises(RncGraphError, match="'mine' was published without a split"):
        SPLITS.make("published").split(_molecules(canonical), 0, FRACTIONS)
    all_train = _molecules(canonical, **{PUBLISHED: ["train"] * 23})
    with pytest.raises(RncGraphError, match="the published split has no test set"):
        SPLITS.make("published").split(all_train, 0, FRACTIONS)


def test_samples_without_smiles_are_divided_by_group() -> None:
    @dataclass
    class Sounds:
        name: str
        targets: np.ndarray
        group: list[str]

        def __len__(self) -> int:
            return len(self.targets)

    sounds = Sounds("sounds", np.arange(60.0)[:, None], [f"singer {n % 20}" for n in range(60)])
    samples = SplitSamples.of(sounds)
    split = SPLITS.make("random").split(samples, 0, FRACTIONS)
    _assert_no_leak(split, samples)
    assert [len(part) for part in _parts(split)] == [48, 6, 6]
    with pytest.raises(RncGraphError, match="expected molecules, got samples without SMILES"):
        SPLITS.make("scaffold").split(samples, 0, FRACTIONS)


def test_a_saved_split_is_used_again_for_the_same_table_alone(
    molecules: SplitSamples, tmp_path: Path
) -> None:
    split = SPLITS.make("random").split(molecules, 0, FRACTIONS)
    save_split(tmp_path / "split.json", split, molecules, {"split": "random"})
    again = SPLITS.make("file", path=str(tmp_path / "split.json")).split(molecules, 9, FRACTIONS)
    assert _parts(again) == _parts(split)
    other = _molecules(molecules.keys[::-1])
    with pytest.raises(RncGraphError, match="is the split of another table"):
        load_split(tmp_path / "split.json", other)
    for text, reason in [("{", "is no JSON"), ("[]", "is no split"), ("{}", "is no split")]:
        (tmp_path / "wrong.json").write_text(text)
        with pytest.raises(RncGraphError, match=reason):
            load_split(tmp_path / "wrong.json", molecules)
    with pytest.raises(RncGraphError, match="cannot be read"):
        load_split(tmp_path / "none.json", molecules)


def test_an_extended_table_keeps_the_sets_of_its_old_molecules(tmp_path: Path) -> None:
    keys = ["C" * length for length in range(1, 401)]
    old = _molecules([*keys[:60], "C"])
    split = SPLITS.make("random").split(old, 0, FRACTIONS)
    path = tmp_path / "split.json"
    save_split(path, split, old, {})
    sets = [{old.keys[row] for row in part} for part in _parts(split)]

    def extended(keys: list[str], **options: str) -> list[set[str]]:
        splitter = SPLITS.make("file", path=str(path), **options)
        table = _molecules(keys)
        return [{table.keys[r] for r in p} for p in _parts(splitter.split(table, 0, FRACTIONS))]

    more = extended(keys[::-1])
    assert all(before <= after for before, after in zip(sets, more, strict=True))
    assert sum(map(len, more)) == 400
    assert 240 < len(more[0]) < 352  # Of 340 new ones, 80%.
    # A new molecule stays in its set when the table grows.
    fewer = extended(keys[:100])
    assert all(before <= after for before, after in zip(fewer, more, strict=True))
    with pytest.raises(RncGraphError, match="59 of its 60 molecules are not in"):
        extended(["C", "O"])
    assert sum(map(len, extended(keys[30:90], missing="keep"))) == 60
    with pytest.raises(RncGraphError, match="60 of its 60 molecules are not in"):
        extended(["O", "N"], missing="keep")


def test_each_molecule_is_tested_once_a_repeat(molecules: SplitSamples) -> None:
    found = list(folds(molecules, 5, repeats=2, seed=1))
    assert len(found) == 10
    for split in found:
        _assert_no_leak(split, molecules)
        assert sum(map(len, _parts(split))) == 200
    for repeat in (found[:5], found[5:]):
        assert Counter(row for s in repeat for row in s.test) == Counter(range(200))
    assert _parts(found[0]) != _parts(found[5])
    with pytest.raises(RncGraphError, match="got 1 folds"):
        next(folds(molecules, 1))


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.2), (0.0, 0.5, 0.5), (0.8, 0.3, -0.1)])
def test_impossible_shares_are_told(molecules: SplitSamples, fractions: Any) -> None:
    for name in ("random", "scaffold"):
        with pytest.raises(RncGraphError, match="must sum to 1"):
            SPLITS.make(name).split(molecules, 0, fractions)


def test_a_part_that_would_be_empty_is_told() -> None:
    one_scaffold = _molecules([f"c1ccccc1{'C' * row}" for row in range(30)])
    with pytest.raises(RncGraphError, match="a scaffold split leaves the train set empty"):
        SPLITS.make("scaffold").split(one_scaffold, 0, FRACTIONS)


def test_duplicates_are_found_and_merged_on_request() -> None:
    nan = np.nan
    canonical = ["CC", "C", "CC", "O", "CC", "C"]
    table = MoleculeTable(
        "mine",
        canonical,
        np.array([[1.0, nan], [5.0, 2.0], [2.0, 4.0], [7.0, 1.0], [6.0, nan], [5.0, nan]]),
        ["a", "b"],
        extra={"lab": list("uvwxyz")},
    )
    found = find_duplicates(canonical, table.targets)
    assert [rows.tolist() for rows in found.groups] == [[0, 2, 4], [1, 5]]
    assert [rows.tolist() for rows in found.conflicts] == [[0, 2, 4]]
    assert "such as rows 1, 3, 5" in found.summary(table.rows)
    merged = merge_duplicates(table, canonical, "mean")
    assert merged.smiles == ["CC", "C", "O"]
    assert merged.targets.tolist() == [[3.0, 4.0], [5.0, 2.0], [7.0, 1.0]]
    assert merged.rows.tolist() == [1, 2, 4]
    assert merged.extra == {"lab": ["u", "v", "x"]}
    assert merge_duplicates(table, canonical, "median").targets[0].tolist() == [2.0, 4.0]
    assert merge_duplicates(table, canonical, "first").targets[0].tolist() == [1.0, 4.0]


def test_merged_rows_have_the_sum_of_weights_and_the_tightest_bound() -> None:
    table = MoleculeTable(
        "t",
        ["C", "C", "CC", "CC", "CC", "CO", "OC"],
        np.array([[1.0], [4.0], [5.0], [7.0], [9.0], [3.0], [2.0]]),
        ["y"],
        censored=np.array([[0], [0], [1], [1], [-1], [-1], [0]], dtype=np.int8),
        weights=np.array([1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 0.5]),
    )
    merged = merge_duplicates(table, ["C", "C", "CC", "CC", "CC", "CO", "CO"], "mean")
    assert merged.censored is not None
    assert merged.weights is not None
    # The first is a weighted mean, the second has bounds alone, the third has one value.
    assert merged.targets[:, 0].tolist() == [3.0, 7.0, 2.0]
    assert merged.censored[:, 0].tolist() == [0, 1, 0]
    assert merged.weights.tolist() == [3.0, 3.0, 1.5]


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        (([0], [1], [2]), "expected a Split, got tuple"),
        (Split([0, 1], [1], [2]), "expected each sample once, in one set, got sample 1 2 times"),
        (Split([0, 0], [1], [2]), "expected each sample once, in one set, got sample 0 2 times"),
        (Split([0, 1], [2], [-1]), "indices of the test set from 0 to 3, got -1"),
        (Split([0, 1], [2], [4]), "indices of the test set from 0 to 3, got 4"),
        (Split([True, False], [2], [3]), r"indices \(n,\) of the train set, got bool"),
        (Split([0.0, 1.0], [2], [3]), r"indices \(n,\) of the train set, got float64"),
        (Split([[0, 1]], [2], [3]), r"got int64 of shape \(1, 2\)"),
        (Split([0, 1], [2], []), "the test set is empty"),
    ],
)
def test_a_split_of_the_users_own_is_checked(split: Any, expected: str) -> None:
    class Own:
        def split(self, samples: SplitSamples, seed: int, fractions: Any) -> Any:
            return split

    table = MoleculeTable("own", ["C", "CC", "CCC", "CCCC"], np.arange(4.0)[:, None], ["y"])
    with pytest.raises(RncGraphError, match=f"^own, seed 3: split Own: .*{expected}"):
        SplitRecipe(splitter=Own()).split(table, 3)


def test_scaffolds_by_size_are_deepchems(esol: MoleculeTable) -> None:
    """Its limits are shares of all molecules, which are not rounded: 513.6 of 642."""
    for count in (642, 405, 77):
        molecules = _molecules([canonical_smiles(text) for text in esol.smiles[:count]])
        scaffolds: dict[str, list[int]] = {}
        for row, text in enumerate(molecules.keys):
            scaffolds.setdefault(murcko_scaffold(text), []).append(row)
        train: list[int] = []
        validation: list[int] = []
        test: list[int] = []
        for group in sorted(scaffolds.values(), key=lambda g: (len(g), g[0]), reverse=True):
            if len(train) + len(group) > 0.8 * count:
                if len(train) + len(validation) + len(group) > (0.8 + 0.1) * count:
                    test += group
                else:
                    validation += group
            else:
                train += group
        split = SPLITS.make("scaffold", order="size").split(molecules, 0, FRACTIONS)
        assert _parts(split) == [sorted(train), sorted(validation), sorted(test)]


def test_a_molecule_in_several_rows_is_in_the_stratum_of_their_mean() -> None:
    """Each is measured once and missing once, so that the first row alone tells nothing."""
    molecules = _molecules([f"molecule {row // 2}" for row in range(400)])
    values = np.arange(400.0) // 2
    molecules = replace(molecules, targets=np.where(np.arange(400) % 2, values, np.nan)[:, None])
    means = []
    for seed in range(20):
        split = SPLITS.make("stratified").split(molecules, seed, FRACTIONS)
        means.append(np.nanmean(molecules.targets[split.test]))
    # At random it is 12.9.
    assert np.std(means) < 4
    nothing = replace(molecules, targets=np.full((400, 1), np.nan))
    with pytest.raises(BadValueError, match="mine: a stratified split needs values of its target"):
        SPLITS.make("stratified").split(nothing, 0, FRACTIONS)


def test_the_last_times_are_the_test_set_however_many_they_are() -> None:
    years = ["2019"] * 70 + ["2020"] * 30
    molecules = _molecules(["C" * (1 + row) for row in range(100)], year=years)
    split = SPLITS.make("time", column="year").split(molecules, 0, (0.9, 0.0, 0.1))
    assert _parts(split) == [list(range(70)), [], list(range(70, 100))]
