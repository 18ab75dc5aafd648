"""Graph encoders without gradients, on each distinct environment of a batch's nodes once.

After l layers a node's vector depends on what lies up to l bonds away, which is the same for many
nodes of many molecules: more than half of the products would be of rows that are known already.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from rnc_graph.data.schema import OGB_MOLECULES
from rnc_graph.encoders.gin import GIN
from rnc_graph.encoders.graph import pool
from rnc_graph.encoders.incidence import Incidence

# To compare the environments of fewer nodes takes longer than to compute them.
_WORTH = 512
_ALL = slice(None)


class _Layer(NamedTuple):
    """A layer's n environments, made of those of the layer before, over e edges.

    Attributes:
        of_node: (A,) the environment of each node of the batch.
        own: (n,) the one that each environment's node had before.
        source: (e,) the one that each edge starts from.
        target: the environment that each edge leads to.
        bond: (e,) the kind of each edge.
    """

    of_node: Tensor | slice
    own: Tensor | slice
    source: Tensor
    target: Incidence
    bond: Tensor | slice


class Environments:
    """A batch of molecules, and which of its atoms have the same environment, for any encoders.

    An atom's environment in layer l is its own in layer l - 1, its neighbors', and the bonds to
    them (Weisfeiler and Leman, 1968). They are compared by sums of random 64-bit numbers: two that
    differ have equal sums in one of about 10^10 batches.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._layers: list[_Layer] = []

    def embed(self, encoder: nn.Module) -> Tensor:
        """Return the (B, d) embedding by an encoder in evaluation mode, without gradients.

        The same as of the batch, but for the order in which a node's neighbors are added.
        """
        batch = self.batch
        known = type(encoder) is GIN and encoder.schema == OGB_MOLECULES
        if not known or batch.x.device.type != "cpu" or not len(batch.edge_attr):
            embedding: Tensor = encoder(batch)
            return embedding
        return self._embed(encoder)

    def _embed(self, gin: Any) -> Tensor:
        if not self._layers:
            self._start(gin)
        while len(self._layers) <= len(gin.convolutions):
            self._layers.append(self._next(self._layers[-1]))
        layers = self._layers[1 : len(gin.convolutions) + 1]
        nodes = gin.atom_embedding.table(self._atoms)
        for layer, block, norm in zip(layers, gin.convolutions, gin.norms, strict=True):
            own, bonds = _rows(nodes, layer.own), block.bond_embedding.table(self._bonds)
            messages = _rows(nodes, layer.source).add_(_rows(bonds, layer.bond)).relu_()
            sums = layer.target.add(messages) + (1 + block.convolution.eps) * own
            nodes = own + norm(block.convolution.nn(sums)).relu_()
        nodes = _rows(nodes, layers[-1].of_node)
        embedding: Tensor = gin.output(
            pool(nodes, self.batch.batch, self.batch.num_graphs, gin.readout)
        )
        return embedding

    def _start(self, gin: Any) -> None:
        """Find the kinds of atoms and bonds: the rows of their tables (n, 9), (k, 3)."""
        self._atoms = gin.atom_embedding.indices(self.batch.x)
        self._bonds = gin.convolutions[0].bond_embedding.indices(self.batch.edge_attr)
        source, target = self.batch.edge_index
        if len(self._atoms) < _WORTH:
            self._layers = [_Layer(_ALL, _ALL, source, Incidence(target, len(self._atoms)), _ALL)]
            return
        (of_node, first), (bond, first_bond) = (
            _distinct(_numbers(int(rows.max()) + 1)[rows].sum(1))
            for rows in (self._atoms, self._bonds)
        )
        self._layers = [_Layer(of_node, first, source, Incidence(target, len(self._atoms)), bond)]
        self._atoms, self._bonds = self._atoms[first], self._bonds[first_bond]

    def _next(self, before: _Layer) -> _Layer:
        first = self._layers[0]
        if isinstance(before.of_node, slice) or isinstance(first.bond, slice):
            return before
        source, target = self.batch.edge_index
        own, kind, count = before.of_node, first.bond, len(self._bonds)
        numbers = _numbers(len(own) + count + 1)
        of_own, of_bond = numbers[own], numbers[-count - 1 : -1] | 1
        total = of_own * (numbers[-1] | 1)
        total.index_add_(0, target, of_own[source] * of_bond[kind])
        of_node, one = _distinct(total)
        chosen = torch.zeros(len(own), dtype=torch.bool)
        chosen[one] = True
        edges = chosen[target].nonzero().squeeze(1)
        leads_to = Incidence(of_node[target[edges]], len(one))
        return _Layer(of_node, own[one], own[source[edges]], leads_to, kind[edges])


def _rows(values: Tensor, index: Tensor | slice) -> Tensor:
    """Return some rows of a matrix; half the time of ``values[index]``."""
    return values if isinstance(index, slice) else values.index_select(0, index)


def _numbers(count: int) -> Tensor:
    """Return random 64-bit numbers, the same in each call."""
    generator = torch.Generator().manual_seed(count)
    return torch.randint(-(2**63), 2**63 - 1, (count,), generator=generator)


def _distinct(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Return which of the distinct keys each is (A,), and where each of these is first (n,)."""
    _, first, inverse = np.unique(keys.numpy(), return_index=True, return_inverse=True)
    return torch.from_numpy(inverse), torch.from_numpy(first)
