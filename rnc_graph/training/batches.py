"""The data that a stage takes: a dataset, a list of graphs, or a loader."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Sequence, Sized
from functools import cached_property
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.utils.data import Dataset as MapDataset
from torch.utils.data import (
    IterableDataset,
    RandomSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from torch_geometric.data import Batch, Data
from torch_geometric.data import Dataset as PyGDataset
from torch_geometric.loader.dataloader import Collater

from rnc_graph.data.from_pyg import OwnLayoutError, graphs_of
from rnc_graph.data.graphs import GraphDataset
from rnc_graph.data.loader import (
    Loader,
    Subset,
    Transforms,
    WrappedLoader,
    iterate,
    split_targets,
)
from rnc_graph.data.packed import Level
from rnc_graph.data.schema import GraphSchema
from rnc_graph.errors import BadValueError
from rnc_graph.losses.checks import check_finite
from rnc_graph.seeding import drawing_from
from rnc_graph.training.config import StageConfig
from rnc_graph.training.inference import infer, moved

# Samples in a batch where the size does not change the result.
_BATCH_SIZE = 256


class _MapStyle:
    """Inputs, or pairs of inputs and targets, of a map-style dataset of torch or a tensor.

    Inputs are read anew for each batch. What reading draws beside training has a fixed seed.
    """

    def __init__(self, data: Any) -> None:
        self.data = data
        self.first = self.items(1)[0] if len(data) else None
        self.paired = isinstance(self.first, list | tuple) and len(self.first) == 2

    def __len__(self) -> int:
        return len(self.data)

    def items(self, count: int | None = None) -> list[Any]:
        """Return the first items, or all."""
        with drawing_from(Generator().manual_seed(0)):
            return [self.data[i] for i in range(len(self) if count is None else count)]

    def batch(self, index: Tensor) -> Any:
        """Return some of the inputs as one tensor, or one ``Batch``."""
        items: Any = [self.data[i] for i in index.tolist()]
        items = [item[0] for item in items] if self.paired else items
        return Collater(items)(items)

    @cached_property
    def y(self) -> Tensor | None:
        """(N, t) targets; None without."""
        if not self.paired:
            return None
        with drawing_from(Generator().manual_seed(0)):  # One at a time: inputs may be images.
            targets = [torch.as_tensor(self.data[i][1]) for i in range(len(self))]
        return torch.stack([y.double().flatten() for y in targets])


class StageData:
    """N samples with targets, from whatever holds them.

    Args:
        data: a dataset with ``batch(index)`` and ``y``; a PyG dataset, a list of ``Data``, a
            ``Batch`` or one ``Data``; a loader of batches, such as PyG's ``DataLoader``, whose
            order is kept; a ``torch.utils.data.Subset`` of a dataset or a list; a map-style dataset
            of torch, of ``Data`` or of pairs of inputs and targets; or a tensor of inputs.
        device: where a dataset is moved to, if it fits.
        name: what messages call the data.

    Raises:
        BadValueError: none of these, no samples, or a loader of unknown length.
    """

    def __init__(self, data: Any, device: torch.device, name: str = "data") -> None:
        self.device = device
        self.name = name
        self.loader: Any = None
        self.dataset: Any = None
        data = _unwrapped(data)
        if isinstance(data, Loader | WrappedLoader | torch.utils.data.DataLoader):
            self.loader = data
        elif callable(getattr(data, "batch", None)):
            self.dataset = moved(data, device)
        elif isinstance(data, PyGDataset) or _are_graphs(data):
            try:
                self.dataset = moved(_packed(data, name), device)
            except BadValueError as error:
                raise type(error)(f"{name}: {error}") from error
        elif isinstance(data, Tensor) or _is_map_style(data):
            self.dataset = _MapStyle(data)
            if isinstance(self.dataset.first, Data):
                self.dataset = moved(GraphDataset.from_pyg(self.dataset.items()), device)
        else:
            raise BadValueError(
                f"{name}: expected a dataset with batch(index) and y, a PyG dataset, a list of "
                "Data, a Batch, a map-style dataset of pairs of inputs and targets, or a "
                f"DataLoader, got {_described(data)}"
            )
        try:
            count = len(self.dataset if self.loader is None else self.loader)
        except (TypeError, ValueError) as error:  # Of a stream, or of a sampler that does not know.
            raise BadValueError(
                f"{name}: expected a loader of known length, got a {type(data).__name__}: {error}"
            ) from error
        if count == 0:
            raise BadValueError(f"{name}: expected at least one sample, got none")

    @cached_property
    def y(self) -> Tensor:
        """(N, t) targets in their own units, NaN where missing; of a loader, in its order.

        Raises:
            BadValueError: there are none, or one is infinite.
        """
        if self.loader is None:
            y: Tensor | None = self.dataset.y
            if y is None:
                raise BadValueError(f"{self.name}: expected targets y, got a dataset without")
            y = (y[:, None] if y.dim() == 1 else y).cpu()
        else:
            y = torch.cat([split_targets(batch)[1] for batch in self._batches()])
        check_finite(f"{self.name}: targets", y, missing=True)
        return y

    @cached_property
    def described(self) -> Any:
        """A dataset with a schema, or a batch: what an encoder is made for."""
        if self.loader is None:
            return self.dataset
        dataset = _unwrapped(getattr(self.loader, "dataset", None))
        if isinstance(dataset, list | PyGDataset) and isinstance(dataset[0], Data):
            return _packed(dataset)
        return dataset if hasattr(dataset, "schema") else next(self.inputs())

    @property
    def example(self) -> Any:
        """The same, or a batch of what only PyG collates: what a module can run on."""
        try:
            return self.described
        except OwnLayoutError:
            return next(self.inputs())

    @property
    def schema(self) -> GraphSchema | None:
        """The features that an encoder must take, where the data say so."""
        return getattr(self.described, "schema", None)

    @property
    def _levels(self) -> dict[str, Level]:
        """What the tensors of a loader's graphs have a value for, as all of them show it."""
        try:
            graphs = self.described
        except OwnLayoutError:
            return {}
        return graphs.packed.levels if isinstance(graphs, GraphDataset) else {}

    def check_known(self) -> None:
        """Raise :class:`BadValueError` for a target that no sample has."""
        values = self.y if self.y.dim() == 2 else self.y[..., 0]
        missing = values.isnan().all(dim=0).nonzero().flatten().tolist()
        if missing:
            raise BadValueError(
                f"{self.name}: no sample has target {missing[0]}; leave it out, or add samples "
                "with it"
            )

    def check_order(self) -> None:
        """Raise :class:`BadValueError` for a loader whose outputs would not be one a sample.

        One that shuffles, leaves samples out, or yields augmented views.
        """
        loader = self.loader
        if isinstance(loader, Loader):
            if loader.shuffle or loader.augments:
                raise BadValueError(
                    f"{self.name}: expected a Loader that keeps its order, without views and "
                    "transform, or the dataset itself"
                )
            return
        for sampler in (getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)):
            if _shuffles(sampler):
                raise BadValueError(
                    f"{self.name}: expected a loader that keeps its order (shuffle=False), got one "
                    f"with a {type(sampler).__name__}"
                )
            if getattr(sampler, "drop_last", False):
                raise BadValueError(
                    f"{self.name}: expected a loader with all samples, got one with drop_last=True"
                )

    def check_last_batch(self) -> None:
        """Raise :class:`BadValueError` for a loader whose last batch is one sample.

        There it has no other to be compared with.
        """
        loader = self.loader
        if not isinstance(loader, torch.utils.data.DataLoader) or loader.drop_last:
            return
        size = loader.batch_size
        if (
            size
            and size > 1
            and isinstance(loader.sampler, Sized)
            and len(loader.sampler) % size == 1
        ):
            raise BadValueError(
                f"{self.name}: the last of the loader's batches has one sample, and the loss "
                f"compares samples: pass drop_last=True, or another batch_size than {size}"
            )

    def inputs(self) -> Iterator[Any]:
        """Return the inputs of all samples, in batches."""
        if self.loader is None:
            rows = torch.split(torch.arange(len(self.dataset)), _BATCH_SIZE)
            return map(self.dataset.batch, rows)
        return (batch[0] if isinstance(batch, list | tuple) else batch for batch in self._batches())

    def batches(
        self,
        scale: Callable[[Tensor], Tensor],
        config: StageConfig | None = None,
        *,
        seed: int = 0,
        views: int = 1,
        transform: Transforms = None,
        balanced: bool = False,
    ) -> Loader | WrappedLoader:
        """Return the batches of a stage, or with ``config=None`` of its validation.

        ``scale`` standardizes targets (B, t); for the rest see :class:`rnc_graph.data.Loader`.
        """
        if self.loader is not None:
            if balanced or getattr(self.loader, "views", 1) != 1:
                raise BadValueError(
                    "balanced batches need a dataset, and views belong to TwoStage: got a loader"
                )
            return WrappedLoader(
                self.loader,
                views=views,
                transform=transform,
                targets=scale,
                levels=self._levels,
                seed=seed,
            )
        # Beside the inputs, so that no step copies them.
        device = getattr(self.dataset, "device", torch.device("cpu"))
        index = torch.arange(len(self.dataset), device=device)
        dataset = Subset(self.dataset, index, scale(self.y).to(device))
        if config is None:
            return Loader(dataset, _BATCH_SIZE)
        return Loader(
            dataset,
            config.batch_size,
            shuffle_seed=seed,
            views=views,
            transform=transform,
            balanced=balanced,
        )

    def embedded(self, encoder: nn.Module) -> StageData:
        """Return the samples with their embeddings (N, d) as inputs, computed once."""
        if self.loader is None:
            embedding, y = infer(encoder, ((i,) for i in self.inputs()), self.device), self.y
        else:
            # One pass: a loader that shuffles has another order in the next.
            targets: list[Tensor] = []

            def inputs() -> Iterator[tuple[Any]]:
                for batch in self._batches():
                    found, target = split_targets(batch)
                    targets.append(target)
                    yield (found,)

            embedding = infer(encoder, inputs(), self.device)
            y = torch.cat(targets)
        return StageData(Subset(embedding, torch.arange(len(embedding)), y), self.device)

    def _batches(self) -> Iterator[Any]:
        """Iterate over the loader, without a trace in the global generators."""
        first = 0
        for batch in iterate(self.loader, Generator().manual_seed(0)):
            inputs = batch[0] if isinstance(batch, list | tuple) else batch
            if isinstance(inputs, Batch):
                _check_features(inputs, f"{self.name}: graph", first)
                first += inputs.num_graphs
            yield batch


