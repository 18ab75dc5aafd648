"""The regression sets of the Open Graph Benchmark, from OGB's own folders.

SMILES and targets are in ``mapping/mol.csv.gz``, the sets in ``split/scaffold/``. OGB's package is
not imported: it queries the network on import, and its loader needs pickles.
"""

from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.catalog.card import ElsewhereCard
from rnc_graph.data.catalog.files import by_hand, download, local_path, not_available
from rnc_graph.data.catalog.named import GivenSplit, NamedDataset
from rnc_graph.errors import BadValueError
from rnc_graph.files import atomic_path

_MOLECULES = "mapping/mol.csv.gz"
_PARTS = {part: f"split/scaffold/{part}.csv.gz" for part in ("train", "valid", "test")}


def is_available(card: ElsewhereCard) -> bool:
    """Tell whether the files are on this computer."""
    folder = local_path(card)
    return all((folder / name).is_file() for name in (_MOLECULES, *_PARTS.values()))


def read(card: ElsewhereCard, may_download: bool) -> NamedDataset:
    """Read the data set; raises :class:`RncGraphError`."""
    from rnc_graph.data.table import read_table

    folder = local_path(card)
    if not is_available(card):
        if not may_download:
            raise not_available(card)
        _unpack(card, download(card), folder)
    table = read_table(
        folder / _MOLECULES, card.smiles, card.targets, unit=card.unit, name=card.name
    )
    train, validation, test = (_rows(folder / name) for name in _PARTS.values())
    return NamedDataset(card, table, GivenSplit(train=train, validation=validation, test=test))


def _unpack(card: ElsewhereCard, archive: bytes, folder: Path) -> None:
    """Extract the few files that are needed from the archive's top folder."""
    try:
        with ZipFile(BytesIO(archive)) as opened:
            names = {name.partition("/")[2]: name for name in opened.namelist()}
            # The file that is_available checks comes last.
            for name in (*_PARTS.values(), _MOLECULES):
                with atomic_path(folder / name) as temporary:
                    temporary.write_bytes(opened.read(names[name]))
    except (BadZipFile, KeyError) as error:
        raise BadValueError(
            f"data set {card.name!r}: what {card.url} gives is not OGB's archive: {error}. "
            f"{by_hand(card)}"
        ) from error


def _rows(path: Path) -> NDArray[np.int64]:
    """Read row numbers, one a line, without a header."""
    try:
        return np.loadtxt(path, dtype=np.int64, ndmin=1)
    except (OSError, ValueError) as error:
        raise BadValueError(f"{path}: not a list of row numbers: {error}") from error
