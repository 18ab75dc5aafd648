"""MoleculeNet's CSV files, where PyTorch Geometric keeps them.

``torch_geometric.datasets.MoleculeNet`` with ``pyg/`` of the data folder as its root reads and
writes the same raw files. They are read without it, since it rounds targets to float32, drops
molecules and takes seconds to import.
"""

from pathlib import Path

from rnc_graph.data.catalog.card import ElsewhereCard
from rnc_graph.data.catalog.files import download, local_path, not_available
from rnc_graph.data.catalog.named import NamedDataset
from rnc_graph.files import atomic_path


def is_available(card: ElsewhereCard) -> bool:
    """Tell whether the file is on this computer."""
    return local_path(card).is_file()


def obtain(card: ElsewhereCard, may_download: bool) -> Path:
    """Return the path of the data set's file, downloaded if it has to be and may be.

    Raises:
        MissingFileError: it is not on this computer, and downloads are not allowed.
        FileError: the download failed.
    """
    path = local_path(card)
    if not is_available(card):
        if not may_download:
            raise not_available(card)
        content = download(card)
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
    return path


def read(card: ElsewhereCard, may_download: bool) -> NamedDataset:
    """Read the data set; raises :class:`RncGraphError`."""
    from rnc_graph.data.table import read_table

    path = obtain(card, may_download)
    table = read_table(path, card.smiles, card.targets, unit=card.unit, name=card.name)
    return NamedDataset(card, table)
