"""Fuzz the reading of tables with atheris.

pip install atheris, then: python fuzz/readers.py FORMAT [-runs=100000] [-max_len=400]; FORMAT is
one of csv, tsv, gz, sdf, number, columns, smiles. It ends at the first thing that goes wrong and
writes the input to a file; the options are libFuzzer's.
"""

import gzip
import math
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris
import pandas as pd

with atheris.instrument_imports(include=["rnc_graph.data.reading"]):
    from rnc_graph.data.reading import choose_columns, open_table, parse_number
from rnc_graph.data.featurizer import parse_smiles
from rnc_graph.errors import RncGraphError

FOLDER = Path(tempfile.mkdtemp())
HEADER = b"smiles,y\n"


def _table(suffix: str, pack: Callable[[bytes], bytes]) -> Callable[[bytes], None]:
    path = FOLDER / f"table{suffix}"

    def read(data: bytes) -> None:
        path.write_bytes(pack(data))
        try:
            table = open_table(path)
            row = 0
            whole = [row for chunk in table.chunks() for row in chunk.frame.to_numpy().tolist()]
            parts = []
            for chunk in table.chunks(3):
                assert list(chunk.frame.columns) == table.columns
                assert chunk.rows.tolist() == list(range(row + 1, row + 1 + len(chunk.frame)))
                row += len(chunk.frame)
                parts += chunk.frame.to_numpy().tolist()
            assert parts == whole, (parts, whole)
        except RncGraphError:
            pass

    return read


def _csv(data: bytes) -> bytes:
    # Half of the inputs get past the header.
    return HEADER + data[1:] if data[:1] < b"\x80" else data[1:]


def _gz(data: bytes) -> bytes:
    return data[1:] if data[:1] < b"\x40" else gzip.compress(data[1:], 1)[: -(data[0] % 3) or None]


def _number(data: bytes) -> None:
    text = data.decode("utf-8", errors="replace")
    for decimal in (None, ".", ","):
        try:
            value = parse_number(text, decimal=decimal)
        except ValueError:
            continue
        assert math.isnan(value) or abs(value) < 1e18


def _columns(data: bytes) -> None:
    cells = data.decode("utf-8", errors="replace").split("\n")
    names = list(dict.fromkeys(cells[:3]))
    rows = cells[3:] or [""]
    frame = pd.DataFrame(dict.fromkeys(names, rows), dtype=object)
    with suppress(RncGraphError):
        choose_columns(names, frame)


def _smiles(data: bytes) -> None:
    with suppress(ValueError):
        parse_smiles(data.decode("utf-8", errors="replace"))


TARGETS = {
    "csv": _table(".csv", _csv),
    "tsv": _table(".tsv", lambda data: _csv(data).replace(b",", b"\t")),
    "gz": _table(".csv.gz", _gz),
    "sdf": _table(".sdf", bytes),
    "number": _number,
    "columns": _columns,
    "smiles": _smiles,
}

if __name__ == "__main__":
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
