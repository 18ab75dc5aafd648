import sys
import tempfile
from pathlib import Path

import pytest
import torch
from ogb.utils.features import get_atom_feature_dims, get_bond_feature_dims
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GCNConv, GINConv, GINEConv, NNConv

from rnc_graph.data import GraphDataset
from rnc_graph.data.features import featurize
from rnc_graph.data.schema import MASK, OGB_MOLECULES
from rnc_graph.encoders import ENCODERS, GCN, GraphEncoder, Head, make_encoder
from rnc_graph.encoders.edges import Edges
from rnc_graph.encoders.features import FeatureEmbedding, embedding
from rnc_graph.encoders.gin import _GINLayer
from rnc_graph.encoders.mpnn import EdgeNetworkConv
from rnc_graph.errors import RncGraphError, UnknownNameError
from rnc_graph.workers import worker_pool

NAMES = ["gcn", "gin", "mpnn"]
READOUTS = ["sum", "mean", "both"]
WIDTH = 16
ROWS = torch.arange(0, 1128, 37)

every_encoder = pytest.mark.parametrize("name", NAMES)


def _encoder(name: str, **options: object) -> GraphEncoder:
    """Make a small one in float64, so that the order of summation does not show."""
    torch.manual_seed(0)
    return ENCODERS.make(name, hidden_dim=WIDTH, **options).double()


def _trained_a_little(name: str, graphs: GraphDataset, **options: object) -> GraphEncoder:
    """Make one whose batch normalizations have seen data, in evaluation mode."""
    encoder = _encoder(name, **options)
    encoder(graphs.batch(ROWS))
    return encoder.eval()


def _assert_close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_the_known_encoders() -> None:
    assert [
        name for name in ENCODERS.names() if getattr(ENCODERS.get(name), "inputs", "") == "graphs"
    ] == NAMES


@every_encoder
@pytest.mark.parametrize("readout", READOUTS)
def test_a_batch_in_an_embedding_out(name: str, readout: str, esol_graphs: GraphDataset) -> None:
    encoder = _encoder(name, readout=readout)
    embedding = encoder(esol_graphs.batch(ROWS))
    assert encoder.embedding_dim == WIDTH * (2 if readout == "both" else 1)
    assert embedding.shape == (len(ROWS), encoder.embedding_dim)
    assert embedding.isfinite().all()
    assert len(embedding.unique(dim=0)) > len(ROWS) / 2


@every_encoder
def test_the_readouts_are_sum_mean_and_both(name: str, esol_graphs: GraphDataset) -> None:
    batch = esol_graphs.batch(ROWS)
    total, mean, both = (
        _trained_a_little(name, esol_graphs, readout=readout)(batch) for readout in READOUTS
    )
    atoms = batch.ptr.diff()[:, None]
    _assert_close(total, mean * atoms)
    _assert_close(both, torch.cat([total, mean], dim=1))


@every_encoder
def test_permuted_molecules_give_permuted_rows(name: str, esol_graphs: GraphDataset) -> None:
    order = torch.randperm(len(ROWS), generator=torch.Generator().manual_seed(0))
    # In training mode too: batch normalization sees the same atoms.
    for mode in (True, False):
        encoder = _encoder(name, dropout=0.0).train(mode)
        embedding = encoder(esol_graphs.batch(ROWS))
        _assert_close(encoder(esol_graphs.batch(ROWS[order])), embedding[order])


@every_encoder
def test_the_numbering_of_the_atoms_does_not_matter(name: str, esol_graphs: GraphDataset) -> None:
    before, after = esol_graphs.batch(ROWS), esol_graphs.batch(ROWS)
    generator = torch.Generator().manual_seed(7)
    # Nodes are shuffled within each molecule.
    order = torch.cat(
        [
            start + torch.randperm(int(end - start), generator=generator)
            for start, end in zip(before.ptr[:-1], before.ptr[1:], strict=True)
        ]
    )
    after.x, after.edge_index = before.x[order], order.argsort()[before.edge_index]
    assert not torch.equal(before.x, after.x)
    encoder = _trained_a_little(name, esol_graphs)
    torch.testing.assert_close(encoder(after), encoder(before), rtol=1e-7, atol=1e-7)


