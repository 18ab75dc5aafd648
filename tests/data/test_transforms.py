import numpy as np
import pytest
import torch
import torch_geometric.transforms as pyg
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Generator, Tensor
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader
from torch_geometric.utils import from_smiles

from rnc_graph.data import GraphDataset
from rnc_graph.data.loader import WrappedLoader
from rnc_graph.data.schema import MASK
from rnc_graph.data.transforms import (
    VIEWS,
    Augmentation,
    Compose,
    DropEdges,
    DropNodes,
    MaskAttributes,
    make_view,
)
from rnc_graph.errors import BadValueError, RncGraphError, UnknownNameError
from tests.data.graph_lists import graph_lists, undirected_graphs

NAMES = ["drop_atoms", "drop_bonds", "mask_attributes", "subgraph"]
STRENGTHS = st.sampled_from([i / 16 for i in range(16)]) | st.floats(0, 1, exclude_max=True)
SEEDS = st.integers(0, 2**31)

every_augmentation = pytest.mark.parametrize("name", NAMES)


def _seeded(seed: int) -> Generator:
    return torch.Generator().manual_seed(seed)


def _equal(a: Data, b: Data) -> bool:
    return sorted(a.keys()) == sorted(b.keys()) and all(
        torch.equal(a[key], b[key]) if isinstance(a[key], Tensor) else a[key] == b[key]
        for key in a.keys()  # noqa: SIM118 (a Data iterates over pairs)
    )


def _assert_sound(graph: Data, view: Data, *, undirected: bool | None = None) -> None:
    """Check what holds of any view of a graph of ``graph_lists`` whose nodes are not masked."""
    nodes, edges = view.node_number, view.edge_number
    assert 1 <= len(nodes) == view.num_nodes <= graph.num_nodes
    assert (nodes.diff() > 0).all()
    assert (edges.diff() > 0).all()
    assert torch.equal(nodes[view.edge_index], graph.edge_index[:, edges])
    assert sorted(view.keys()) == sorted(graph.keys())
    for name, value in graph.to_dict().items():
        if name in ("x", "pos", "z"):
            assert torch.equal(view[name], value[nodes]), name
        elif name in ("edge_attr", "edge_weight"):
            assert torch.equal(view[name], value[edges]), name
        elif name in ("y", "u"):
            assert torch.equal(view[name], value), name
    if undirected:
        # PyG's `is_undirected` does not know edges between the same two nodes from each other.
        source, target = view.edge_index.tolist()
        weight = view.get("edge_weight", torch.zeros(len(source))).tolist()
        there = zip(source, target, weight, strict=True)
        assert sorted(there) == sorted(zip(target, source, weight, strict=True))


def _parts(graph: Data) -> Tensor:
    """Return the connected component that each node belongs to."""
    source, target = graph.edge_index.numpy()
    shape = (graph.num_nodes, graph.num_nodes)
    matrix = coo_array((np.ones(len(source)), (source, target)), shape=shape)
    return torch.from_numpy(connected_components(matrix, directed=False)[1])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["drop_atoms", "drop_bonds", "subgraph"])
@given(data=st.data(), undirected=st.booleans(), ours=st.booleans(), strength=STRENGTHS, seed=SEEDS)
@settings(max_examples=150)
def test_tensors_stay_aligned(
    name: str, data: st.DataObject, undirected: bool, ours: bool, strength: float, seed: int
) -> None:
    graphs = data.draw(graph_lists(undirected=undirected))
    batch = GraphDataset.from_pyg(graphs).batch() if ours else Batch.from_data_list(graphs)
    before = batch.clone()
    view = make_view({name: strength})(batch, _seeded(seed))
    assert _equal(batch, before)
    assert view.num_graphs == len(graphs)
    parts = view.to_data_list()
    assert torch.equal(view.batch, torch.arange(len(parts)).repeat_interleave(view.ptr.diff()))
    assert _equal(view, Batch.from_data_list(parts))
    for graph, part in zip(graphs, parts, strict=True):
        _assert_sound(graph, part, undirected=undirected)
        kept = torch.isin(torch.arange(graph.num_nodes), part.node_number)
        if name == "drop_bonds":
            assert kept.all()
        else:
            # All edges between the kept nodes are kept.
            assert part.num_edges == int(kept[graph.edge_index].all(0).sum())
        if name == "drop_atoms":
            assert graph.num_nodes - part.num_nodes == min(
                int(strength * graph.num_nodes), graph.num_nodes - 1
            )
        if name == "subgraph":
            assert len(_parts(part).unique()) == 1
            # At most the component that the first node belongs to.
            before_parts = _parts(graph)
            (component,) = before_parts[part.node_number].unique()
            largest = int((before_parts == component).sum())
            wanted = max(int(np.ceil((1 - strength) * graph.num_nodes)), 1)
            assert part.num_nodes == min(wanted, largest)


