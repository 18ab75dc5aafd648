"""A corpus: the different molecules of a file of SMILES, and fragments of them."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import rdkit
from numpy.typing import NDArray
from rdkit import Chem, rdBase

from rnc_graph.data.featurizer import DESCRIPTORS, FEATURIZER
from rnc_graph.data.reading import open_table
from rnc_graph.data.reading.columns import choose_smiles
from rnc_graph.data.smiles import BadMolecule, identity, parse_smiles
from rnc_graph.errors import BadValueError, FileError
from rnc_graph.files import atomic_path, csv_text, remove_leftovers, write_text
from rnc_graph.workers import in_order

# Single bonds outside of rings between heavy atoms.
_CUTTABLE = Chem.MolFromSmarts("[!#1;!$(*#*)]-;!@[!#1;!$(*#*)]")
# Smaller pieces say nothing of chemistry.
_SMALLEST_FRAGMENT = 3
_CHUNK = 2_048
BAD_ROWS = "bad_rows.csv"
"""The file that lists the rows of a corpus that are no molecules."""

_LIST, _CARD = "molecules.smi", "corpus.json"


@dataclass(frozen=True)
class Corpus:
    """The different molecules of a file, listed in a folder.

    Attributes:
        folder: that holds the list.
        source: what the file is called.
        sha256: of the file.
        rows: of the file that were read.
        molecules: different molecules in the list, fragments included.
        fragments: those that are there as fragments of others alone.
        duplicates: molecules and fragments that were in the list already.
        bad: rows that are no molecule; ``bad_rows.csv`` in the folder names them.
        made_with: the options of the list, and the versions of what makes the features.
    """

    folder: Path
    source: str
    sha256: str
    rows: int
    molecules: int
    fragments: int
    duplicates: int
    bad: int
    made_with: dict[str, Any]

    def smiles(self) -> Iterator[str]:
        """Yield the canonical SMILES of the molecules, in order."""
        with (self.folder / _LIST).open(encoding="ascii") as lines:
            yield from map(str.rstrip, lines)

    def card(self) -> dict[str, Any]:
        """Return what is to be said of the corpus, without its folder."""
        return {name: value for name, value in asdict(self).items() if name != "folder"}


def corpus_file(name: str) -> Path:
    """Return the file of a corpus: a path, or "moses".

    "moses" are the 1.58 million training molecules of the benchmark MOSES (Polykovskiy et al.,
    Frontiers in Pharmacology 2020, arXiv 1811.12823; MIT), from the package ``molsets``.

    Raises:
        FileError: there is no such file, or ``molsets`` is not installed.
    """
    if name != "moses":
        if not Path(name).is_file():
            raise FileError(f"{name}: no such file; a corpus is a file of SMILES, or 'moses'")
        return Path(name)
    package = find_spec("moses")
    for folder in (package.submodule_search_locations or []) if package else []:
        found = Path(folder, "dataset", "data", "train.csv.gz")
        if found.is_file():
            return found
    raise FileError("corpus 'moses': not installed; pip install --no-deps molsets==0.3.1")


def list_molecules(
    source: Path,
    folder: Path,
    *,
    smiles: str | None = None,
    fragments: bool = False,
    limit: int | None = None,
    jobs: int = 1,
    on_rows: Callable[[int], None] = lambda rows: None,
) -> Corpus:
    """List the different molecules of a file in a folder, or return the list that is there.

    Args:
        source: a file that :func:`rnc_graph.data.read_table` reads, such as .smi or .csv, .gz too.
        folder: for the list.
        smiles: the column of SMILES; guessed if None.
        fragments: also list both pieces of each molecule, cut at one of its single bonds outside of
            rings, so that small molecules are there too.
        limit: stop at so many molecules, fragments included.
        jobs: processes.
        on_rows: receives the number of rows done.

    Raises:
        FileError: the file cannot be read.
        BadValueError: it has no molecules, or the folder has the list of another corpus.
    """
    checksum = sha256_of(source)
    made_with = {"smiles": smiles, "fragments": fragments, "limit": limit, **versions()}
    found = read_corpus(folder)
    if found is not None:
        for what, own, given in (
            ("source", found.sha256, checksum),
            *((name, found.made_with.get(name), value) for name, value in made_with.items()),
        ):
            if own != given:
                raise BadValueError(
                    f"{folder}: holds the molecules of {found.source} with {what} {own!r}, not "
                    f"{given!r}; choose another folder"
                )
        return found
    remove_leftovers(folder)
    seen = _Seen()
    rows = bad = duplicates = pieces = total = 0
    with (
        atomic_path(folder / _LIST) as temporary,
        temporary.open("w", encoding="ascii") as out,
        atomic_path(folder / BAD_ROWS) as of_bad,
        of_bad.open("w", encoding="utf-8", newline="") as bad_out,
    ):
        bad_rows = csv.writer(bad_out)
        bad_rows.writerow(["row", "smiles", "reason"])
        make = partial(_identities, fragments=fragments)
        chunks = _cells(source, smiles)
        lost = "the list of molecules is not complete"
        for identities, unreadable in in_order(make, chunks, jobs, lost, trains=False):
            for molecule in unreadable:
                row = rows + molecule.row + 1
                bad_rows.writerow([row, csv_text(molecule.smiles), molecule.reason])
            bad += len(unreadable)
            rows += len(identities) + len(unreadable)
            own = [names[0] for names in identities]
            others = [name for names in identities for name in names[1:]]
            for names, are_pieces in ((own, False), (others, True)):
                new = seen.add(names)
                duplicates += len(names) - len(new)
                kept = new if limit is None else new[: limit - total]
                total += len(kept)
                pieces += len(kept) * are_pieces
                out.writelines(f"{name}\n" for name in kept)
            on_rows(rows)
            if total == limit:
                break
        if not total:
            raise BadValueError(f"{source}: none of its {rows} rows is a molecule")
    corpus = Corpus(folder, source.name, checksum, rows, total, pieces, duplicates, bad, made_with)
    write_text(folder / _CARD, json.dumps(corpus.card(), indent=1) + "\n")
    return corpus


def versions() -> dict[str, str]:
    """Return the versions of what makes features."""
    return {"rdkit": rdkit.__version__, "featurizer": FEATURIZER, "descriptors": str(DESCRIPTORS)}


def read_corpus(folder: Path) -> Corpus | None:
    """Return the corpus that is listed in a folder, None if there is none."""
    try:
        card = json.loads((folder / _CARD).read_text(encoding="utf-8"))
        return Corpus(folder, **card) if (folder / _LIST).is_file() else None
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise FileError(
            f"{folder / _CARD}: damaged, or of another version; remove the folder"
        ) from error


def sha256_of(path: Path) -> str:
    """Return the checksum of a file; of a gzip file, that of what it holds."""
    digest = hashlib.sha256()
    opened: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(f"{path}: cannot be read: {error}") from error
    return digest.hexdigest()


def fragments_of(molecule: Chem.Mol, name: str) -> list[str]:
    """Return the identities of the pieces of a molecule, cut at one bond.

    ``name`` chooses among the bonds, in the order of the atoms.
    """
    bonds = molecule.GetSubstructMatches(_CUTTABLE)
    if not bonds:
        return []
    begin, end = bonds[zlib.crc32(name.encode()) % len(bonds)]
    bond = molecule.GetBondBetweenAtoms(begin, end).GetIdx()
    pieces = []
    cut = Chem.FragmentOnBonds(molecule, [bond], addDummies=False)
    for piece in Chem.GetMolFrags(cut, asMols=True, sanitizeFrags=False):
        if piece.GetNumAtoms() >= _SMALLEST_FRAGMENT:
            # Valences that the cut leaves open, as in a ring that needs its substituent.
            with suppress(ValueError, RuntimeError):
                pieces.append(_identity_of_piece(Chem.MolToSmiles(piece)))
    return pieces


@lru_cache(maxsize=65_536)  # Half of all pieces are of earlier molecules too.
def _identity_of_piece(smiles: str) -> str:
    return identity(parse_smiles(smiles))


def _cells(source: Path, smiles: str | None) -> Iterator[list[str]]:
    """Yield the cells of the column of SMILES, some at a time."""
    table = open_table(source)
    column = None
    for chunk in table.chunks():
        if column is None:
            sample = chunk.frame.head(1_000)
            column, _ = choose_smiles(table.columns, sample, smiles, source=table.name)
        cells = chunk.frame[column].tolist()
        yield from (cells[first : first + _CHUNK] for first in range(0, len(cells), _CHUNK))


def _identities(cells: Sequence[str], fragments: bool) -> tuple[list[list[str]], list[BadMolecule]]:
    """Return the identity of each molecule, with those of its fragments; and what is none."""
    found, bad = [], []
    with rdBase.BlockLogs():
        for row, text in enumerate(cells):
            try:
                molecule = parse_smiles(text)
                name = identity(molecule)
                found.append([name, *(fragments_of(molecule, name) if fragments else [])])
            except ValueError as error:
                bad.append(BadMolecule(row, text, str(error)))
    return found, bad


class _Seen:
    """Which molecules were there before: 8 bytes for each, whatever their length."""

    def __init__(self) -> None:
        self._hashes: NDArray[np.uint64] = np.empty(0, np.uint64)

    def add(self, names: Sequence[str]) -> list[str]:
        """Return those of the names that are new, and remember them."""
        raw = b"".join(hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names)
        hashes = np.frombuffer(raw, np.uint64)
        different, first = np.unique(hashes, return_index=True)
        where = np.searchsorted(self._hashes, different)
        known = np.zeros(len(different), bool)
        inside = where < len(self._hashes)
        known[inside] = self._hashes[where[inside]] == different[inside]
        self._hashes = np.insert(self._hashes, where[~known], different[~known])
        return [names[row] for row in np.sort(first[~known])]
