"""Lists of random graphs, for tests."""

import networkx as nx
import torch
from hypothesis import strategies as st
from torch import Generator, Tensor
from torch_geometric.data import Data
from torch_geometric.utils import from_networkx, from_smiles, to_undirected

SMILES = ["C", "CCO", "c1ccccc1C(=O)O", "[Na+].[Cl-]", "C#CC1CC1", "CC(C)(C)c1ccc(O)cc1Cl"]


@st.composite
def graph_lists(draw: st.DrawFn, *, undirected: bool | None = None) -> list[Data]:
    """Draw 1 to 6 graphs: any edges in any order, and tensors of nodes, edges and graphs."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    symmetric = draw(st.booleans()) if undirected is None else undirected
    dropped = draw(
        st.sets(st.sampled_from(["x", "edge_attr", "pos", "z", "edge_weight", "u", "y"]))
    )
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=6))
    graphs = [
        _random_graph(size, draw(st.integers(0, 8)), generator, symmetric=symmetric)
        for size in sizes
    ]
    for graph in graphs:
        for name in dropped:
            del graph[name]
        if not {"x", "pos"} - dropped:
            graph.num_nodes = len(graph.node_number)
    return graphs


def _random_graph(nodes: int, edges: int, generator: Generator, *, symmetric: bool) -> Data:
    def rand(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    edge_index = (rand(2, edges) * nodes).long()
    edge_attr, edge_weight = rand(edges, 2), rand(edges)
    if symmetric:
        edge_index = torch.cat([edge_index, edge_index.flip(0)], dim=1)
        edge_attr, edge_weight = edge_attr.repeat(2, 1), edge_weight.repeat(2)
        order = torch.randperm(2 * edges, generator=generator)
        edge_index, edge_attr, edge_weight = (
            edge_index[:, order],
            edge_attr[order],
            edge_weight[order],
        )
    return Data(
        x=rand(nodes, 3),
        edge_index=edge_index,
        edge_attr=edge_attr,
        pos=rand(nodes, 3),
        z=torch.arange(nodes),
        edge_weight=edge_weight,
        u=rand(1, 2),
        y=rand(1, 2),
        node_number=torch.arange(nodes),
        edge_number=torch.arange(edge_index.shape[1]),
    )


def undirected_graphs(count: int) -> list[Data]:
    """Return undirected graphs from SMILES, from networkx and with shuffled edges, in turn."""
    generator = torch.Generator().manual_seed(0)
    graphs = []
    for number in range(count):
        if number % 3 == 0:
            graph = from_smiles(SMILES[number // 3 % len(SMILES)])
        elif number % 3 == 1:
            network = nx.gnp_random_graph(3 + number % 9, 0.4, seed=number)
            graph = from_networkx(network)
            graph.x = torch.rand(network.number_of_nodes(), 2, generator=generator)
            graph.edge_attr = _same_both_ways(graph.edge_index)
        else:
            ends = torch.randint(0, 7, (2, 10), generator=generator)
            edge_index = to_undirected(ends, num_nodes=7)
            edge_index = edge_index[:, torch.randperm(edge_index.shape[1], generator=generator)]
            graph = Data(x=torch.rand(7, 2, generator=generator), edge_index=edge_index)
            graph.edge_attr = _same_both_ways(edge_index)
        assert graph.is_undirected()
        graphs.append(graph)
    return graphs


def _same_both_ways(edge_index: Tensor) -> Tensor:
    return (edge_index.sum(0) + edge_index[0] * edge_index[1])[:, None].float()