@every_augmentation
@given(data=st.data(), strength=STRENGTHS, seed=SEEDS)
def test_a_graph_alone_is_altered_as_in_a_batch_of_one(
    name: str, data: st.DataObject, strength: float, seed: int
) -> None:
    graph = data.draw(graph_lists())[0]
    if name == "mask_attributes" and "x" not in graph:
        with pytest.raises(BadValueError, match="expected node features x, got none"):
            make_view({name: strength})(graph, _seeded(seed))
        return
    before = graph.clone()
    alone = make_view({name: strength})(graph, _seeded(seed))
    (part,) = make_view({name: strength})(
        Batch.from_data_list([graph]), _seeded(seed)
    ).to_data_list()
    assert type(alone) is Data
    assert _equal(alone, part)
    assert _equal(graph, before)


@every_augmentation
@pytest.mark.parametrize("strength", [0.1, 0.3, 0.6])
def test_undirected_graphs_stay_undirected(name: str, strength: float) -> None:
    view = make_view({name: strength})
    graphs, generator = undirected_graphs(200), _seeded(0)
    kinds = [graphs[first::3] for first in range(3)]
    altered = [view(graph, generator) for graph in graphs]
    altered += [
        part
        for kind in kinds
        for batch in (Batch.from_data_list(kind), *DataLoader(kind, 16))
        for part in view(batch, generator).to_data_list()
    ]
    assert len(altered) == 600
    assert all(graph.is_undirected() for graph in altered)
    assert name == "mask_attributes" or any(
        a.num_edges < g.num_edges for a, g in zip(altered, graphs, strict=False)
    )


def test_the_edges_between_two_nodes_share_one_fate_and_loops_have_their_own() -> None:
    ends = torch.tensor([[0, 1, 0, 1, 0, 2, 1], [1, 0, 1, 0, 0, 2, 2]])
    graph = Data(edge_index=ends, num_nodes=3)
    fates = set()
    for seed in range(200):
        left = DropEdges(0.5)(graph, _seeded(seed)).edge_index.T.tolist()
        counts = [left.count(pair) for pair in ([0, 1], [1, 0], [0, 0], [2, 2], [1, 2])]
        assert counts[0] == counts[1]
        fates.add(tuple(counts[1:]))
    assert fates == {(a, b, c, d) for a in (0, 2) for b in (0, 1) for c in (0, 1) for d in (0, 1)}


@given(strength=STRENGTHS, seed=SEEDS, floats=st.booleans())
def test_masked_nodes_lose_all_features(strength: float, seed: int, floats: bool) -> None:
    x = torch.rand(40, 3) + 1 if floats else torch.randint(0, 4, (40, 3))
    graph = Data(x=x, edge_index=torch.tensor([[0], [1]]), pos=torch.rand(40, 3), y=torch.ones(1))
    view = MaskAttributes(strength)(graph, _seeded(seed))
    masked = (view.x == (0 if floats else MASK)).all(1)
    assert torch.equal(view.x[~masked], graph.x[~masked])
    assert view.x.dtype == x.dtype
    assert torch.equal(view.pos, graph.pos)
    assert torch.equal(view.edge_index, graph.edge_index)


@given(order=st.permutations(NAMES), data=st.data(), seed=SEEDS)
def test_augmentations_compose(order: list[str], data: st.DataObject, seed: int) -> None:
    graphs = [graph for graph in data.draw(graph_lists()) if "x" in graph]
    if not graphs:
        return
    batch, generator = Batch.from_data_list(graphs), _seeded(seed)
    together = make_view(dict.fromkeys(order, 0.3))(batch, _seeded(seed))
    for name in order:
        batch = make_view({name: 0.3})(batch, generator)
    assert _equal(together, batch)


