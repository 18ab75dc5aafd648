from pathlib import Path

import pandas as pd
import pytest

from rnc_graph.data.reading import choose_columns, open_table
from rnc_graph.data.reading.columns import choose_smiles
from rnc_graph.errors import RncGraphError


def _choose(cells: dict[str, list[str]], **given: object) -> tuple[str, list[str]]:
    chosen = choose_columns(list(cells), pd.DataFrame(cells), **given)  # type: ignore[arg-type]
    return chosen.smiles, chosen.targets


MINE = {"id": ["a1", "b2"], "SMILES": ["CCO", "CC"], "logS": ["1", ""]}


def test_columns_are_guessed_and_said() -> None:
    chosen = choose_columns(list(MINE), pd.DataFrame(MINE))
    assert (chosen.smiles, chosen.targets) == ("SMILES", ["logS"])
    assert chosen.notes == ["SMILES are taken from column 'SMILES'", "the target is column 'logS'"]


def test_given_columns_are_not_guessed() -> None:
    chosen = choose_columns(list(MINE), pd.DataFrame(MINE), "id", ["logS"])
    assert (chosen.smiles, chosen.targets, chosen.notes) == ("id", ["logS"], [])


def test_molecules_are_known_by_their_cells() -> None:
    assert _choose({"what": ["CCO", "c1ccccc1"], "x": ["1", "2"]}) == ("what", ["x"])


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(RncGraphError, match=r"'id', 'SMILES', 'logS'; did you mean 'logS'\?"):
        _choose(MINE, targets=["LogSs"])


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({**MINE, "logP": ["1", "2"]}, "several .*'logS', 'logP'; choose by --target"),
        ({"smiles": ["C"], "id": ["a"]}, "no column looks like the target; .*--target"),
        ({"a": ["CCO"], "b": ["CC"], "y": ["1"]}, "several .* 'a', 'b'; choose by --smiles"),
        ({"a": ["?!"], "y": ["1"]}, "no column looks like SMILES; .*--smiles"),
    ],
)
def test_an_open_choice_is_left_to_the_user(cells: dict[str, list[str]], message: str) -> None:
    with pytest.raises(RncGraphError, match=message):
        _choose(cells)


def test_a_column_cannot_be_both() -> None:
    with pytest.raises(RncGraphError, match="'logS' is asked for twice"):
        _choose(MINE, targets=["logS", "logS"])
    with pytest.raises(RncGraphError, match="'logS' is that of SMILES; name another one"):
        _choose(MINE, smiles="logS", targets=["logS"])
    with pytest.raises(RncGraphError, match="'SMILES' is that of SMILES; name another one"):
        _choose({"SMILES": ["CCO"], "y": ["1"]}, targets=["SMILES"])


def test_a_message_lists_twenty_of_many_columns() -> None:
    cells = {"smiles": ["C"] * 9, **{f"c{number}": ["1.5", *"abcdefgh"] for number in range(99)}}
    with pytest.raises(RncGraphError, match=r"'smiles', 'c0', .*'c18' and 80 more$"):
        _choose(cells)
    with pytest.raises(RncGraphError, match=r"no column 'x'.*'c18' and 80 more"):
        _choose(cells, targets=["x"])


def test_a_table_of_many_columns_has_one_block(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    names = ["what", *(f"c{number}" for number in range(20_000))]
    rows = [[smiles, *["a word", "1.5"] * 10_000] for smiles in ("CCO", "CC", "C")]
    path.write_text("\n".join(map(",".join, [names, *rows])) + "\n")
    (chunk,) = open_table(path).chunks()
    assert chunk.frame.to_numpy().tolist() == rows
    # Pandas takes minutes to write as many blocks.
    assert len(chunk.frame.copy()._mgr.blocks) == 1
    assert choose_smiles(list(names), chunk.frame)[0] == "what"
