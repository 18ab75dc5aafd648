"""Views: randomly altered copies of molecules, made on a whole batch at once.

The four graph augmentations of GraphCL (You et al., NeurIPS 2020, arXiv 2010.13902), each with a
strength in [0, 1): the share of a molecule's atoms or bonds that it takes away. Both directions of
a bond share one fate, and every molecule keeps at least one atom.
"""

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Generator, Tensor
from torch_geometric.data import Batch

from rnc_graph.data.featurizer import ATOM_FEATURE_SIZES
from rnc_graph.data.packed import make_batch
from rnc_graph.errors import BadValueError
from rnc_graph.registry import Registry


class View(Protocol):
    """What makes a view: a batch and a generator in, an altered batch of as many graphs out."""

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """Return the view; ``batch`` itself stays as it is."""
        ...


class _WithStrength:
    """The strength that all augmentations have."""

    def __init__(self, strength: float) -> None:
        if not 0 <= strength < 1:
            raise BadValueError(
                f"the strength of {type(self).__name__} must be in [0, 1), not {strength}"
            )
        self.strength = strength


VIEWS: Registry[View] = Registry("augmentation")


@VIEWS.register("drop_atoms")
class DropAtoms(_WithStrength):
    """Remove a share of each molecule's atoms, rounded down, with their bonds."""

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """Return the view."""
        order = torch.rand(batch.num_nodes, generator=generator)
        counts = batch.ptr.diff()
        # The product may round up to all atoms.
        dropped = (self.strength * counts.double()).long().minimum(counts - 1)
        return _keep_atoms(batch, _rank(order, batch) >= dropped[batch.batch])


@VIEWS.register("drop_bonds")
class DropBonds(_WithStrength):
    """Remove each bond with probability ``strength``."""

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """Return the view."""
        bonds = batch.num_edges // 2
        kept = torch.rand(bonds, generator=generator) >= self.strength
        return _keep_edges(batch, kept.repeat_interleave(2))


@VIEWS.register("mask_attributes")
class MaskAttributes(_WithStrength):
    """Hide all features of each atom with probability ``strength``, behind a mask of their own."""

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """Return the view."""
        hidden = torch.rand(batch.num_nodes, 1, generator=generator) < self.strength
        view = batch.clone()
        view.x = torch.where(hidden, torch.tensor(ATOM_FEATURE_SIZES), batch.x)
        return view


@VIEWS.register("subgraph")
class Subgraph(_WithStrength):
    """Keep a connected part of each molecule that holds ``1 - strength`` of its atoms, rounded up.

    The part grows from a random atom along bonds of random lengths: an atom joins at its distance
    from the first one, so each joins after a neighbor and the part is connected at any size. Of a
    salt it keeps at most the fragment of the first atom.
    """

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """Return the view."""
        start = _rank(torch.rand(batch.num_nodes, generator=generator), batch) == 0
        distance = torch.where(start, 0.0, torch.inf).double()
        source, target = batch.edge_index
        # In float64 no two paths tie, and a sum never rounds to the length of its first part.
        lengths = torch.rand(batch.num_edges // 2, generator=generator, dtype=torch.float64) + 1e-6
        lengths = lengths.repeat_interleave(2)
        while True:
            nearer = distance.scatter_reduce(0, target, distance[source] + lengths, "amin")
            if torch.equal(nearer, distance):
                break
            distance = nearer
        kept = torch.ceil((1 - self.strength) * batch.ptr.diff().double()).long().clamp(min=1)
        near = (_rank(distance, batch) < kept[batch.batch]) & distance.isfinite()
        return _keep_atoms(batch, near)


class Compose:
    """Several augmentations, one after another."""

    def __init__(self, *views: View) -> None:
        self.views = views

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """Return the view."""
        for view in self.views:
            batch = view(batch, generator)
        return batch


def make_view(strengths: Mapping[str, float]) -> View | None:
    """Make a view from augmentations by name and strength, applied in order; None for none.

    Raises:
        UnknownNameError: no augmentation has this name.
        RncGraphError: a strength lies outside [0, 1).
    """
    views = [VIEWS.make(name, strength=strength) for name, strength in strengths.items()]
    return Compose(*views) if views else None


def _rank(order: Tensor, batch: Batch) -> Tensor:
    """Return each atom's place (from 0) among its molecule's atoms when sorted by ``order``."""
    by_order = torch.argsort(order, stable=True)
    # Stable, so that within a molecule the first sort's order stays.
    by_molecule = by_order[torch.argsort(batch.batch[by_order], stable=True)]
    rank = torch.empty_like(by_molecule)
    rank[by_molecule] = torch.arange(len(rank)) - batch.ptr[batch.batch]
    return rank


def _keep_atoms(batch: Batch, kept: Tensor) -> Batch:
    """Return the batch without the other atoms and their bonds."""
    source, target = batch.edge_index
    new_number = kept.cumsum(0) - 1
    edges = kept[source] & kept[target]
    return make_batch(
        x=batch.x[kept],
        edge_index=new_number[batch.edge_index[:, edges]],
        edge_attr=batch.edge_attr[edges],
        ptr=_kept_ptr(batch.ptr, kept),
        edge_ptr=_kept_ptr(batch._slice_dict["edge_index"], edges),
    )


def _keep_edges(batch: Batch, kept: Tensor) -> Batch:
    """Return the batch without the other directed edges."""
    return make_batch(
        x=batch.x,
        edge_index=batch.edge_index[:, kept],
        edge_attr=batch.edge_attr[kept],
        ptr=batch.ptr,
        edge_ptr=_kept_ptr(batch._slice_dict["edge_index"], kept),
    )


def _kept_ptr(ptr: Tensor, kept: Tensor) -> Tensor:
    """Return where each graph begins once the other rows are gone."""
    before = torch.cat([ptr.new_zeros(1), kept.cumsum(0)])
    return before[ptr]