@pytest.fixture(scope="module")
def batch(esol_graphs: GraphDataset) -> Batch:
    return esol_graphs.batch()


@every_augmentation
def test_the_seed_decides(name: str, esol_graphs: GraphDataset) -> None:
    batch = esol_graphs[:60].batch()
    view = make_view({name: 0.3})
    assert _equal(view(batch, _seeded(1)), view(batch, _seeded(1)))
    assert not _equal(view(batch, _seeded(1)), view(batch, _seeded(2)))
    generator = _seeded(1)
    assert not _equal(view(batch, generator), view(batch, generator))
    before = torch.get_rng_state()
    view(batch, _seeded(1))
    assert torch.equal(torch.get_rng_state(), before)
    # Without a generator, the global one decides.
    with torch.random.fork_rng():
        torch.manual_seed(1)
        assert _equal(view(batch), view(batch, _seeded(1)))


@every_augmentation
def test_strength_zero_changes_nothing(name: str, esol_graphs: GraphDataset) -> None:
    # Connected molecules: of a salt, `subgraph` keeps one component at any strength.
    batch = esol_graphs[:80].batch()
    assert _equal(make_view({name: 0.0})(batch, _seeded(0)), batch)


@pytest.mark.parametrize("name", ["drop_atoms", "subgraph"])
@pytest.mark.parametrize("strength", [0.999, 0.99999999, 1 - 2**-53])
def test_the_largest_strengths_keep_one_node(name: str, strength: float, batch: Batch) -> None:
    view = make_view({name: strength})(batch, _seeded(0))
    assert (view.ptr.diff() == 1).all()


@every_augmentation
@pytest.mark.parametrize("strength", [-0.1, 1.0, 1.5, float("nan")])
def test_a_strength_out_of_range_is_refused(name: str, strength: float) -> None:
    with pytest.raises(RncGraphError, match=r"(in \[0, 1\)|at most [0-9,]+), got"):
        make_view({name: strength})


def test_names() -> None:
    assert set(NAMES) < set(VIEWS.names())
    with pytest.raises(UnknownNameError, match=r"'shake'; known: .*drop_atoms, drop_bonds"):
        make_view({"shake": 0.1})
    assert make_view({}) is None


@pytest.mark.parametrize("strength", [0.05, 0.1, 0.3, 0.8])
@pytest.mark.parametrize("name", ["drop_bonds", "mask_attributes"])
def test_the_share_is_the_strength(name: str, strength: float, batch: Batch) -> None:
    altered = make_view({name: strength})(batch, _seeded(0))
    if name == "drop_bonds":
        share, count = 1 - altered.num_edges / batch.num_edges, batch.num_edges // 2
    else:
        share, count = float((altered.x == MASK).all(1).double().mean()), batch.num_nodes
    assert count > 14_000
    assert abs(share - strength) < 4 * (strength * (1 - strength) / count) ** 0.5


@pytest.mark.parametrize(
    ("name", "strength"), [("drop_atoms", 0.25), ("drop_atoms", 0.75), ("subgraph", 0.999)]
)
def test_each_node_has_the_same_chance(
    name: str, strength: float, esol_graphs: GraphDataset
) -> None:
    # `subgraph` at this strength keeps its first node alone.
    times = 4000
    batch = esol_graphs.batch(torch.zeros(times, dtype=torch.long))
    nodes = batch.num_nodes // times
    assert nodes > 20
    batch.x[:, 0] = torch.arange(nodes).repeat(times)
    view = make_view({name: strength})(batch, _seeded(0))
    kept = torch.bincount(view.x[:, 0], minlength=nodes) / times
    chance = max(nodes - int(strength * nodes), 1) / nodes
    assert float(kept.mean()) == pytest.approx(chance)
    assert (kept - chance).abs().max() < 4.5 * (chance * (1 - chance) / times) ** 0.5


