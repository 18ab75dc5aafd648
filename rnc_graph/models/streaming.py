"""Files of any length through a model: every row in, every row out, in order, in flat memory."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnc_graph.data.features import MoleculeFeatures
from rnc_graph.data.reading import Chunk, TableSource, open_table
from rnc_graph.data.reading.columns import choose_smiles
from rnc_graph.data.table import FloatArray
from rnc_graph.data.writing import table_suffix, write_frames
from rnc_graph.errors import BadValueError
from rnc_graph.files import atomic_path, linked, remove_leftovers
from rnc_graph.models.inference import BLOCK, prediction_frame, stream_features
from rnc_graph.models.model import MoleculeModel

OnRows = Callable[[float], None]


@dataclass
class Report:
    """What went through.

    Attributes:
        rows: of the file.
        problems: rows that could not be done.
        out_of_domain: molecules beyond the model's domain.
        notes: what was guessed of the file.
    """

    rows: int = 0
    problems: int = 0
    out_of_domain: int = 0
    notes: list[str] = field(default_factory=list)


def predict_file(
    model: MoleculeModel,
    source: Path,
    out: Path,
    *,
    smiles: str | None = None,
    level: float = 0.9,
    jobs: int = 1,
    on_rows: OnRows = lambda rows: None,
) -> Report:
    """Write the file's own columns and the model's predictions, row by row.

    The columns of :func:`~rnc_graph.models.prediction_frame` come last; where the file has a
    column of such a name already, the new one is called ``name_2``. A row that cannot be done keeps
    its cells, has no prediction, and says why in ``problem``.

    Args:
        model: the model.
        source: a table with a column of SMILES.
        out: a .csv, .csv.gz, .parquet or .xlsx, which is replaced when all is done.
        smiles: the column; guessed if None.
        level: of the intervals.
        jobs: processes to featurize in.
        on_rows: receives the number of rows done.

    Raises:
        RncGraphError: the file or its column is missing or cannot be read, or a wrong level.
    """
    suffix = table_suffix(out)
    report = Report(notes=model.interval_notes(level))

    def predicted(blocks: Iterator[Block]) -> Iterator[pd.DataFrame]:
        for chunk, problems, features, rows in blocks:
            predictions = model.predict(features).take(rows)
            frame = prediction_frame(model, predictions, problems, level)
            report.out_of_domain += int((frame["out_of_domain"] == "yes").sum())
            yield _with_own_cells(chunk, frame)

    with _writing(source, out) as (table, temporary):
        blocks = _blocks(model, table, smiles, jobs, report, on_rows)
        write_frames(temporary, suffix, predicted(blocks))
    return report


def embed_file(
    model: MoleculeModel,
    source: Path,
    out: Path,
    *,
    smiles: str | None = None,
    jobs: int = 1,
    on_rows: OnRows = lambda rows: None,
) -> Report:
    """Write the embedding of each row: the columns ``e0``, ``e1``, ... and ``problem`` in a table.

    With the suffix ``.npy`` it is a float32 array (N, d) instead, NaN for a row that cannot be
    done. Arguments and errors are those of :func:`predict_file`.
    """
    suffix = table_suffix(out, ".npy")
    report = Report()

    def embedded(blocks: Iterator[Block]) -> Iterator[pd.DataFrame]:
        for chunk, problems, features, rows in blocks:
            embedding = model.embed(features)[rows].astype(np.float32)
            frame = pd.DataFrame(embedding).add_prefix("e")
            yield _with_own_cells(chunk, frame.assign(problem=problems))

    with _writing(source, out) as (table, temporary):
        blocks = _blocks(model, table, smiles, jobs, report, on_rows, to_embed=True)
        if suffix != ".npy":
            write_frames(temporary, suffix, embedded(blocks))
        else:
            embeddings = (model.embed(features)[rows] for _, _, features, rows in blocks)
            _write_npy(temporary, embeddings)
    return report


# The B rows of a file, the problem of each ("" for none), the features of their molecules, and
# which of these each row has, (B,).
Block = tuple[Chunk, list[str], MoleculeFeatures, NDArray[np.int64]]


def _with_own_cells(chunk: Chunk, new: pd.DataFrame) -> pd.DataFrame:
    """Return a chunk's own cells, then new columns; a spoiled row's text is in its first cell."""
    frame = chunk.frame.reset_index(drop=True)
    for row, found in chunk.found.items():
        frame.iat[row - int(chunk.rows[0]), 0] = found
    names = _free_names(new.columns, frame.columns)
    return pd.concat([frame, new.rename(columns=names)], axis=1)


def _write_npy(path: Path, blocks: Iterator[FloatArray]) -> None:
    """Write the rows as they come, and the header, which needs their number, last of all."""
    raw = path.with_name(path.name + ".rows")
    rows = width = 0
    try:
        with raw.open("wb") as file:
            for embedding in blocks:
                rows, width = rows + len(embedding), embedding.shape[1]
                file.write(embedding.astype("<f4").tobytes())
        with path.open("wb") as file, raw.open("rb") as body:
            head = {"descr": "<f4", "fortran_order": False, "shape": (rows, width)}
            np.lib.format.write_array_header_1_0(file, head)
            shutil.copyfileobj(body, file)
    finally:
        raw.unlink(missing_ok=True)


@contextmanager
def _writing(source: Path, out: Path) -> Iterator[tuple[TableSource, Path]]:
    """Open a table, and a file that takes the place of ``out`` when all is done."""
    if out.exists() and source.exists() and out.samefile(source):
        raise BadValueError(f"{out}: is the table that is read; write to another file")
    table = open_table(source)
    place = linked(out)
    remove_leftovers(place.parent, place.name)
    with atomic_path(out) as temporary:
        yield table, temporary


def _blocks(
    model: MoleculeModel,
    table: TableSource,
    smiles: str | None,
    jobs: int,
    report: Report,
    on_rows: OnRows,
    *,
    to_embed: bool = False,
) -> Iterator[Block]:
    waiting: deque[tuple[Chunk, list[str]]] = deque()
    column = ""

    def texts() -> Iterator[Sequence[str]]:
        nonlocal column
        for chunk in table.chunks(BLOCK):
            if not column:
                sample = chunk.frame.head(1000)
                column, guessed = choose_smiles(table.columns, sample, smiles, source=table.name)
                report.notes += guessed
            problems = [chunk.problems.get(int(row), "") for row in chunk.rows]
            waiting.append((chunk, problems))
            # RDKit takes what follows a blank for a name.
            yield [text.strip() for text in chunk.frame[column]]

    for features, rows in stream_features(texts(), model, jobs, to_embed=to_embed):
        chunk, problems = waiting.popleft()
        reasons = {molecule.row: molecule.reason for molecule in features.bad}
        problems = [
            own or reasons.get(row, "") for own, row in zip(problems, rows.tolist(), strict=True)
        ]
        report.rows += len(problems)
        report.problems += sum(map(bool, problems))
        yield chunk, problems, features, rows
        on_rows(report.rows)
    if not report.rows:
        raise BadValueError(f"{table.name}: has no rows below its header")
    report.notes[:0] = table.notes


def _free_names(names: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Return each name, with a number behind it where it is taken."""
    used, free = set(taken), {}
    for name in names:
        number, free[name] = 2, name
        while free[name] in used:
            number, free[name] = number + 1, f"{name}_{number}"
        used.add(free[name])
    return free
