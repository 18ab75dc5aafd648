"""Data frames, and the text of their cells."""

import datetime
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from rnc_graph.data.reading.source import Chunk, TableSource, named_columns
from rnc_graph.errors import BadValueError


def as_text(value: Any) -> str:
    """Return the text of a cell: numbers without loss, "" for nothing."""
    if isinstance(value, str):
        return value
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, float):  # NumPy's float64 is one.
        return "" if math.isnan(value) else repr(float(value))
    if isinstance(value, np.generic):
        return as_text(value.item()) if value.dtype != np.float32 else _single(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)


def _single(value: Any) -> str:
    return "" if np.isnan(value) else str(value)


def text_frame(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return the cells of a frame as text, with the index 0, 1, ..."""
    cells = {
        name: np.array([as_text(v) for v in frame.iloc[:, i].array], dtype=object)
        for i, name in enumerate(columns)
    }
    return pd.DataFrame(cells)


def open_frame(frame: pd.DataFrame) -> TableSource:
    """Open a data frame; row n is its n-th, whatever its index. Raises :class:`RncGraphError`."""
    name = "the data frame"
    if not len(frame.columns):
        raise BadValueError(f"{name}: has no columns")
    notes: list[str] = []
    columns = named_columns([str(column) for column in frame.columns], name, notes)

    def read(size: int) -> Iterator[Chunk]:
        for begin in range(0, len(frame), size):
            part = text_frame(frame.iloc[begin : begin + size], columns)
            yield Chunk(part, np.arange(begin + 1, begin + 1 + len(part)), None)

    return TableSource(name, columns, read, notes)