@every_encoder
@pytest.mark.parametrize("readout", READOUTS)
def test_a_batch_is_as_one_by_one(name: str, readout: str, esol_graphs: GraphDataset) -> None:
    encoder = _trained_a_little(name, esol_graphs, readout=readout)
    alone = [encoder(esol_graphs.batch(row[None])) for row in ROWS]
    _assert_close(encoder(esol_graphs.batch(ROWS)), torch.cat(alone))


@every_encoder
def test_molecules_without_any_bond(name: str) -> None:
    graphs, _ = featurize(["C", "O", "[Na+].[Cl-]", "C"])
    encoder = _encoder(name)
    embedding = encoder(graphs.batch(torch.arange(4)))
    assert embedding.shape == (4, 2 * WIDTH)
    embedding.square().sum().backward()
    assert encoder.atom_embedding.table.weight.grad.isfinite().all()
    encoder.eval()
    alone = encoder(graphs.batch(torch.tensor([1])))
    _assert_close(alone, encoder(graphs.batch(torch.arange(4)))[1:2])
    assert not torch.equal(alone, encoder(graphs.batch(torch.tensor([0]))))


@every_encoder
@pytest.mark.parametrize("readout", READOUTS)
def test_gradients_reach_every_parameter(
    name: str, readout: str, esol_graphs: GraphDataset
) -> None:
    encoder = _encoder(name, readout=readout)
    embedding = encoder(esol_graphs.batch(ROWS))
    torch.manual_seed(0)
    (embedding * torch.randn_like(embedding)).sum().backward()
    for parameter_name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


@pytest.mark.parametrize(("name", "sees_bonds"), [("gin", True), ("mpnn", True), ("gcn", False)])
@pytest.mark.parametrize("feature", range(3))
def test_who_sees_the_features_of_bonds(
    name: str, sees_bonds: bool, feature: int, esol_graphs: GraphDataset
) -> None:
    encoder = _trained_a_little(name, esol_graphs)
    batch = esol_graphs.batch(ROWS)
    before = encoder(batch)
    batch.edge_attr[:, feature] = (batch.edge_attr[:, feature] + 1) % 2
    assert torch.equal(encoder(batch), before) != sees_bonds


@every_encoder
def test_all_see_the_features_and_the_bonds_of_atoms(name: str, esol_graphs: GraphDataset) -> None:
    encoder = _trained_a_little(name, esol_graphs)
    batch = esol_graphs.batch(ROWS)
    before = encoder(batch)
    for feature in range(9):
        changed = esol_graphs.batch(ROWS)
        changed.x[:, feature] = (changed.x[:, feature] + 1) % 2
        assert not torch.allclose(encoder(changed), before), feature
    batch.edge_index, batch.edge_attr = batch.edge_index[:, 2:], batch.edge_attr[2:]
    changed = encoder(batch)
    assert not torch.allclose(changed[0], before[0])
    _assert_close(changed[1:], before[1:])


@every_encoder
def test_masked_atoms_have_a_vector_of_their_own(name: str, esol_graphs: GraphDataset) -> None:
    encoder = _trained_a_little(name, esol_graphs)
    batch = esol_graphs.batch(ROWS)
    batch.x[:] = MASK
    batch.edge_attr[:] = MASK
    assert encoder(batch).isfinite().all()


@pytest.mark.parametrize("name", ["gcn", "gin", "mpnn"])
@pytest.mark.parametrize("depth", [1, 3])
def test_atoms_see_as_far_as_there_are_layers(name: str, depth: int) -> None:
    # A chain: the atom at its end is changed, and the others tell how far the news went.
    graphs, _ = featurize(["CCCCCCCC"])
    batch, changed = graphs.batch(torch.tensor([0])), graphs.batch(torch.tensor([0]))
    changed.x[0, 0] = 7
    layers = {"steps" if name == "mpnn" else "layers": depth}
    encoder = _encoder(name, **layers).eval()
    # A ReLU may hide a change in a few components, not in all sixteen.
    differs = (encoder.atoms(batch) != encoder.atoms(changed)).any(1)
    assert differs.tolist() == [True] * (depth + 1) + [False] * (7 - depth)


