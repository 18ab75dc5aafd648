"""A file of many rows, some of them spoiled in every way that users' files are."""

from __future__ import annotations

import random
from pathlib import Path

from rnc_graph.data import load_dataset

# Each a line for a molecule's SMILES and number. What no reader or model can use:
UNREADABLE = {
    "empty SMILES": ",{y}",
    "blank line": "",
    "unbalanced bracket": "C[N,{y}",
    "unclosed ring": "C1CC,{y}",
    "impossible valence": "CN(C)(C)(C)C,{y}",
    "emoji": "C\N{GRINNING FACE}C,{y}",
    "20,000 characters": "C" * 20_000 + ",{y}",
    "NUL byte": "C\0C,{y}",
    "not UTF-8": "C\udcffC,{y}",
    "words": "ethanol (abs.),{y}",
    "too many cells": "{smiles},{y},7",
    "too few cells": "{smiles}",
    "header again": "smiles,y",
    "another delimiter": "{smiles};{y}",
    "unclosed quote": '"{smiles},{y}',
}
# What can be predicted, but not be learned from:
NO_NUMBER = {
    "missing number": "{smiles},NaN",
    "infinite number": "{smiles},inf",
    "text for a number": "{smiles},high",
    "a bound for a number": "{smiles},<0.5",
}
# Odd, and yet molecules:
FINE = {
    "polymer star": "*CC*,{y}",
    "5,000 characters": "C" * 5_000 + ",{y}",
    "lone proton": "[H+],{y}",
    "blanks around": " {smiles} , {y} ",
}


def write_spoiled(
    path: Path, *, rows: int = 10_000, spoiled: int = 500, byte_order_mark: bool, line_end: str
) -> dict[int, str]:
    """Write the file; return the kind of each spoiled row by its number, from 1."""
    table = load_dataset("esol")
    kinds = {**UNREADABLE, **NO_NUMBER, **FINE}
    chosen = sorted(random.Random(0).sample(range(2, rows), spoiled))
    kind_of = {row: list(kinds)[place % len(kinds)] for place, row in enumerate(chosen)}
    lines = ["smiles,y"]
    for row in range(1, rows + 1):
        smiles = table.smiles[row % len(table)]
        line = kinds[kind_of[row]] if row in kind_of else "{smiles},{y}"
        lines.append(line.format(smiles=smiles, y=table.targets[row % len(table), 0]))
    text = line_end.join([*lines, ""])
    start = b"\xef\xbb\xbf" if byte_order_mark else b""
    path.write_bytes(start + text.encode("utf-8", "surrogateescape"))
    return kind_of
