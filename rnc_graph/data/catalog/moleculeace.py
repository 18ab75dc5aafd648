"""The activity-cliff sets of MoleculeACE, from the files of the installed package.

The package is found, never imported: that would need TensorFlow. The subset "cliff" holds the
molecules with an activity cliff, on which MoleculeACE reports the RMSE once more.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from rnc_graph.data.catalog.card import ElsewhereCard
from rnc_graph.data.catalog.files import local_path, not_available
from rnc_graph.data.catalog.named import GivenSplit, NamedDataset
from rnc_graph.errors import BadValueError


def is_available(card: ElsewhereCard) -> bool:
    """Tell whether the file is in the installed package or in the data folder."""
    return _path(card) is not None


def read(card: ElsewhereCard, may_download: bool) -> NamedDataset:
    """Read the data set; raises :class:`RncGraphError`. It comes by pip, never by a download."""
    from rnc_graph.data.table import column, read_csv, read_table

    path = _path(card)
    if path is None:
        raise not_available(card)
    table = read_table(path, card.smiles, card.targets, unit=card.unit, name=card.name)
    frame = read_csv(path)
    cells = {name: np.array(column(frame, name, path)) for name in ("split", "cliff_mol")}
    _check(path, "split", cells["split"], ("train", "test"))
    _check(path, "cliff_mol", cells["cliff_mol"], ("0", "1"))
    given = GivenSplit(
        train=np.flatnonzero(cells["split"] == "train"),
        test=np.flatnonzero(cells["split"] == "test"),
    )
    return NamedDataset(card, table, given, subsets={"cliff": cells["cliff_mol"] == "1"})


def _path(card: ElsewhereCard) -> Path | None:
    spec = find_spec("MoleculeACE")
    folders = list(spec.submodule_search_locations or []) if spec else []
    name = Path(card.file).name
    paths = [local_path(card), *(Path(f) / "Data" / "benchmark_data" / name for f in folders)]
    return next((path for path in paths if path.is_file()), None)


def _check(path: Path, name: str, cells: np.ndarray, allowed: tuple[str, str]) -> None:
    wrong = np.flatnonzero(~np.isin(cells, allowed))
    if wrong.size:
        row = int(wrong[0])
        raise BadValueError(
            f"{path}, line {row + 2}, column {name!r}: {str(cells[row])!r} is neither "
            f"{allowed[0]!r} nor {allowed[1]!r}"
        )
