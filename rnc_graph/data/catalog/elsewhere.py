"""Data sets that other projects keep: their files, their downloads, and how each is read.

Nothing of the projects' packages is imported, except DeepChem (:mod:`.deepchem`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from http.client import HTTPException
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from urllib.request import urlopen
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.cache import cache_dir
from rnc_graph.data.catalog.card import ElsewhereCard
from rnc_graph.data.catalog.named import NamedDataset, read_card_table
from rnc_graph.data.splits import Split
from rnc_graph.errors import BadValueError, FileError, MissingFileError
from rnc_graph.files import write_bytes

# Seconds without an answer before a download fails.
TIMEOUT = 10.0

_OGB_TABLE = "mapping/mol.csv.gz"
_OGB_SETS = [f"split/scaffold/{name}.csv.gz" for name in ("train", "valid", "test")]


def data_dir() -> Path:
    """Return ``$RNC_GRAPH_DATA``, else ``datasets`` in the cache folder."""
    folder = os.environ.get("RNC_GRAPH_DATA")
    return Path(folder) if folder else cache_dir() / "datasets"


def local_path(card: ElsewhereCard) -> Path:
    """Return the path of a data set's file or folder, whether it exists or not."""
    return data_dir() / card.file


def how_to_get(card: ElsewhereCard, reason: str) -> str:
    """Return the message for a data set that cannot be read, with the ways to get it."""
    return f"data set {card.name!r}: {reason}. Get it: {card.get}. {_by_hand(card)}"


def _by_hand(card: ElsewhereCard) -> str:
    how = card.by_hand.format(url=card.url, path=local_path(card))
    return f"By hand: {how} (the environment variable RNC_GRAPH_DATA names another data folder)"


def _download(card: ElsewhereCard, may_download: bool) -> bytes:
    """Return what the data set's URL holds.

    Raises:
        MissingFileError: downloads are not allowed.
        FileError: there is no network, or the server does not send the file.
    """
    if not may_download:
        raise MissingFileError(how_to_get(card, "it is not on this computer"))
    try:
        with urlopen(card.url, timeout=TIMEOUT) as response:
            content: bytes = response.read()
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise FileError(
            f"data set {card.name!r}: {card.url} cannot be downloaded: {reason}. {_by_hand(card)}"
        ) from error
    return content


def has_moleculenet(card: ElsewhereCard) -> bool:
    """Return whether the CSV is on this computer."""
    return local_path(card).is_file()


def obtain_moleculenet(card: ElsewhereCard, may_download: bool) -> Path:
    """Return the path of the CSV, downloaded if it has to be and may be."""
    path = local_path(card)
    if not path.is_file():
        write_bytes(path, _download(card, may_download))
    return path


def read_moleculenet(card: ElsewhereCard, may_download: bool) -> NamedDataset:
    """Read a CSV of MoleculeNet where ``torch_geometric.datasets.MoleculeNet`` keeps it.

    PyG itself rounds targets to float32 and drops molecules.
    """
    return NamedDataset(card, read_card_table(obtain_moleculenet(card, may_download), card))


def has_ogb(card: ElsewhereCard) -> bool:
    """Return whether all files of a set of the Open Graph Benchmark are on this computer."""
    return all((local_path(card) / name).is_file() for name in (_OGB_TABLE, *_OGB_SETS))


def read_ogb(card: ElsewhereCard, may_download: bool) -> NamedDataset:
    """Read a set of the Open Graph Benchmark, with its scaffold split, from OGB's folder.

    OGB's package queries the network on import, and its loader needs pickles.
    """
    folder = local_path(card)
    if not has_ogb(card):
        _unpack_ogb(card, _download(card, may_download), folder)
    table = read_card_table(folder / _OGB_TABLE, card)
    return NamedDataset(card, table, Split(*(_row_numbers(folder / name) for name in _OGB_SETS)))


def _unpack_ogb(card: ElsewhereCard, archive: bytes, folder: Path) -> None:
    """Extract the few files that are needed from the archive's top folder."""
    try:
        with ZipFile(BytesIO(archive)) as opened:
            names = {name.partition("/")[2]: name for name in opened.namelist()}
            for name in (*_OGB_SETS, _OGB_TABLE):
                write_bytes(folder / name, opened.read(names[name]))
    except (BadZipFile, KeyError, NotImplementedError, UnicodeDecodeError) as error:
        raise BadValueError(
            f"data set {card.name!r}: what {card.url} gives is not OGB's archive: {error}. "
            f"{_by_hand(card)}"
        ) from error


def _row_numbers(path: Path) -> NDArray[np.int64]:
    try:
        return np.loadtxt(path, dtype=np.int64, ndmin=1)
    except (OSError, ValueError) as error:
        raise BadValueError(f"{path}: not a list of row numbers: {error}") from error


def has_moleculeace(card: ElsewhereCard) -> bool:
    """Return whether the CSV is in the installed package or in the data folder."""
    return _moleculeace_path(card) is not None


def read_moleculeace(card: ElsewhereCard, may_download: bool) -> NamedDataset:
    """Read a set of MoleculeACE from the files of the installed package, which is not imported.

    The subset "cliff" holds the molecules with an activity cliff.
    """
    path = _moleculeace_path(card)
    if path is None:  # It comes by pip, never by a download.
        raise MissingFileError(how_to_get(card, "it is not on this computer"))
    table = read_card_table(path, card, extra=("split", "cliff_mol"))
    sets = _marks(table.extra["split"], "split", path, ("train", "test"))
    cliffs = _marks(table.extra["cliff_mol"], "cliff_mol", path, ("0", "1"))
    train, test = (np.flatnonzero(sets == name) for name in ("train", "test"))
    split = Split(train, np.empty(0, dtype=np.int64), test)
    return NamedDataset(card, replace(table, extra={}), split, {"cliff": cliffs == "1"})


def _moleculeace_path(card: ElsewhereCard) -> Path | None:
    spec = find_spec("MoleculeACE")
    folders = list(spec.submodule_search_locations or []) if spec else []
    name = Path(card.file).name
    paths = [local_path(card), *(Path(f) / "Data" / "benchmark_data" / name for f in folders)]
    return next((path for path in paths if path.is_file()), None)


def _marks(
    column: Sequence[str], name: str, path: Path, allowed: Sequence[str]
) -> NDArray[np.str_]:
    cells: NDArray[np.str_] = np.array(column, dtype=np.str_)
    for row in np.flatnonzero(~np.isin(cells, allowed)):
        raise BadValueError(
            f"{path}, line {row + 2}, column {name!r}: expected {allowed[0]!r} or {allowed[1]!r}, "
            f"got {str(cells[row])!r}"
        )
    return cells
