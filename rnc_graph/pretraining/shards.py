"""The store of a corpus: graphs and descriptors of its molecules, in shards that are made once.

A shard is a file of safetensors with 4,096 molecules, which is mapped into memory. It is written as
one: a process that is killed loses the shards that it was at. Several processes, or machines that
share the folder, may make the shards of one store: each takes a part of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor

from rnc_graph.data.features import graphs_of
from rnc_graph.data.featurizer import FeaturizerConfig, descriptor_names, molecule_arrays
from rnc_graph.data.graphs import GraphDataset
from rnc_graph.errors import BadValueError, FileError
from rnc_graph.files import atomic_path, remove_leftovers, write_bytes
from rnc_graph.pretraining.corpus import Corpus
from rnc_graph.workers import in_order

SHARD = 4_096
# Molecules whose descriptors give the ranks, and points of the grid of each descriptor.
_RANKED, _POINTS = 65_536, 256
# A descriptor that has the same value in more molecules says too little.
_MOST_ALIKE = 0.995
_ARRAYS = ("atoms", "ends", "bonds", "atom_counts", "edge_counts", "descriptors")


@dataclass(frozen=True)
class CorpusStore:
    """The shards of a corpus, beside its list of molecules."""

    corpus: Corpus

    @cached_property
    def shards(self) -> list[Path]:
        """The file of each shard, whether it is there or not."""
        count = -(-self.corpus.molecules // SHARD)
        return [self.corpus.folder / f"{number:06d}.safetensors" for number in range(count)]

    def describe(
        self,
        *,
        part: tuple[int, int] = (1, 1),
        jobs: int = 1,
        on_done: Callable[[int], None] = lambda molecules: None,
    ) -> None:
        """Make the shards that are missing.

        Args:
            part: (i, n) for the i-th of n parts, from 1, where several machines share the work.
            jobs: processes.
            on_done: receives the number of molecules done or there already.

        Raises:
            RunError: a worker process died.
            FileError: a shard that is there cannot be read, or is of other molecules than the list.
        """
        number, parts = part
        if not 1 <= number <= parts:
            raise BadValueError(f"part: expected i/n with i from 1 to n, got {number}/{parts}")
        remove_leftovers(self.corpus.folder)
        own = set(self.shards[number - 1 :: parts])
        done = 0

        def missing() -> Iterator[tuple[Path, list[str]]]:
            nonlocal done
            lines = self.corpus.smiles()
            for path in self.shards:
                smiles = list(islice(lines, SHARD))
                if path in own and path.exists():
                    _check_list(path, smiles)
                    done += len(smiles)
                elif path in own:
                    yield path, smiles

        lost = "finished shards were kept"
        for molecules in in_order(_make_shard, missing(), jobs, lost, trains=False):
            done += molecules
            on_done(done)
        on_done(done)

    def check(self) -> None:
        """Raise :class:`FileError` if a shard is missing."""
        missing = [path.name for path in self.shards if not path.exists()]
        if missing:
            raise FileError(
                f"{self.corpus.folder}: {len(missing)} of {len(self.shards)} shards are missing, "
                f"such as {missing[0]}; make all parts of the corpus first"
            )

    @cached_property
    def sizes(self) -> list[int]:
        """The number of molecules in each shard, without those that have no descriptors."""
        return [_opened(path).get_slice("atom_counts").get_shape()[0] for path in self.shards]

    def read(self, shards: Sequence[int]) -> tuple[GraphDataset, Tensor]:
        """Return the N molecules of some shards, by number, end to end.

        Their graphs and their descriptors (N, D) float32, NaN where not defined.
        """
        parts = [_checked(self.shards[number]) for number in shards]
        arrays: dict[str, Any] = {
            name: np.concatenate([part[name] for part in parts]) for name in _ARRAYS
        }
        descriptors = torch.from_numpy(arrays.pop("descriptors"))
        return graphs_of(**arrays), descriptors

    @cached_property
    def ranks(self) -> DescriptorRanks:
        """What turns the corpus's descriptors into rank scores; kept beside the shards."""
        path = self.corpus.folder / "ranks.npy"
        if not path.exists():
            step = max(1, len(self.shards) * SHARD // _RANKED)
            chosen = [_checked(shard)["descriptors"] for shard in self.shards[::step]]
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                np.save(file, quantile_grid(np.concatenate(chosen)))
        try:
            return DescriptorRanks.of(np.load(path))
        except (ValueError, EOFError) as error:
            raise FileError(f"{path}: is damaged; remove it, and it is made again") from error


@dataclass(frozen=True)
class DescriptorRanks:
    """Turns descriptors into scores of their rank, of mean 0 and variance 1 without ties.

    Attributes:
        names: the k descriptors that vary.
        columns: (k,) where they are among all.
        grid: (k, q) q quantiles of each.
    """

    names: list[str]
    columns: Tensor
    grid: Tensor

    @classmethod
    def of(cls, grid: NDArray[np.float32]) -> DescriptorRanks:
        """Take what :func:`quantile_grid` returned."""
        kept = np.flatnonzero(~np.isnan(grid).any(axis=1))
        names = [descriptor_names()[column] for column in kept]
        return cls(names, torch.from_numpy(kept), torch.from_numpy(grid[kept]))

    def scores(self, descriptors: Tensor) -> Tensor:
        """Return the (N, k) scores of descriptors (N, D), NaN where not defined."""
        values = descriptors[:, self.columns.to(descriptors.device)].T.contiguous()
        grid = self.grid.to(values.device)
        low, high = (torch.searchsorted(grid, values, side=side) for side in ("left", "right"))
        scores = 12**0.5 * ((low + high) / (2 * _POINTS) - 0.5)
        return torch.where(values.isfinite(), scores, torch.nan).T.float().contiguous()


def quantile_grid(descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return q quantiles (D, q) of descriptors (N, D), NaN for those that hardly vary.

    Descriptors that are not defined (NaN) for half of the molecules are left out too.
    """
    grid = np.full((descriptors.shape[1], _POINTS), np.nan, dtype=np.float32)
    for row, values in zip(grid, descriptors.T, strict=True):
        known = values[np.isfinite(values)]
        _, counts = np.unique(known, return_counts=True)
        if 2 * len(known) >= len(values) and counts.max() <= _MOST_ALIKE * len(known):
            row[:] = np.quantile(known, np.linspace(0, 1, _POINTS), method="nearest")
    return grid


def _make_shard(task: tuple[Path, list[str]]) -> int:
    """Write the shard of some SMILES; return their number."""
    path, smiles = task
    arrays = molecule_arrays(smiles, FeaturizerConfig(descriptors=True))
    good = np.setdiff1d(np.arange(len(smiles)), [bad.row for bad in arrays.bad])
    with np.errstate(over="ignore"):  # Beyond float32: not defined, then.
        descriptors = arrays.descriptors[good].astype(np.float32)
    shard = {
        "atoms": arrays.atoms,
        "ends": arrays.ends,
        "bonds": arrays.bonds,
        "atom_counts": arrays.atom_counts[good],
        "edge_counts": arrays.edge_counts[good],
        "descriptors": descriptors,
    }
    shard = {name: np.ascontiguousarray(array) for name, array in shard.items()}
    write_bytes(path, save(shard, {"crc32": _crc32(shard), "list": _list_crc32(smiles)}))
    return len(smiles)


def _list_crc32(smiles: list[str]) -> str:
    return str(zlib.crc32("\n".join(smiles).encode()))


def _check_list(path: Path, smiles: list[str]) -> None:
    if (_opened(path).metadata() or {}).get("list") != _list_crc32(smiles):
        raise FileError(
            f"{path}: is of other molecules than those of the list beside it; remove the folder, "
            "and it is made again"
        )


def _crc32(shard: dict[str, NDArray[Any]]) -> str:
    checksum = 0
    for name in _ARRAYS:
        checksum = zlib.crc32(shard[name].data, checksum)
    return str(checksum)


def _checked(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a shard; raise :class:`FileError` if they are not what was written."""
    opened = _opened(path)
    try:
        shard = {name: opened.get_tensor(name) for name in _ARRAYS}
        if _crc32(shard) == (opened.metadata() or {}).get("crc32"):
            return shard
    except SafetensorError:
        pass
    raise FileError(f"{path}: is damaged; remove it, and the next run makes it again")


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, "numpy")
    except (OSError, SafetensorError) as error:
        raise FileError(
            f"{path}: cannot be read: {error}; remove it, and it is made again"
        ) from error
