import gzip
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ogb.utils.mol import smiles2graph
from torch_geometric.data import Batch, Data, HeteroData
from torch_geometric.data.data import DataEdgeAttr, DataTensorAttr
from torch_geometric.data.storage import GlobalStorage
from torch_geometric.datasets import FakeDataset
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GIN, global_mean_pool
from torch_geometric.utils import from_smiles

from rnc_graph.data import GraphDataset, GraphSchema, MoleculeTable
from rnc_graph.data.schema import OGB_MOLECULES, pyg_molecules
from rnc_graph.errors import BadValueError
from tests.data.graph_lists import SMILES, graph_lists

NO_BONDS = ["C", "[Na+].[Cl-]", "O"]


def _ogb(smiles: str, y: float = 0.0) -> Data:
    graph = smiles2graph(smiles)
    return Data(
        x=torch.from_numpy(graph["node_feat"]),
        edge_index=torch.from_numpy(graph["edge_index"]),
        edge_attr=torch.from_numpy(graph["edge_feat"]),
        y=torch.tensor([[y]]),
    )


@pytest.fixture(scope="module")
def data(esol: MoleculeTable) -> list[Data]:
    """Molecules featurized by OGB."""
    smiles = esol.smiles[:40] + NO_BONDS
    return [_ogb(text, float(number)) for number, text in enumerate(smiles)]


@pytest.fixture(scope="module")
def graphs(data: list[Data]) -> GraphDataset:
    return GraphDataset.from_pyg(data, schema=OGB_MOLECULES)


def _assert_same(found: Data, expected: Data) -> None:
    assert sorted(found.keys()) == sorted(expected.keys())
    for key in expected.keys():  # noqa: SIM118 (a Data iterates over pairs)
        if isinstance(expected[key], torch.Tensor):
            assert found[key].dtype == expected[key].dtype, key
            assert found[key].shape == expected[key].shape, key
            assert torch.equal(found[key], expected[key]), key
        else:
            assert found[key] == expected[key], key


@given(graphs=graph_lists(), seed=st.integers(0, 2**31))
def test_batches_are_what_pyg_collates(graphs: list[Data], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(len(graphs), (7,), generator=generator)
    batch = GraphDataset.from_pyg(graphs).batch(rows)
    expected = Batch.from_data_list([graphs[row] for row in rows])
    assert isinstance(batch, Batch)
    _assert_same(batch, expected)
    assert batch.num_graphs == expected.num_graphs == len(rows)
    assert batch.num_nodes == expected.num_nodes
    for noted in ("_slice_dict", "_inc_dict"):
        found, wanted = getattr(batch, noted), getattr(expected, noted)
        assert found.keys() == wanted.keys()
        for key, value in wanted.items():
            assert found[key].tolist() == value.tolist(), (noted, key)
    parts = batch.to_data_list()
    for i, row in enumerate(rows.tolist()):
        _assert_same(parts[i], graphs[row])
        _assert_same(batch[i], graphs[row])


def test_molecules_batch_as_pyg_collates_them(graphs: GraphDataset, data: list[Data]) -> None:
    rows = [3, 41, 7, 7, 40, 0, 42]
    _assert_same(graphs.batch(torch.tensor(rows)), Batch.from_data_list([data[i] for i in rows]))
    for found, expected in zip(graphs, data, strict=True):
        _assert_same(found, expected)


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (slice(2, 9, 3), [2, 5, 8]),
        (slice(None, None, -20), [42, 22, 2]),
        ([5, 0, -1, 5], [5, 0, 42, 5]),
        ((1, 2), [1, 2]),
        ([], []),
        (torch.tensor([4, -2]), [4, 41]),
        (np.array([4, 3], dtype=np.int32), [4, 3]),
        (torch.arange(43) > 40, [41, 42]),
        (np.arange(43) < 2, [0, 1]),
        (np.arange(3)[::-1], [2, 1, 0]),
        ([True] + [False] * 42, [0]),
    ],
)
def test_an_index_selects_graphs(index: object, rows: list[int], graphs: GraphDataset) -> None:
    chosen = graphs[index]
    assert isinstance(chosen, GraphDataset)
    assert len(chosen) == len(rows)
    assert chosen.y.flatten().tolist() == rows
    assert [graph.y.item() for graph in chosen] == rows
    assert chosen.rows.tolist() == rows
    if len(rows) > 1:
        again = chosen[1:]
        assert again.batch().y.flatten().tolist() == rows[1:]
        _assert_same(again[-1], graphs[rows[-1]])