@pytest.mark.parametrize("whole", [True, False])
def test_pygs_transforms_fit_in_the_list(whole: bool) -> None:
    graphs = [
        Data(x=torch.rand(n, 2), pos=torch.rand(n, 3), edge_index=torch.zeros(2, 0).long())
        for n in (5, 3)
    ]
    data = Batch.from_data_list(graphs) if whole else graphs[0]
    # `Center` of a whole batch would move all graphs together.
    view = Compose([pyg.Center(), pyg.RandomJitter(0.1), pyg.AddSelfLoops(), DropNodes(0.4)])
    states = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    altered = view(data, _seeded(1))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.random.get_state()[1].tolist() == states[1]  # noqa: NPY002
    assert _equal(altered, view(data, _seeded(1)))
    assert not _equal(altered, view(data, _seeded(2)))
    for graph in altered.to_data_list() if whole else [altered]:
        assert graph.num_nodes in (3, 2)
        assert graph.pos.abs().max() < 1
        assert graph.edge_index.tolist() == [list(range(graph.num_nodes))] * 2


def test_a_batch_that_was_changed_otherwise_is_refused(batch: Batch) -> None:
    changed = batch.clone()
    changed.edge_index = changed.edge_index[:, 2:]
    with pytest.raises(BadValueError, match="made or changed otherwise"):
        DropEdges(0.1)(changed)
    with pytest.raises(BadValueError, match="made or changed otherwise"):
        DropNodes(0.1)(Batch(x=batch.x, edge_index=batch.edge_index, batch=batch.batch))
    meshed = Data(x=torch.rand(3, 1), face=torch.tensor([[0], [1], [2]]))
    with pytest.raises(BadValueError, match="tensors of nodes, edges or graphs, got 'face'"):
        DropNodes(0.5)(meshed)


RING = torch.tensor([[0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 0]])


@pytest.mark.parametrize("batched", [True, False])
def test_targets_of_as_many_values_as_nodes(batched: bool) -> None:
    def dropped(y: Tensor) -> Tensor:
        graph = Data(x=torch.rand(5, 1), edge_index=RING[:, :4], y=y)
        return DropNodes(0.5)(Batch.from_data_list([graph, graph]) if batched else graph).y

    times = 2 if batched else 1
    row = torch.rand(1, 5)
    assert torch.equal(dropped(row), row.repeat(times, 1))
    assert torch.equal(dropped(row[0, :4]), row[0, :4].repeat(times))
    assert dropped(torch.rand(5, 1)).shape == (3 * times, 1)
    with pytest.raises(BadValueError, match=r"'node_y'.* shape \(1, t\)"):
        dropped(row[0])
    of_nodes = [Data(x=torch.rand(n, 1), y=torch.arange(n)) for n in (4, 6)]
    assert len(DropNodes(0.5)(Batch.from_data_list(of_nodes)).y) == 5


def test_a_tensor_of_nodes_or_edges_is_named_or_known_from_the_data_set() -> None:
    ring = Data(x=torch.rand(6, 1), edge_index=RING, weight=torch.arange(6))
    for data in (ring, Batch.from_data_list([ring]), GraphDataset.from_pyg([ring]).batch()):
        with pytest.raises(BadValueError, match="got 'weight' that may be of several"):
            DropEdges(0.5)(data)
    path = Data(x=torch.rand(3, 1), edge_index=RING[:, :2], weight=torch.arange(2))
    rings = GraphDataset.from_pyg([ring, path])[[0]]
    for data in (rings[0], rings.batch()):
        view = DropEdges(0.5)(data, _seeded(0))
        assert 0 < view.num_edges < 6
        assert torch.equal(view.edge_index, RING[:, view.weight])


@pytest.mark.filterwarnings("ignore:Unable to accurately infer 'num_nodes'")
@pytest.mark.parametrize("batched", [True, False])
def test_nodes_without_edges_are_kept_without_num_nodes(batched: bool) -> None:
    graph = Data(edge_index=RING[:, :5])
    data = Batch.from_data_list([graph]) if batched else graph
    for transform, expected in ((DropNodes(0.5), 3), (DropEdges(0.99), 6)):
        view = transform(data, _seeded(0))
        assert view.num_nodes == expected
        assert (view.to_data_list()[0] if batched else view).num_nodes == expected


@pytest.mark.parametrize("batched", [True, False])
def test_features_that_do_not_fit_the_edges_are_refused(batched: bool) -> None:
    graph = pyg.AddSelfLoops()(from_smiles("CCO"))
    data = Batch.from_data_list([graph]) if batched else graph
    message = "expected 'edge_attr' with a row for each edge, got 4 rows of 7 edges"
    with pytest.raises(BadValueError, match=message):
        DropEdges(0.5)(data, _seeded(0))


