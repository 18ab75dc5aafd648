"""SDF: a mol block and properties a record."""

import re
from collections.abc import Iterator
from pathlib import Path

from rnc_graph.data.reading.columns import TITLE, spelled
from rnc_graph.data.reading.source import Row, TableSource, chunked
from rnc_graph.data.reading.text import line_blocks
from rnc_graph.errors import BadValueError

SMILES = "smiles"
# A record beyond these lines or characters is no molecule; the rest of it is left out.
LONGEST_RECORD = 100_000
_MOST_CHARACTERS = 10_000_000
# Properties of all records: each is a column of every chunk.
_MOST_PROPERTIES = 5_000
_PROPERTY = re.compile(r">.*?<(.+)>")


def open_sdf(path: Path) -> TableSource:
    """Open an SDF: the column "smiles" is the mol block, the others are its properties.

    A property of that name is called "smiles (property)". Titles, if any record has one and no
    property is called so, are the column "title". Raises :class:`RncGraphError`.
    """
    names: dict[str, None] = {}
    records, titled = 0, False
    for _, record in _records(path):
        records += 1
        names.update(dict.fromkeys(_properties(record)))
        titled = titled or bool(_title(record))
        if len(names) > _MOST_PROPERTIES:
            raise BadValueError(
                f"{path}: expected at most {_MOST_PROPERTIES:,} properties, got more"
            )
    if not records:
        raise BadValueError(f"{path}: cannot be read as SDF: it holds no records")
    columns = [SMILES, *names]
    notes = ["the column 'smiles' is made from the mol blocks"]
    if titled and TITLE not in map(spelled, names):
        columns.insert(1, TITLE)
        notes.append(f"the column {TITLE!r} is made from the titles of the mol blocks")
    if f"{SMILES} (property)" in names:
        notes.append("the property 'smiles' is called 'smiles (property)'")
    return TableSource(
        str(path), columns, lambda size: chunked(_rows(path, columns), columns, size), notes
    )


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the line it begins on."""
    line, begin, characters, record = 0, 1, 0, list[str]()
    for lines, _ in line_blocks(path):
        for text in lines:
            line += 1
            if text.startswith("$$$$"):
                yield begin, record
                begin, characters, record = line + 1, 0, []
            elif len(record) <= LONGEST_RECORD:
                characters += len(text)
                # What is too long is marked by its number of lines.
                whole = characters <= _MOST_CHARACTERS
                record.append(text.rstrip("\r\n") if whole else "")
    if any(text.strip() for text in record):
        yield begin, record


def _end_of_block(record: list[str]) -> int:
    """Return where the properties begin."""
    for i, text in enumerate(record):
        if text.startswith("M  END"):
            return i + 1
    return next((i for i, text in enumerate(record) if i > 3 and text.startswith(">")), len(record))


def _title(record: list[str]) -> str:
    """Return the first line of the mol block, where vendors put the identifier."""
    return record[0].strip() if record else ""


def _properties(record: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    values: list[str] | None = None
    for text in record[_end_of_block(record) :]:
        header = _PROPERTY.match(text) if values is None else None
        if header:
            name = header[1].strip()
            values = found.setdefault(
                f"{SMILES} (property)" if spelled(name) == SMILES else name, []
            )
        elif not text.strip():
            values = None
        elif values is not None:
            values.append(text)
    return {name: "\n".join(lines) for name, lines in found.items() if name}


def _rows(path: Path, columns: list[str]) -> Iterator[Row]:
    for line, record in _records(path):
        title = next((text for text in record if text.strip()), "$$$$")
        if len(record) > LONGEST_RECORD:
            yield Row(None, line, f"a record of more than {LONGEST_RECORD} lines", title)
            continue
        smiles = _smiles("\n".join(record[: _end_of_block(record)]))
        cells = {SMILES: smiles or "", TITLE: _title(record), **_properties(record)}
        listed = [cells.get(column, "") for column in columns]
        if smiles is None:
            yield Row(listed, line, "a mol block that cannot be read", title)
        else:
            yield Row(listed, line)


def _smiles(block: str) -> str | None:
    from rdkit import Chem

    from rnc_graph.data.rdkit_log import quiet

    with quiet():
        try:
            molecule = Chem.MolFromMolBlock(block)
            return None if molecule is None else str(Chem.MolToSmiles(molecule))
        # Some broken blocks raise instead of giving None.
        except (ValueError, RuntimeError):
            return None
