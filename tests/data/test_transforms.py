import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Generator, Tensor
from torch_geometric.data import Batch

from rnc_graph.data import GraphDataset, MoleculeTable
from rnc_graph.data.features import featurize
from rnc_graph.data.schema import MASK
from rnc_graph.data.transforms import VIEWS, View, make_view
from rnc_graph.errors import RncGraphError, UnknownNameError

ESOL_ROWS = 80
OTHERS = ["C", "O", "CC", "[Na+].[Cl-]", "CC(=O)[O-].[Na+]", "CCCCCC.c1ccccc1.O"]
NAMES = ["drop_atoms", "drop_bonds", "mask_attributes", "subgraph"]

STRENGTHS = st.sampled_from([i / 16 for i in range(16)]) | st.floats(0, 1, exclude_max=True)
SEEDS = st.integers(0, 2**31)
ROWS = st.lists(
    st.integers(0, ESOL_ROWS - 1) | st.integers(ESOL_ROWS, ESOL_ROWS + len(OTHERS) - 1),
    min_size=1,
    max_size=10,
)


@pytest.fixture(scope="module")
def graphs(esol: MoleculeTable) -> GraphDataset:
    return featurize(esol.smiles[:ESOL_ROWS] + OTHERS)[0]


def _seeded(seed: int) -> Generator:
    return torch.Generator().manual_seed(seed)


def _numbered(graphs: GraphDataset, rows: list[int]) -> Batch:
    """Return a batch whose first atom and bond features are the atom's and the bond's number."""
    batch = graphs.batch(torch.tensor(rows))
    batch.x[:, 0] = torch.arange(batch.num_nodes)
    batch.edge_attr[:, 0] = torch.arange(batch.num_edges) // 2
    return batch


def _same(a: Batch, b: Batch) -> bool:
    return all(torch.equal(a[key], b[key]) for key in ("x", "edge_index", "edge_attr", "ptr"))


def _parts(batch: Batch) -> Tensor:
    """Return the connected part that each atom belongs to."""
    source, target = batch.edge_index.numpy()
    shape = (batch.num_nodes, batch.num_nodes)
    matrix = coo_array((np.ones(len(source)), (source, target)), shape=shape)
    return torch.from_numpy(connected_components(matrix, directed=False)[1])


def _assert_sound(batch: Batch, view: Batch) -> None:
    """Check what holds of any view of a numbered batch whose atoms are not masked."""
    assert view.num_graphs == batch.num_graphs
    counts = view.ptr.diff()
    assert (counts >= 1).all()
    assert view.ptr[0] == 0
    assert view.ptr[-1] == len(view.x)
    assert torch.equal(view.batch, torch.arange(len(counts)).repeat_interleave(counts))
    # Atoms keep their order, their molecule and their features.
    atoms = view.x[:, 0]
    assert (atoms.diff() > 0).all()
    assert torch.equal(batch.batch[atoms], view.batch)
    assert torch.equal(batch.x[atoms], view.x)
    # A bond's two directions stand side by side.
    assert view.edge_index.shape[1] == len(view.edge_attr)
    assert torch.equal(view.edge_index[:, 0::2], view.edge_index[:, 1::2].flip(0))
    # Each edge joins the atoms that it joined before, and keeps its features.
    bonds = view.edge_attr[:, 0]
    assert torch.equal(bonds[0::2], bonds[1::2])
    assert (bonds[0::2].diff() > 0).all()
    assert torch.equal(atoms[view.edge_index[:, 0::2]], batch.edge_index[:, 2 * bonds[0::2]])
    assert torch.equal(batch.edge_attr[2 * bonds], view.edge_attr)
    # It still comes apart into its graphs.
    for i, part in enumerate(view.to_data_list()):
        assert part.num_nodes == counts[i]
        assert torch.equal(part.x, view.x[view.batch == i])
        mine = view.batch[view.edge_index[0]] == i
        assert torch.equal(part.edge_index + view.ptr[i], view.edge_index[:, mine])