@pytest.mark.parametrize("views", [1, 2])
def test_what_the_data_set_knows_of_a_tensor_is_kept_in_new_batches(views: int) -> None:
    ring = Data(x=torch.rand(6, 1), edge_index=RING, weight=torch.arange(6), y=torch.rand(1, 6))
    path = Data(x=torch.rand(3, 1), edge_index=RING[:, :2], weight=torch.arange(2), y=ring.y)
    rings = GraphDataset.from_pyg([ring, path])[[0, 0]]
    # PyG's transform gets graph by graph, and the graphs are one batch again after.
    transforms = [pyg.Constant(), DropEdges(0.5)]
    loader = WrappedLoader([rings.batch()], views=views, transform=transforms)
    ((view, _),) = loader
    assert view.num_graphs == 2 * views
    for graph in view.to_data_list():
        assert torch.equal(graph.edge_index, RING[:, graph.weight])


def test_a_plain_transform_draws_for_each_image() -> None:
    """As torchvision's, which draw once a call."""

    def shifted(image: Tensor) -> Tensor:
        assert image.shape == (3, 4, 4)
        return image + torch.rand(1)

    images = torch.zeros(5, 3, 4, 4)
    loader = WrappedLoader([(images, torch.zeros(5, 1))], views=2, transform=shifted)
    ((views, _),) = loader
    assert views.shape == (10, 3, 4, 4)
    assert len(views[:, 0, 0, 0].unique()) == 10


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize(
    "more", [{"extra": {"w": [torch.arange(6)]}}, {"extra": [torch.arange(6)]}]
)
@pytest.mark.parametrize("transform", [DropNodes(0.5), DropEdges(0.5)])
def test_tensors_in_a_dict_or_a_list_would_not_stay_aligned(
    batched: bool, more: dict[str, object], transform: Augmentation
) -> None:
    def ring(**more: object) -> Data:
        graph = Data(x=torch.rand(6, 1), edge_index=RING, name="ring", codes=["a", "b"], **more)
        return Batch.from_data_list([graph, graph]) if batched else graph

    data = ring(**more)
    with pytest.raises(BadValueError, match=r"got 'extra', a (dict|list) that holds tensors"):
        transform(data)
    assert MaskAttributes(0.5)(data).num_nodes == data.num_nodes
    assert transform(ring()).codes == ring().codes


@pytest.mark.filterwarnings("ignore:Sparse")
@every_augmentation
@pytest.mark.parametrize("batched", [True, False])
def test_sparse_matrices_are_refused(name: str, batched: bool) -> None:
    ring = Data(x=torch.rand(6, 1), edge_index=RING)
    ring = pyg.ToSparseTensor(layout=torch.sparse_csr)(ring)
    with pytest.raises(BadValueError, match="expected edges as edge_index, got a sparse 'adj_t'"):
        make_view({name: 0.5})(Batch.from_data_list([ring, ring]) if batched else ring)


def test_a_transform_that_reads_what_graphs_lack_names_what_they_have() -> None:
    view = Compose([pyg.Distance()])
    graph = Data(x=torch.rand(6, 1), edge_index=RING)
    for data in (graph, Batch.from_data_list([graph, graph])):
        with pytest.raises(
            BadValueError, match=r"^Distance.* does not fit a graph with edge_i.*, x$"
        ):
            view(data)


def test_a_function_of_ones_own_says_why_it_refuses_a_graph() -> None:
    def checked(graph: Data) -> Data:
        assert graph.num_nodes > 10, "more than 10 nodes"
        return graph

    with pytest.raises(BadValueError, match="with edge_index, x: more than 10 nodes"):
        Compose([checked])(Data(x=torch.rand(6, 1), edge_index=RING))


@pytest.mark.filterwarnings("ignore:Unable to accurately infer 'num_nodes'")
@every_augmentation
def test_a_graph_of_unknown_size_is_refused(name: str) -> None:
    with pytest.raises(BadValueError, match="its number of nodes is unknown; set num_nodes"):
        make_view({name: 0.5})(Data())