def _check_features(batch: Batch, name: str, first: int) -> None:
    """Raise :class:`BadValueError` for floats of nodes or edges that are not finite."""
    for key in ("x", "edge_attr"):
        values = batch.get(key)
        if not isinstance(values, Tensor) or not values.is_floating_point():
            continue
        wrong = (~values.reshape(len(values), -1).isfinite().all(1)).nonzero().flatten()
        if len(wrong):
            node = wrong[0] if key == "x" else batch.edge_index[0, wrong[0]]
            number = first + int(batch.batch[node])
            raise BadValueError(f"{name} {number}: {key!r} holds features that are not finite")


def _packed(data: Any, name: str | None = None) -> GraphDataset:
    """Pack graphs; what the transform of a PyG dataset draws has a fixed seed.

    With a ``name``, warn of a transform that draws: each graph is altered once.
    """
    if getattr(data, "transform", None) is None:
        return GraphDataset.from_pyg(data)
    with drawing_from(Generator().manual_seed(0)):
        before = torch.get_rng_state(), random.getstate()
        packed = GraphDataset.from_pyg(data)
        drew = not torch.equal(torch.get_rng_state(), before[0]) or random.getstate() != before[1]
    if name is not None and drew:
        warnings.warn(
            f"{name}: the random transform of the {type(data).__name__} is applied once, not in "
            "each epoch; pass it as TwoStage(transform=...), or pass a DataLoader",
            stacklevel=2,
        )
    return packed


