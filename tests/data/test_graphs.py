import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ogb.utils.mol import smiles2graph
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GIN, global_mean_pool

from rnc_graph.data import GraphDataset, MoleculeTable
from rnc_graph.data.schema import OGB_MOLECULES

ESOL_ROWS = 100
NO_BONDS = ["C", "[Na+].[Cl-]", "O"]
ROWS = st.lists(
    # Single atoms often enough to stand first, last, and alone.
    st.integers(0, ESOL_ROWS - 1) | st.integers(ESOL_ROWS, ESOL_ROWS + len(NO_BONDS) - 1),
    min_size=1,
    max_size=20,
)


@pytest.fixture(scope="module")
def smiles(esol: MoleculeTable) -> list[str]:
    return esol.smiles[:ESOL_ROWS] + NO_BONDS


@pytest.fixture(scope="module")
def data(smiles: list[str]) -> list[Data]:
    """Molecules featurized by OGB."""
    return [
        Data(
            x=torch.from_numpy(graph["node_feat"]),
            edge_index=torch.from_numpy(graph["edge_index"]),
            edge_attr=torch.from_numpy(graph["edge_feat"]),
        )
        for graph in map(smiles2graph, smiles)
    ]


@pytest.fixture(scope="module")
def graphs(data: list[Data]) -> GraphDataset:
    return GraphDataset.from_pyg(data, schema=OGB_MOLECULES)


def _assert_same(found: Data, expected: Data) -> None:
    assert sorted(found.keys()) == sorted(expected.keys())
    for key in expected.keys():  # noqa: SIM118 (a Data iterates over pairs)
        assert found[key].dtype == expected[key].dtype, key
        assert found[key].shape == expected[key].shape, key
        assert torch.equal(found[key], expected[key]), key


@given(rows=ROWS)
def test_batch_is_what_pyg_collates(
    rows: list[int], graphs: GraphDataset, data: list[Data]
) -> None:
    batch = graphs.batch(torch.tensor(rows))
    expected = Batch.from_data_list([data[row] for row in rows])
    assert isinstance(batch, Batch)
    _assert_same(batch, expected)
    assert batch.num_graphs == expected.num_graphs == len(rows)
    assert batch.num_nodes == expected.num_nodes


@given(rows=ROWS)
def test_batch_comes_apart_into_its_graphs(
    rows: list[int], graphs: GraphDataset, data: list[Data]
) -> None:
    batch = graphs.batch(torch.tensor(rows))
    parts = batch.to_data_list()
    assert len(parts) == len(rows)
    for i, row in enumerate(rows):
        _assert_same(parts[i], data[row])
        _assert_same(batch[i], data[row])


def test_an_outside_model_runs_on_it(graphs: GraphDataset, data: list[Data]) -> None:
    torch.manual_seed(0)
    model = GIN(9, hidden_channels=8, num_layers=2)
    rows = [3, 101, 7, 7, 100]

    def run(batch: Batch) -> torch.Tensor:
        return global_mean_pool(model(batch.x.float(), batch.edge_index), batch.batch)

    embedding = run(graphs.batch(torch.tensor(rows)))
    assert embedding.shape == (5, 8)
    assert torch.equal(embedding, run(Batch.from_data_list([data[row] for row in rows])))


def test_the_store_is_not_altered_by_what_is_done_to_a_batch(graphs: GraphDataset) -> None:
    before = graphs.to_pyg()
    batch = graphs.batch()
    batch.x.zero_()
    batch.edge_index.zero_()
    batch.edge_attr.zero_()
    batch.ptr.zero_()
    graphs[0].x.zero_()
    for found, expected in zip(graphs, before, strict=True):
        _assert_same(found, expected)