@given(strength=STRENGTHS, seed=SEEDS, rows=ROWS)
def test_drop_atoms(strength: float, seed: int, rows: list[int], graphs: GraphDataset) -> None:
    batch = _numbered(graphs, rows)
    view = make_view({"drop_atoms": strength})(batch, _seeded(seed))
    _assert_sound(batch, view)
    for before, after in zip(batch.ptr.diff().tolist(), view.ptr.diff().tolist(), strict=True):
        # The product is rounded to float32 before it is rounded down.
        dropped = {int(strength * before - 1e-4), int(strength * before + 1e-4)}
        assert before - after in {min(count, before - 1) for count in dropped}
    kept = torch.isin(torch.arange(batch.num_nodes), view.x[:, 0])
    assert view.num_edges == int(kept[batch.edge_index].all(0).sum())


@given(strength=STRENGTHS, seed=SEEDS, rows=ROWS)
def test_drop_bonds(strength: float, seed: int, rows: list[int], graphs: GraphDataset) -> None:
    batch = _numbered(graphs, rows)
    view = make_view({"drop_bonds": strength})(batch, _seeded(seed))
    _assert_sound(batch, view)
    assert torch.equal(view.x, batch.x)
    assert torch.equal(view.ptr, batch.ptr)


@given(strength=STRENGTHS, seed=SEEDS, rows=ROWS)
def test_mask_attributes(strength: float, seed: int, rows: list[int], graphs: GraphDataset) -> None:
    batch = graphs.batch(torch.tensor(rows))
    view = make_view({"mask_attributes": strength})(batch, _seeded(seed))
    masked = (view.x == MASK).all(1)
    assert (batch.x > MASK).all()
    assert torch.equal(view.x[~masked], batch.x[~masked])
    for key in ("edge_index", "edge_attr", "ptr", "batch"):
        assert torch.equal(view[key], batch[key])
    assert view.num_graphs == batch.num_graphs
    parts = view.to_data_list()
    assert torch.equal(torch.cat([part.x for part in parts]), view.x)


@given(strength=STRENGTHS, seed=SEEDS, rows=ROWS)
def test_subgraph(strength: float, seed: int, rows: list[int], graphs: GraphDataset) -> None:
    batch = _numbered(graphs, rows)
    view = make_view({"subgraph": strength})(batch, _seeded(seed))
    _assert_sound(batch, view)
    parts_before, parts_after = _parts(batch), _parts(view)
    for i, before in enumerate(batch.ptr.diff().tolist()):
        mine = view.batch == i
        assert len(parts_after[mine].unique()) == 1
        # Of a salt, at most the fragment that the first atom belongs to.
        (fragment,) = parts_before[view.x[mine, 0]].unique()
        largest = int((parts_before == fragment).sum())
        wanted = (1 - strength) * before  # Rounded to float32 before it is rounded up.
        kept = {int(np.ceil(wanted - 1e-4)), int(np.ceil(wanted + 1e-4))}
        assert int(mine.sum()) in {min(max(count, 1), largest) for count in kept}
    # All bonds within the part are kept.
    kept_atoms = torch.isin(torch.arange(batch.num_nodes), view.x[:, 0])
    assert view.num_edges == int(kept_atoms[batch.edge_index].all(0).sum())


@given(
    strengths=st.lists(STRENGTHS, min_size=4, max_size=4),
    order=st.permutations(["drop_atoms", "drop_bonds", "subgraph"]),
    seed=SEEDS,
    rows=ROWS,
)
def test_composition(
    strengths: list[float], order: list[str], seed: int, rows: list[int], graphs: GraphDataset
) -> None:
    batch = _numbered(graphs, rows)
    before = batch.clone()
    unmasked = dict(zip(order, strengths, strict=False))
    view = make_view(unmasked)(batch, _seeded(seed))
    _assert_sound(batch, view)
    assert _same(batch, before)
    # The mask comes last: it draws after the others, which therefore draw the same.
    masked = make_view({**unmasked, "mask_attributes": strengths[3]})(batch, _seeded(seed))
    hidden = (masked.x == MASK).all(1)
    assert torch.equal(masked.x[~hidden], view.x[~hidden])
    assert torch.equal(masked.edge_index, view.edge_index)
    assert torch.equal(masked.edge_attr, view.edge_attr)


