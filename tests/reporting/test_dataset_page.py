import re
from dataclasses import replace
from io import StringIO

import numpy as np
from rich.console import Console

from rnc_graph.data import MoleculeTable
from rnc_graph.data.catalog import DatasetCard, NamedDataset, describe_dataset, list_datasets
from rnc_graph.data.catalog.description import describe
from rnc_graph.data.splits import Split
from rnc_graph.reporting.dataset_page import print_datasets, print_description


def _console(width: int = 200) -> Console:
    return Console(file=StringIO(), width=width, force_terminal=True, no_color=True)


def _text(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return re.sub(r"\x1b\[\d*m", "", console.file.getvalue())


def test_the_list_has_a_line_a_data_set_and_says_how_to_get_one() -> None:
    console = _console()
    entries = [replace(entry, at_hand=not entry.card.collection) for entry in list_datasets()]
    print_datasets(console, entries)
    lines = [line.strip() for line in _text(console).splitlines()]
    for entry in entries:
        (line,) = [line for line in lines if line.startswith(f"{entry.card.name} ")]
        assert f"{entry.card.rows:,}" in line
        assert entry.card.unit in line
        assert line.split()[-1] == ("no" if entry.card.collection else "yes")
    for line in (
        "license     CC0 1.0 (logbb)",
        "to get one  pip install --no-deps MoleculeACE==3.0.0",
        "to get one  rnc-graph datasets pyg/esol --download",
    ):
        assert line in [line.rstrip() for line in lines]


def test_the_names_are_whole_on_a_narrow_console() -> None:
    console = _console(80)
    entries = list_datasets()
    print_datasets(console, entries)
    assert all(entry.card.name in _text(console) for entry in entries)
    assert max(map(len, _text(console).splitlines())) <= 80


def test_the_page_of_esol() -> None:
    console = _console()
    print_description(console, describe_dataset("esol"))
    lines = [line.rstrip() for line in _text(console).splitlines()]
    assert lines[0] == "esol  Aqueous solubility of 1,128 molecules (ESOL)"
    for line in (
        "rows        1,128 with a value",
        "molecules   1,117",
        "bad SMILES  none",
        "repeated    11 molecules are in several rows; "
        "the values of 1 differ by more than 0.2 standard deviations",
    ):
        assert line in lines
    assert ["least", "-11.6"] in [line.split() for line in lines]
    (bars,) = [line.strip() for line in lines if "logS" in line and "█" in line]
    assert len(bars.split(maxsplit=1)[1]) == 24
    assert any("doi:10.1021/ci034243x" in line for line in lines)


def test_bad_rows_parts_and_names_in_brackets_are_printed_as_they_are() -> None:
    card = DatasetCard(
        name="[small]",
        title="[bold]",
        rows=9,
        smiles="",
        targets=["[y]"],
        unit="[nM]",
        source="",
        license="",
        split="halves",
    )
    table = MoleculeTable("small", ["C"] * 2 + ["C1"] * 7, np.arange(9.0)[:, None], ["[y]"], "[nM]")
    split = Split(np.arange(6), np.arange(0), np.arange(6, 9))
    dataset = NamedDataset(card, table, split, {"cliff": np.arange(9) < 4})
    console = _console()
    print_description(console, describe(dataset))
    text = _text(console)
    for part in (
        "[small]",
        "[bold]",
        "[y]",
        "[nM]",
        "halves: train 6, test 3",
        "cliff 4",
        "and 2 more",
    ):
        assert part in text
    assert "row 3: 'C1': " in text
