"""Encoders of graphs with other features than our molecules'."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GINConv, NNConv
from torch_geometric.transforms import ToSparseTensor
from torch_geometric.utils import from_smiles

from rnc_graph import TwoStage
from rnc_graph.data import GraphDataset, GraphSchema, MoleculeDataset
from rnc_graph.data.features import featurize
from rnc_graph.data.schema import MASK
from rnc_graph.encoders import ENCODERS, GIN, MPNN
from rnc_graph.encoders.edges import Edges
from rnc_graph.encoders.features import FeatureEmbedding
from rnc_graph.errors import BadValueError
from tests.data.graph_lists import SMILES, graph_lists

every_encoder = pytest.mark.parametrize("name", ["gcn", "gin", "mpnn"])


def _encoder(name: str, schema: GraphSchema) -> torch.nn.Module:
    torch.manual_seed(0)
    return ENCODERS.make(name, hidden_dim=8, **schema.options()).double()


@every_encoder
@settings(max_examples=30)
@given(graphs=graph_lists())
def test_floats_or_none(name: str, graphs: list[Data]) -> None:
    data = GraphDataset.from_pyg(graphs)
    assert data.schema.nodes == (3 if "x" in graphs[0] else 0)
    assert data.schema.edges == (2 if "edge_attr" in graphs[0] else 0)
    # In evaluation mode: batch normalization refuses a single node.
    encoder = _encoder(name, data.schema).eval()
    encoder.check(data.schema)
    embedding = encoder(data.batch())
    assert embedding.shape == (len(graphs), encoder.embedding_dim)
    embedding.square().sum().backward()
    edges = sum(graph.num_edges for graph in graphs)
    for parameter_name, parameter in encoder.named_parameters():
        if edges:
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.isfinite().all()
    # Graph by graph as in the batch.
    alone = torch.cat([encoder(data[[row]].batch()) for row in range(len(data))])
    torch.testing.assert_close(alone, encoder(data.batch()))


@every_encoder
@pytest.mark.parametrize("columns", [0, 2])
def test_nodes_alone(name: str, columns: int) -> None:
    def graph(**edges: torch.Tensor) -> Data:
        nodes = {"x": torch.ones(3, columns)} if columns else {"num_nodes": 3}
        return Data(**nodes, **edges)

    encoder = _encoder(name, GraphSchema(columns, 0)).float().eval()
    batch = Batch.from_data_list([graph()])
    without = Batch.from_data_list([graph(edge_index=torch.empty(2, 0, dtype=torch.long))])
    torch.testing.assert_close(encoder(batch), encoder(without))
    assert "edge_index" not in batch
    sparse = ToSparseTensor()(graph(edge_index=torch.tensor([[0, 1], [1, 0]])))
    with pytest.raises((ValueError, AttributeError, TypeError)):
        encoder(Batch.from_data_list([sparse]))


@every_encoder
def test_categories_of_pygs_molecules(name: str) -> None:
    data = GraphDataset.from_pyg([from_smiles(text) for text in SMILES])
    encoder = _encoder(name, data.schema)
    assert encoder(data.batch()).isfinite().all()
    ours, _ = featurize(SMILES)
    with pytest.raises(BadValueError, match=r"expected 'x' with categories of sizes \(119, 9, "):
        encoder.check(ours.schema)
    default = ENCODERS.make(name)
    default.check(ours.schema)
    with pytest.raises(BadValueError, match="in_channels and edge_dim of the data set's schema"):
        default.check(data.schema)
    # The hybridization of sulfur here, SP3D2, is past our table.
    with pytest.raises(BadValueError, match="expected categories of sizes"):
        default(GraphDataset.from_pyg([from_smiles("FS(F)(F)(F)(F)F")]).batch())


def test_tables_of_observed_length_fit_longer_ones() -> None:
    edges = torch.tensor([[0], [1]])
    graph = Data(x=torch.tensor([[0, 1], [3, 0]]), edge_index=edges)
    observed = GraphDataset.from_pyg([graph]).schema
    GIN(8, in_channels=(5, 2), edge_dim=None).check(observed)
    for sizes in [(3, 2), (5, 2, 2), 2]:
        with pytest.raises(BadValueError, match="expected 'x' with"):
            GIN(8, in_channels=sizes, edge_dim=None).check(observed)
    known = GraphDataset.from_pyg([graph], schema=GraphSchema((4, 2), 0)).schema
    assert known == observed
    with pytest.raises(BadValueError, match="expected 'x' with"):
        GIN(8, in_channels=(5, 2), edge_dim=None).check(known)


@pytest.mark.parametrize("loader", [True, False])
def test_two_stage_refuses_pygs_molecules_for_our_tables(loader: bool) -> None:
    # None of their indices is past our tables.
    molecules = [from_smiles(text) for text in ("CCO", "CCC", "CO", "CN")]
    for number, molecule in enumerate(molecules):
        molecule.y = torch.tensor([float(number)])
    data = DataLoader(molecules, 2) if loader else molecules
    ours = MoleculeDataset.from_smiles(["CCO", "CCC", "CO", "CN"], [0.0, 1.0, 2.0, 3.0])
    options = {"loss": None, "finetune": {"epochs": 1}}
    with pytest.raises(BadValueError, match="GIN: expected 'x' with"):
        TwoStage(GIN(8, layers=1), **options).fit(data)
    model = TwoStage(GIN(8, layers=1), **options).fit(ours)
    with pytest.raises(BadValueError, match="GIN: expected 'x' with"):
        model.predict(data)


def test_one_column_of_categories() -> None:
    # As in ZINC: x (n, 1), edge_attr (E,).
    edges = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    graph = Data(
        x=torch.tensor([[0], [3], [1]]), edge_index=edges, edge_attr=torch.tensor([1, 1, 2, 2])
    )
    data = GraphDataset.from_pyg([graph, graph])
    assert data.schema == GraphSchema((4,), (3,))
    for name in ("gin", "mpnn"):
        assert _encoder(name, data.schema)(data.batch()).shape == (2, 16)


def test_gin_without_edge_features_is_a_plain_sum() -> None:
    graph = Data(x=torch.rand(4, 3), edge_index=torch.tensor([[0, 1, 2, 0], [1, 0, 3, 3]]))
    torch.manual_seed(0)
    encoder = GIN(8, layers=1, dropout=0.0, in_channels=3, edge_dim=None).eval()
    layer = encoder.convolutions[0]
    plain = GINConv(layer.convolution.nn, train_eps=True)
    batch = GraphDataset.from_pyg([graph]).batch()
    nodes = encoder.atom_embedding(batch.x)
    expected = nodes + torch.relu(encoder.norms[0](plain(nodes, batch.edge_index)))
    torch.testing.assert_close(encoder.atoms(batch), expected)


def test_mpnn_with_floats_on_edges_is_pygs_nnconv() -> None:
    torch.manual_seed(0)
    message = MPNN(8, in_channels=3, edge_dim=2).message
    network = torch.nn.Sequential(message.bond_embedding, message.edge_network)
    theirs = NNConv(8, 8, network, aggr="mean", root_weight=False, bias=False)
    graph = Data(edge_index=torch.randint(0, 5, (2, 20)), edge_attr=torch.rand(20, 2), num_nodes=5)
    nodes = torch.rand(5, 8)
    found = message(nodes, message.by_kind(Edges(graph.edge_index, 5, graph.edge_attr)))
    torch.testing.assert_close(found, theirs(nodes, graph.edge_index, graph.edge_attr))


@pytest.mark.parametrize("index", [[0, 3], [2, 0], [-2, 0]])
def test_an_index_past_its_table_is_refused(index: list[int]) -> None:
    embedding = FeatureEmbedding((2, 3), 4)
    embedding(torch.tensor([[1, 2], [MASK, MASK]]))
    with pytest.raises(BadValueError, match=r"expected categories of sizes \(2, 3\), got indices"):
        embedding(torch.tensor([[0, 0], index]))


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (Data(x=torch.rand(2, 3)), "expected edge features edge_attr, got none"),
        (Data(x=torch.rand(2, 4), edge_attr=torch.rand(2, 2)), "expected 3 floats, got .*2, 4"),
        (Data(x=torch.ones(2, 3).long()), "expected 3 floats, got features of .*int64"),
        (Data(edge_attr=torch.rand(2, 2), num_nodes=2), "expected node features x, got none"),
        (Data(x=torch.rand(2, 3), edge_attr=torch.rand(2)), "expected 2 floats, got .*2, 1"),
    ],
)
def test_batches_with_other_features(graph: Data, message: str) -> None:
    graph.edge_index = torch.tensor([[0, 1], [1, 0]])
    encoder = GIN(8, in_channels=3, edge_dim=2)
    with pytest.raises(BadValueError, match=message):
        encoder(GraphDataset.from_pyg([graph]).batch())


@pytest.mark.parametrize("given", [-1, [], [3, 0]])
def test_features_that_cannot_be(given: object) -> None:
    with pytest.raises(BadValueError, match="expected a width from 0, or the sizes of category"):
        GIN(8, in_channels=given)


def _floats(nodes: int = 5) -> Batch:
    index = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    graph = Data(x=torch.rand(nodes, 3), edge_attr=torch.rand(4, 2), edge_index=index)
    return Batch.from_data_list([graph])


@every_encoder
@pytest.mark.parametrize(
    ("index", "message"),
    [
        ([[0, 1, 1, 7], [1, 0, 2, 1]], r"edge_index: expected nodes from 0 to 4, got 0 to 7"),
        ([[0, 1, 1, -1], [1, 0, 2, 1]], r"edge_index: expected nodes from 0 to 4, got -1 to 2"),
        ([[0, 1], [1, 0], [1, 2]], r"edge_index: expected shape \(2, E\), got \(3, 2\)"),
        ([0, 1, 1, 2], r"edge_index: expected shape \(2, E\), got \(4,\)"),
        (
            [[0.0, 1.0, 1.0, 2.0]] * 2,
            "edge_index: expected integers of 32 or 64 bits, got .*float32",
        ),
    ],
)
def test_edges_that_are_none_are_refused(name: str, index: list[Any], message: str) -> None:
    batch = _floats()
    batch.edge_index = torch.tensor(index)
    with pytest.raises(BadValueError, match=message):
        _encoder(name, GraphSchema(3, 2)).eval()(batch)


@pytest.mark.parametrize("name", ["gin", "mpnn"])
@pytest.mark.parametrize("rows", [0, 1, 3, 5])
@pytest.mark.parametrize("edges", [2, (4, 4)])
def test_features_of_other_edges_are_refused(
    name: str, rows: int, edges: int | tuple[int, ...]
) -> None:
    batch = _floats()
    batch.edge_attr = torch.rand(rows, 2) if edges == 2 else torch.zeros(rows, 2).long()
    with pytest.raises(
        BadValueError, match=f"edge_attr: expected a row for each of 4 .*got {rows}"
    ):
        _encoder(name, GraphSchema(3, edges)).eval()(batch)


@every_encoder
def test_nodes_of_no_graph_are_refused(name: str) -> None:
    batch = _floats()
    batch.x = torch.rand(7, 3)
    with pytest.raises(BadValueError, match="expected 5 members, got 7"):
        _encoder(name, GraphSchema(3, 2)).eval()(batch)


@pytest.mark.slow
@every_encoder
@pytest.mark.parametrize("kind", ["floats", "categories"])
def test_compiled_and_differentiated_by_functions(name: str, kind: str) -> None:
    schema = GraphSchema(3, 2) if kind == "floats" else GraphSchema((4, 4, 4), (4, 4))
    encoder, batch = _encoder(name, schema).eval(), _floats()
    if kind == "categories":
        batch.x, batch.edge_attr = (4 * batch.x).byte(), (4 * batch.edge_attr).int()
    expected = encoder(batch)
    # Whether categories are within their tables is asked in the middle.
    compiled = torch.compile(encoder, fullgraph=kind == "floats", backend="eager")
    torch.testing.assert_close(compiled(batch), expected)
    weights = dict(encoder.named_parameters())

    def total(weights: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.func.functional_call(encoder, weights, (batch,)).sum()

    expected.sum().backward()
    for parameter, gradient in torch.func.grad(total)(weights).items():
        torch.testing.assert_close(gradient, encoder.get_parameter(parameter).grad)


@pytest.mark.parametrize("name", ["gcn", "gin"])
def test_hooks_see_what_layers_return(name: str) -> None:
    encoder, seen = _encoder(name, GraphSchema(3, 2)).eval(), []
    encoder.norms[0].register_forward_hook(
        lambda *inputs_and_output: seen.append(inputs_and_output[2])
    )
    encoder.norms[0].register_full_backward_hook(lambda *gradients: seen.append(gradients[2][0]))
    encoder(_floats()).sum().backward()
    assert seen[0].min() < 0
    assert seen[1].shape == (5, 8)


def test_sizes_of_tables_may_be_of_numpy() -> None:
    numbers = GIN(8, in_channels=list(np.array([4, 5])), edge_dim=np.array([3]))
    assert numbers.schema == GraphSchema((4, 5), (3,))
    assert GIN(8, in_channels=np.int64(4), edge_dim=np.int64(0)).schema == GraphSchema(4, 0)