@pytest.mark.parametrize("index", [43, -44, [0, 43], torch.tensor([-44])])
def test_a_graph_that_is_not_there(index: object, graphs: GraphDataset) -> None:
    with pytest.raises(IndexError, match="of a data set of 43 graphs"):
        graphs[index]


@pytest.mark.parametrize(
    "index", [torch.ones(42, dtype=torch.bool), torch.zeros(2, 2), np.array([0.5])]
)
def test_an_index_of_another_kind(index: object, graphs: GraphDataset) -> None:
    with pytest.raises(IndexError, match="expected"):
        graphs[index]


def test_pygs_loader_makes_the_same_batches(graphs: GraphDataset) -> None:
    loader = DataLoader(graphs, batch_size=8)
    for first, batch in zip(range(0, len(graphs), 8), loader, strict=True):
        _assert_same(batch, graphs[first : first + 8].batch())


def test_a_model_of_pygs_runs_on_it(graphs: GraphDataset, data: list[Data]) -> None:
    torch.manual_seed(0)
    model = GIN(9, hidden_channels=8, num_layers=2)
    rows = [3, 41, 7, 7, 40]

    def run(batch: Batch) -> torch.Tensor:
        return global_mean_pool(model(batch.x.float(), batch.edge_index), batch.batch)

    embedding = run(graphs.batch(torch.tensor(rows)))
    assert embedding.shape == (5, 8)
    assert torch.equal(embedding, run(Batch.from_data_list([data[row] for row in rows])))


def test_the_store_is_not_altered_by_what_is_done_to_a_batch(graphs: GraphDataset) -> None:
    before = graphs.to_pyg()
    batch = graphs.batch()
    for value in (*batch.to_dict().values(), *graphs[0].to_dict().values()):
        value.zero_()
    for found, expected in zip(graphs, before, strict=True):
        _assert_same(found, expected)


@pytest.mark.parametrize(
    ("ys", "expected"),
    [
        ([torch.tensor([1.0, float("nan")])] * 2, [[1.0, None]] * 2),
        ([torch.tensor([[1.0, 2.0, 3.0]])] * 2, [[1.0, 2.0, 3.0]] * 2),
        ([torch.tensor(4.0), torch.tensor(5.0)], [[4.0], [5.0]]),
        ([1, 2.5], [[1.0], [2.5]]),
        ([torch.tensor([7]), torch.tensor([16_777_217])], [[7.0], [16_777_217.0]]),
        ([None, None], None),
    ],
)
def test_targets_of_any_shape(ys: list[object], expected: list[list[float]] | None) -> None:
    graphs = [Data(x=torch.rand(5, 1), edge_index=torch.zeros(2, 0).long(), y=y) for y in ys]
    found = GraphDataset.from_pyg(graphs)
    if expected is None:
        assert found.y is None
        assert found.target_names == []
        assert "y" not in found.batch()
        return
    assert found.y.dtype == torch.float64
    values = [[None if np.isnan(v) else v for v in row] for row in found.y.tolist()]
    assert values == expected
    assert found.batch().y.dtype == torch.float32
    assert found[0].y.shape == (1, len(expected[0]))


def test_targets_keep_their_names_and_may_be_replaced(graphs: GraphDataset) -> None:
    two = graphs[[5, 1, 3]].with_y(np.array([[1, 2], [3, np.nan], [5, 6]]), ["a", "b"])
    assert two.target_names == ["a", "b"]
    assert two[::2].y.tolist() == [[1, 2], [5, 6]]
    assert graphs.target_names == ["y"]
    assert graphs[5].y.item() == 5
    with pytest.raises(BadValueError, match="expected names of 2 targets"):
        two.with_y(np.zeros((3, 2)), ["a"])
    with pytest.raises(BadValueError, match=r"of shape \(3, t\), got \(2,"):
        two.with_y([1, 2])