def _shuffles(sampler: Any) -> bool:
    """Return whether a sampler of samples or batches draws them at random."""
    random_ones = RandomSampler | SubsetRandomSampler | WeightedRandomSampler
    inner = getattr(sampler, "sampler", None)
    return (
        isinstance(sampler, random_ones)
        or getattr(sampler, "shuffle", False) is True
        or (inner is not None and _shuffles(inner))
    )


def _unwrapped(data: Any) -> Any:
    """Return one graph or a batch as a list, and a ``torch.utils.data.Subset`` as its whole is."""
    if isinstance(data, Data):
        return graphs_of(data)
    if not isinstance(data, torch.utils.data.Subset):
        return data
    whole, index = _unwrapped(data.dataset), torch.tensor([int(i) for i in data.indices]).long()
    if isinstance(whole, GraphDataset | PyGDataset):
        return whole[index]
    if callable(getattr(whole, "batch", None)):
        return Subset(whole, index, whole.y[index])
    return [whole[i] for i in index.tolist()] if isinstance(whole, list | tuple) else data


def _is_map_style(data: Any) -> bool:
    streams = isinstance(data, IterableDataset)
    return isinstance(data, MapDataset) and isinstance(data, Sized) and not streams


def _are_graphs(data: Any) -> bool:
    return isinstance(data, Sequence) and all(isinstance(graph, Data) for graph in data)


def _described(data: Any) -> str:
    """Return what a message says of data that cannot be used."""
    if not isinstance(data, list | tuple):
        return "None" if data is None else type(data).__name__
    wrong = next(item for item in data if not isinstance(item, Data))
    return f"a {type(data).__name__} with a {type(wrong).__name__}"