def test_the_edge_network_is_pygs_nnconv(esol_graphs: GraphDataset) -> None:
    torch.manual_seed(0)
    ours = EdgeNetworkConv(WIDTH).double()
    network = nn.Sequential(ours.bond_embedding, ours.edge_network)
    theirs = NNConv(WIDTH, WIDTH, network, aggr="mean", root_weight=False, bias=False).double()
    batch = esol_graphs.batch(ROWS)
    atoms = torch.randn(batch.num_nodes, WIDTH, dtype=torch.float64)
    by_kind = ours.by_kind(Edges.of(batch, len(atoms)))
    assert 3 < len(by_kind.matrices) < batch.num_edges
    found = ours(atoms, by_kind)
    expected = theirs(atoms, batch.edge_index, batch.edge_attr)
    _assert_close(found, expected)
    _assert_same_gradients(found, expected, [*ours.parameters()], [*ours.parameters()])


@pytest.mark.parametrize("edge_dim", [OGB_MOLECULES.edges, 3, None])
def test_the_layers_of_gin_are_pygs(
    edge_dim: tuple[int, ...] | int | None, esol_graphs: GraphDataset
) -> None:
    schema = () if edge_dim is None else edge_dim
    torch.manual_seed(0)
    ours = _GINLayer(WIDTH, schema).double()
    torch.manual_seed(0)
    _ = embedding(schema, WIDTH) if schema else None
    perceptron = nn.Sequential(
        nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH)
    )
    convolution = GINConv if edge_dim is None else GINEConv
    theirs = convolution(perceptron, train_eps=True).double()
    for name, value in theirs.state_dict().items():
        assert torch.equal(value, ours.convolution.state_dict()[name])
    batch = esol_graphs.batch(ROWS)
    if edge_dim == 3:
        batch.edge_attr = batch.edge_attr.double()
    nn.init.constant_(ours.convolution.eps, 0.3)
    theirs.load_state_dict(ours.convolution.state_dict())
    bonds = () if edge_dim is None else (ours.bond_embedding(batch.edge_attr),)
    atoms = torch.randn(batch.num_nodes, WIDTH, dtype=torch.float64, requires_grad=True)
    found = ours(atoms, Edges.of(batch, len(atoms)))
    expected = theirs(atoms, batch.edge_index, *bonds)
    _assert_close(found, expected)
    _assert_same_gradients(
        found, expected, [*ours.convolution.parameters(), atoms], [*theirs.parameters(), atoms]
    )


def test_the_layers_of_gcn_are_pygs() -> None:
    torch.manual_seed(0)
    ours = GCN(WIDTH, 1).convolution(WIDTH).double().convolution
    torch.manual_seed(0)
    GCN(WIDTH, 1)
    theirs = GCNConv(WIDTH, WIDTH).double()
    assert torch.equal(ours.lin.weight, theirs.lin.weight)
    nn.init.normal_(ours.bias)
    theirs.load_state_dict(ours.state_dict())
    # Two edges from 1 to 2, a node with an edge to itself, and one without any.
    index = torch.tensor([[0, 1, 1, 1, 2, 3], [1, 0, 2, 2, 1, 3]])
    atoms = torch.randn(5, WIDTH, dtype=torch.float64, requires_grad=True)
    found, expected = ours(atoms, Edges(index, 5)), theirs(atoms, index)
    _assert_close(found, expected)
    _assert_same_gradients(
        found, expected, [*ours.parameters(), atoms], [*theirs.parameters(), atoms]
    )


def _assert_same_gradients(
    found: torch.Tensor,
    expected: torch.Tensor,
    own: list[torch.Tensor],
    others: list[torch.Tensor],
) -> None:
    weights = torch.randn_like(found)
    for a, b in zip(
        torch.autograd.grad((found * weights).sum(), own),
        torch.autograd.grad((expected * weights).sum(), others),
        strict=True,
    ):
        _assert_close(a, b)


def test_an_embedded_feature_is_a_sum_of_look_ups() -> None:
    torch.manual_seed(0)
    sizes, width = (3, 1, 4), 5
    summed = FeatureEmbedding(sizes, width)
    # As OGB's AtomEncoder: one nn.Embedding a feature; here each has a mask besides.
    weights = summed.table.weight.split([size + 1 for size in sizes])
    features = torch.tensor([[0, 0, 0], [2, 0, 3], [MASK, MASK, MASK], [1, 0, 2]])
    rows = torch.tensor([[0, 0, 0], [2, 0, 3], [3, 1, 4], [1, 0, 2]])
    expected = sum(nn.functional.embedding(rows[:, i], weight) for i, weight in enumerate(weights))
    torch.testing.assert_close(summed(features), expected)
    summed.strides = None  # As where the kinds are more than a number can tell apart.
    torch.testing.assert_close(summed(features), expected)