def test_graphs_with_a_number_of_nodes_alone() -> None:
    edges = [torch.tensor([[0, 1], [1, 0]]), torch.zeros(2, 0).long()]
    graphs = [Data(edge_index=e, num_nodes=n) for e, n in zip(edges, [3, 2], strict=True)]
    found = GraphDataset.from_pyg(graphs)
    assert found.schema == GraphSchema(0, 0)
    batch, expected = (
        found.batch(torch.tensor([1, 0, 0])),
        Batch.from_data_list([graphs[1], graphs[0], graphs[0]]),
    )
    _assert_same(batch, expected)
    assert batch.num_nodes == 8
    assert [part.num_nodes for part in batch.to_data_list()] == [2, 3, 3]


def test_one_graph_and_a_batch_are_packed() -> None:
    graphs = [Data(x=torch.rand(n, 2), edge_index=torch.tensor([[0], [1]])) for n in (2, 3)]
    assert torch.equal(GraphDataset.from_pyg(graphs[1])[0].x, graphs[1].x)
    both = GraphDataset.from_pyg(Batch.from_data_list(graphs))
    assert [graph.num_nodes for graph in both] == [2, 3]


def test_a_graph_without_edges_may_lack_their_features() -> None:
    alone = Data(x=torch.rand(1, 2), edge_index=torch.zeros(2, 0).long())
    pair = Data(x=torch.rand(2, 2), edge_index=torch.tensor([[0], [1]]), edge_attr=torch.rand(1, 4))
    for graphs in ([alone, pair], [pair, alone]):
        found = GraphDataset.from_pyg(graphs)
        assert found.schema == GraphSchema(2, 4)
        assert sorted(len(graph.edge_attr) for graph in found) == [0, 1]


def test_any_data_set_of_pygs(tmp_path: Path) -> None:
    data = FakeDataset(num_graphs=6, avg_num_nodes=8, edge_dim=3, task="graph", num_classes=1)
    found = GraphDataset.from_pyg(data[1:])
    assert found.schema == GraphSchema(data.num_features, 3)
    _assert_same(found[0], data[1].update({"y": data[1].y.float().view(1, 1)}))
    assert GraphDataset.from_pyg(found[1:]).batch().num_graphs == 4


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_ogbs_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ogb.graphproppred import PygGraphPropPredDataset

    folder = tmp_path / "ogbg_molfreesolv" / "raw"
    folder.mkdir(parents=True)
    (folder.parent / "RELEASE_v1.txt").touch()
    molecules = [_ogb(text) for text in SMILES]
    tables = {
        "edge": [row for m in molecules for row in m.edge_index.T[::2].tolist()],
        "edge-feat": [row for m in molecules for row in m.edge_attr[::2].tolist()],
        "node-feat": [row for m in molecules for row in m.x.tolist()],
        "num-node-list": [[m.num_nodes] for m in molecules],
        "num-edge-list": [[m.num_edges // 2] for m in molecules],
        "graph-label": [[number + 0.5] for number in range(len(molecules))],
    }
    for name, rows in tables.items():
        with gzip.open(folder / f"{name}.csv.gz", "wt") as file:
            file.writelines(",".join(map(str, row)) + os.linesep for row in rows)
    # OGB 1.3.6 does not name the classes that it loads.
    with torch.serialization.safe_globals([DataEdgeAttr, DataTensorAttr, GlobalStorage]):
        data = PygGraphPropPredDataset("ogbg-molfreesolv", root=str(tmp_path))
    found = GraphDataset.from_pyg(data)
    assert found.schema == OGB_MOLECULES
    assert found.y.flatten().tolist() == [number + 0.5 for number in range(len(SMILES))]
    assert torch.equal(found.batch().x, torch.cat([m.x for m in molecules]))


def test_the_features_of_molecules_are_recognized() -> None:
    assert GraphDataset.from_pyg([from_smiles(text) for text in SMILES]).schema == pyg_molecules()
    # Without SMILES the tables are as long as the data needs, or as the caller says.
    unnamed = [_ogb("CC=O"), _ogb("CN")]
    found = GraphDataset.from_pyg(unnamed).schema
    assert found.nodes[0] == 8
    assert found != OGB_MOLECULES
    assert GraphDataset.from_pyg(unnamed, schema=OGB_MOLECULES).schema == OGB_MOLECULES
    # One that says it is another molecule than its features.
    changed = from_smiles("CCO")
    changed.smiles = "CCN"
    assert GraphDataset.from_pyg([changed]).schema != pyg_molecules()


def _graph(**changed: object) -> Data:
    values = {
        "x": torch.rand(2, 3),
        "edge_index": torch.tensor([[0, 1], [1, 0]]),
        "edge_attr": torch.rand(2, 1),
        "y": torch.tensor([1.0]),
    }
    return Data(**{**values, **changed})


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (_graph(x=torch.rand(2, 4)), r"graph 1: expected 'x' .*\(\*, 3\).*, got .*\(\*, 4\)"),
        (_graph(x=torch.ones(2, 3).long()), r"graph 1: expected 'x' of torch.float32"),
        (_graph(x=torch.tensor([[0, 1, torch.nan]] * 2)), "graph 1: 'x' holds features that are"),
        (_graph(edge_attr=torch.full((2, 1), torch.inf)), "graph 1: 'edge_attr' holds features"),
        (_graph(edge_attr=None), "graph 1 lacks the attribute 'edge_attr', which others have"),
        (_graph(edge_attr=torch.rand(3, 1)), "graph 1: expected 'edge_attr' with a row for each e"),
        (_graph(pos=torch.rand(2, 3)), "graph 1 has the attribute 'pos', which others lack"),
        (_graph(edge_index=torch.tensor([[0, 2], [2, 0]])), "graph 1: 'edge_index' holds nodes"),
        (_graph(edge_index=torch.tensor([[0, -1], [1, 0]])), "graph 1: 'edge_index' holds nodes"),
        (_graph(y=None), "graph 1 lacks the attribute 'y'"),
        (_graph(y=torch.rand(2)), "graph 1: expected y of 1 targets as graph 0 has, got 2"),
        (_graph(y=torch.tensor([torch.inf])), "graph 1: expected y of numbers or NaN"),
        pytest.param(
            Data(y=torch.ones(1)),
            "graph 1: its number of nodes is unknown",
            marks=pytest.mark.filterwarnings("ignore:Unable to accurately infer"),
        ),
        (HeteroData(), "graph 1: expected a torch_geometric.data.Data, got HeteroData"),
        (Batch.from_data_list([_graph()]), "graph 1: expected a .*Data, got DataBatch"),
    ],
)
def test_a_graph_that_differs_is_named(second: Data, message: str) -> None:
    with pytest.raises(BadValueError, match=message):
        GraphDataset.from_pyg([_graph(), second])


