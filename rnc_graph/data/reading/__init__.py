"""Reading users' tables: CSV, TSV, Excel, Parquet, SDF and data frames, row by row."""

from rnc_graph.data.reading.columns import ChosenColumns, choose_columns
from rnc_graph.data.reading.numbers import LARGEST, MISSING, parse_number
from rnc_graph.data.reading.opening import open_table
from rnc_graph.data.reading.source import Chunk, TableSource

__all__ = [
    "LARGEST",
    "MISSING",
    "ChosenColumns",
    "Chunk",
    "TableSource",
    "choose_columns",
    "open_table",
    "parse_number",
]
