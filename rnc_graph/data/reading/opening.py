"""A table of any kind, by what it is."""

from pathlib import Path

import pandas as pd

from rnc_graph.data.reading.binary import open_excel, open_parquet
from rnc_graph.data.reading.delimited import open_delimited
from rnc_graph.data.reading.frames import open_frame
from rnc_graph.data.reading.sdf import open_sdf
from rnc_graph.data.reading.source import TableSource
from rnc_graph.errors import BadValueError


def open_table(source: Path | pd.DataFrame) -> TableSource:
    """Open a table: its kind is told by the suffix, what is unknown is read as delimited text.

    Raises:
        RncGraphError: it is missing, damaged, or has no columns.
    """
    if isinstance(source, pd.DataFrame):
        return open_frame(source)
    suffixes = [suffix.lower() for suffix in source.suffixes]
    suffix = next((s for s in reversed(suffixes) if s != ".gz"), "")
    if suffix in {".xlsx", ".xlsm"}:
        return open_excel(source)
    if suffix in {".parquet", ".pq"}:
        return open_parquet(source)
    if suffix in {".sdf", ".sd"}:
        return open_sdf(source)
    if suffix == ".xls":
        raise BadValueError(f"{source}: the old Excel format is not read; save it as .xlsx or .csv")
    return open_delimited(source, suffix)