def test_features_that_a_schema_does_not_have() -> None:
    molecules = [from_smiles("CCO"), from_smiles("c1ccccc1")]
    with pytest.raises(BadValueError, match=r"got molecules whose features are .*119, 9, "):
        GraphDataset.from_pyg(molecules, schema=OGB_MOLECULES)
    with pytest.raises(BadValueError, match="graph 1: expected 'edge_attr' as categories"):
        GraphDataset.from_pyg(
            [_ogb("C"), _graph(x=_ogb("CC").x, edge_attr=torch.tensor([[0, 0, 2]] * 2), y=1.0)],
            schema=OGB_MOLECULES,
        )
    with pytest.raises(BadValueError, match="expected 'x' with 4 floats, got 3 floats"):
        GraphDataset.from_pyg([_graph()], schema=GraphSchema(4, 1))
    with pytest.raises(BadValueError, match="must be floats"):
        GraphDataset.from_pyg([_graph(x=torch.tensor([[0], [-3]]))])
    with pytest.raises(BadValueError, match="expected graphs, got none"):
        GraphDataset.from_pyg([])


def test_targets_of_nodes_are_no_targets_of_graphs() -> None:
    def graphs(*shape: int) -> list[Data]:
        return [Data(x=torch.rand(4, 1), y=torch.rand(shape)) for _ in range(3)]

    for shape in ((4,), (4, 1), (4, 2)):
        with pytest.raises(BadValueError, match="got a row for each node"):
            GraphDataset.from_pyg(graphs(*shape))
    assert GraphDataset.from_pyg(graphs(1, 4)).y.shape == (3, 4)
    assert GraphDataset.from_pyg(graphs(3)).y.shape == (3, 3)