def test_categories_of_more_kinds_than_64_bits() -> None:
    wide = FeatureEmbedding((1_000,) * 7, 4)
    assert wide.strides is None
    features = torch.randint(1_000, (5, 7)).repeat(3, 1)
    expected = nn.functional.embedding(wide.indices(features), wide.table.weight).sum(1)
    torch.testing.assert_close(wide(features), expected)


def test_the_look_ups_are_as_many_and_as_long_as_ogbs() -> None:
    for made, sizes in (
        (embedding(OGB_MOLECULES.nodes, 4), get_atom_feature_dims()),
        (embedding(OGB_MOLECULES.edges, 4), get_bond_feature_dims()),
    ):
        assert made.offsets.tolist() == [sum(sizes[:i]) + i for i in range(len(sizes))]
        assert made.table.weight.shape == (sum(sizes) + len(sizes), 4)


def test_an_unknown_encoder_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        UnknownNameError,
        match="unknown encoder 'gat'; known: gcn, gin, gin-moses, gin-moses-1m, mpnn, pretrained, "
        "resnet",
    ):
        ENCODERS.make("gat")


@every_encoder
def test_an_unknown_option_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"'depth'; known: dropout, edge_dim, hidden_dim, "):
        ENCODERS.make(name, depth=3)


@every_encoder
def test_wrong_options_are_refused(name: str) -> None:
    with pytest.raises(RncGraphError, match="'readout': Input should be 'sum'"):
        ENCODERS.make(name, readout="median")
    with pytest.raises(RncGraphError, match="hidden_dim must be at least 1, not 0"):
        ENCODERS.make(name, hidden_dim=0)
    with pytest.raises(RncGraphError, match=name):
        ENCODERS.make(name, hidden_dim="wide")


@every_encoder
def test_a_probability_above_1_is_refused(name: str) -> None:
    with pytest.raises(RncGraphError, match="dropout"):
        ENCODERS.make(name, dropout=1.5)


@every_encoder
def test_the_same_seed_makes_the_same_encoder(name: str) -> None:
    first, second = _encoder(name), _encoder(name)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(("hidden", "linear"), [((), 1), ((7,), 2), ((7, 5), 3)])
@pytest.mark.parametrize("targets", [1, 3])
def test_head(hidden: tuple[int, ...], linear: int, targets: int) -> None:
    head = Head(10, targets, hidden, dropout=0.5)
    widths = [(m.in_features, m.out_features) for m in head if isinstance(m, nn.Linear)]
    assert widths == list(zip((10, *hidden), (*hidden, targets), strict=True))
    assert len(widths) == linear
    assert sum(isinstance(m, nn.ReLU) for m in head) == linear - 1
    assert [m.p for m in head if isinstance(m, nn.Dropout)] == [0.5] * (linear - 1)
    assert isinstance(head[-1], nn.Linear)
    assert head(torch.randn(4, 10)).shape == (4, targets)


@pytest.mark.slow
def test_making_one_writes_no_files(tmp_path: Path):
    """PyG would write the code of each kind of layer, and make do with slow code if it cannot."""
    with worker_pool(1, "lost") as pool:
        generated = pool.submit(_make_all, tmp_path / "nowhere").result()
    assert len(generated) == 2
    assert not (tmp_path / "nowhere").exists()


def _graph() -> Batch:
    return Batch.from_data_list([Data(x=torch.ones(1, 2), edge_index=torch.zeros(2, 1).long())])


def _make_all(temporary: Path) -> list[str]:
    """Make the first encoders of a process; return the modules that PyG generated."""
    tempfile.tempdir = str(temporary)
    for name in ("torch_geometric.nn.GCN", "torch_geometric.nn.GIN"):
        make_encoder(name, {"in_channels": 2, "hidden_channels": 4, "num_layers": 1}, _graph())
    return [name for name in sys.modules if name.endswith("_propagate")]
