"""MPNN with an edge network and a GRU (Gilmer et al., ICML 2017, arXiv 1704.01212)."""

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch
from torch_geometric.nn import MessagePassing

from rnc_graph.encoders.graph import GraphEncoder, Readout, atom_embedding, bond_embedding
from rnc_graph.encoders.registry import ENCODERS
from rnc_graph.errors import BadValueError


class EdgeNetworkConv(MessagePassing):  # type: ignore[misc]  # PyG is untyped
    """Mean over the neighbors' vectors, each times the matrix of its bond.

    The same map as PyG's ``NNConv`` without root weight. A molecule's bonds are of a few kinds, so
    the edge network runs once a kind and the atoms meet each kind's matrix in one product; a matrix
    an edge, as ``NNConv`` keeps them, takes ten times as long.
    """

    def __init__(self, hidden_dim: int) -> None:
        # Gilmer et al. sum; a mean keeps the scale of the messages whatever an atom's degree.
        super().__init__(aggr="mean")
        self.bond_embedding = bond_embedding(hidden_dim)
        self.edge_network = nn.Sequential(
            nn.Linear(hidden_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, hidden_dim**2)
        )

    def matrices(self, kinds: Tensor) -> Tensor:
        """Return the (kinds, d, d) matrices of bonds with the features ``kinds`` (kinds, 3)."""
        flat: Tensor = self.edge_network(self.bond_embedding(kinds))
        return flat.view(len(kinds), self.bond_embedding.dim, self.bond_embedding.dim)

    def forward(self, atoms: Tensor, edge_index: Tensor, kind: Tensor, matrices: Tensor) -> Tensor:
        """Return the messages to each atom, (A, d).

        Args:
            atoms: (A, d).
            edge_index: (2, E).
            kind: (E,) each edge's place in ``matrices``.
            matrices: (kinds, d, d).
        """
        by_kind = torch.matmul(atoms, matrices)  # (kinds, A, d)
        size = (len(atoms), len(atoms))
        messages: Tensor = self.propagate(edge_index, by_kind=by_kind, kind=kind, size=size)
        return messages

    def message(self, by_kind: Tensor, kind: Tensor, edge_index_j: Tensor) -> Tensor:
        """Pick each edge's message, (E, d)."""
        return by_kind[kind, edge_index_j]


@ENCODERS.register("mpnn")
class MPNN(GraphEncoder):
    """One message function, applied ``steps`` times; a GRU updates the atoms' vectors.

    Args:
        hidden_dim: width.
        steps: rounds of messages.
        dropout: probability on each round's messages.
        readout: see :class:`GraphEncoder`.
    """

    def __init__(
        self,
        hidden_dim: int = 64,
        steps: int = 4,
        dropout: float = 0.0,
        readout: Readout = "both",
    ) -> None:
        super().__init__(hidden_dim, readout)
        if steps < 1:
            raise BadValueError(f"steps must be at least 1, not {steps}")
        self.steps = steps
        self.atom_embedding = atom_embedding(hidden_dim)
        self.message = EdgeNetworkConv(hidden_dim)
        self.update = nn.GRUCell(hidden_dim, hidden_dim)
        self.dropout = nn.Dropout(dropout)

    def atoms(self, batch: Batch) -> Tensor:
        """Return the (atoms, hidden_dim) vectors after the last round."""
        atoms: Tensor = self.atom_embedding(batch.x)
        kinds, kind = torch.unique(batch.edge_attr, dim=0, return_inverse=True)
        matrices = self.message.matrices(kinds)
        for _ in range(self.steps):
            messages = torch.relu(self.message(atoms, batch.edge_index, kind, matrices))
            atoms = self.update(self.dropout(messages), atoms)
        return atoms