@pytest.mark.parametrize("name", NAMES)
@given(strength=STRENGTHS, seed=SEEDS, rows=ROWS)
def test_the_batch_itself_stays_as_it_is(
    name: str, strength: float, seed: int, rows: list[int], graphs: GraphDataset
) -> None:
    batch = graphs.batch(torch.tensor(rows))
    before = batch.clone()
    view = make_view({name: strength})(batch, _seeded(seed))
    assert _same(batch, before)
    assert torch.equal(batch.batch, before.batch)
    # Nor does it change when the view is written to, of what the view changes.
    if name == "mask_attributes":
        view.x.zero_()
        assert _same(batch, before)


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides(name: str, graphs: GraphDataset) -> None:
    batch = graphs.batch(torch.arange(len(graphs)))
    view = make_view({name: 0.3})
    assert _same(view(batch, _seeded(1)), view(batch, _seeded(1)))
    assert not _same(view(batch, _seeded(1)), view(batch, _seeded(2)))
    generator = _seeded(1)
    assert not _same(view(batch, generator), view(batch, generator))


@pytest.mark.parametrize("name", NAMES)
def test_the_global_generator_is_left_alone(name: str, graphs: GraphDataset) -> None:
    batch = graphs.batch(torch.arange(20))
    before = torch.get_rng_state()
    make_view({name: 0.3})(batch, _seeded(1))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", NAMES)
def test_strength_zero_changes_nothing(name: str, graphs: GraphDataset) -> None:
    # Connected molecules: of a salt, `subgraph` keeps one fragment at any strength.
    batch = graphs.batch(torch.arange(ESOL_ROWS + 3))
    assert _same(make_view({name: 0.0})(batch, _seeded(0)), batch)


@pytest.mark.parametrize("name", ["drop_atoms", "subgraph"])
@pytest.mark.parametrize("strength", [0.999, 0.99999999, 1 - 2**-53])
def test_the_largest_strengths_keep_one_atom(
    name: str, strength: float, graphs: GraphDataset
) -> None:
    batch = graphs.batch(torch.arange(len(graphs)))
    view = make_view({name: strength})(batch, _seeded(0))
    assert (view.ptr.diff() == 1).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("strength", [-0.1, 1.0, 1.5, float("nan")])
def test_a_strength_out_of_range_is_refused(name: str, strength: float) -> None:
    with pytest.raises(RncGraphError, match=r"in \[0, 1\), got"):
        make_view({name: strength})


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    assert VIEWS.names() == NAMES
    with pytest.raises(UnknownNameError, match="'shake'; known: drop_atoms, drop_bonds"):
        make_view({"shake": 0.1})


def test_no_augmentation_is_no_view() -> None:
    assert make_view({}) is None


def _share(view: View, batch: Batch, what: str) -> tuple[float, int]:
    """Return the share of atoms masked or bonds dropped, and of how many."""
    altered = view(batch, _seeded(0))
    if what == "bonds":
        return 1 - altered.num_edges / batch.num_edges, batch.num_edges // 2
    return float((altered.x == MASK).all(1).double().mean()), batch.num_nodes


@pytest.mark.parametrize("strength", [0.05, 0.1, 0.3, 0.8])
@pytest.mark.parametrize(("name", "what"), [("drop_bonds", "bonds"), ("mask_attributes", "atoms")])
def test_the_share_is_the_strength(
    name: str, what: str, strength: float, esol_graphs: GraphDataset
) -> None:
    batch = esol_graphs.batch(torch.arange(len(esol_graphs)))
    share, count = _share(make_view({name: strength}), batch, what)
    assert count > 14_000
    assert abs(share - strength) < 4 * (strength * (1 - strength) / count) ** 0.5


def _kept_share(graphs: GraphDataset, row: int, name: str, strength: float, times: int) -> Tensor:
    """Return how often each atom of a molecule is kept."""
    batch = _numbered(graphs, [row] * times)
    view = make_view({name: strength})(batch, _seeded(0))
    atoms = batch.num_nodes // times
    return torch.bincount(view.x[:, 0] % atoms, minlength=atoms) / times


@pytest.mark.parametrize(
    ("name", "strength"), [("drop_atoms", 0.25), ("drop_atoms", 0.75), ("subgraph", 0.999)]
)
def test_each_atom_has_the_same_chance(name: str, strength: float, graphs: GraphDataset) -> None:
    # `subgraph` at this strength keeps its first atom alone.
    row, times = 0, 4000
    atoms = graphs[row].num_nodes
    assert atoms > 20
    kept = _kept_share(graphs, row, name, strength, times)
    chance = max(atoms - int(strength * atoms), 1) / atoms
    assert float(kept.mean()) == pytest.approx(chance)
    assert (kept - chance).abs().max() < 4.5 * (chance * (1 - chance) / times) ** 0.5
