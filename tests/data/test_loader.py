import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator, Tensor

from rnc_graph.data import GraphDataset, Loader, Subset
from rnc_graph.data.transforms import make_view
from rnc_graph.errors import RncGraphError

TARGETS = torch.arange(1000.0)[:, None] / 10


def _batches(index: Tensor, batch_size: int, y: Tensor = TARGETS, **options: object) -> Loader:
    """Return batches whose inputs are the numbers of the samples."""
    return Loader(Subset(torch.arange(1000), index, y[index]), batch_size, **options)


def _order(batches: Loader) -> list[int]:
    return torch.cat([rows for rows, _ in batches]).tolist()


@given(
    index=st.lists(st.integers(0, 999), min_size=1, max_size=200, unique=True),
    batch_size=st.integers(1, 64),
    seed=st.none() | st.integers(0, 99),
)
def test_every_molecule_comes_once_a_pass_in_batches_of_like_size(
    index: list[int], batch_size: int, seed: int | None
) -> None:
    batches = _batches(torch.tensor(index), batch_size, shuffle_seed=seed)
    for _ in range(2):
        drawn = list(batches)
        sizes = [len(rows) for rows, _ in drawn]
        order = [row for rows, _ in drawn for row in rows.tolist()]
        assert len(drawn) == len(batches) == -(-len(index) // batch_size)
        assert max(sizes) <= batch_size
        assert max(sizes) - min(sizes) <= 1
        assert sorted(order) == sorted(index)
        if seed is None:
            assert order == index
        for rows, targets in drawn:
            assert torch.equal(targets, TARGETS[rows])


def test_the_order_is_new_each_pass_and_follows_the_seed() -> None:
    index = torch.arange(100)
    one, same, other = (_batches(index, 10, shuffle_seed=seed) for seed in (5, 5, 6))
    first, second = _order(one), _order(one)
    assert first != second
    assert (_order(same), _order(same)) == (first, second)
    assert _order(other) != first
    assert _order(_batches(index, 10, shuffle_seed=0)) != index.tolist()  # 0 is a seed.


@given(
    molecules=st.integers(1, 40),
    batch_size=st.integers(1, 20),
    views=st.integers(1, 4),
    seed=st.none() | st.integers(0, 99),
)
def test_views_stand_one_after_another(
    molecules: int, batch_size: int, views: int, seed: int | None
) -> None:
    batches = _batches(torch.arange(molecules), batch_size, shuffle_seed=seed, views=views)
    for rows, targets in batches:
        assert len(rows) == views * len(targets)
        for view in rows.view(views, len(targets)):
            assert torch.equal(TARGETS[view], targets)


def test_each_view_is_drawn_on_its_own() -> None:
    seen = []

    def view(batch: Tensor, generator: Generator) -> Tensor:
        seen.append(batch)
        return batch + torch.rand(len(batch), generator=generator)

    def inputs(seed: int) -> Tensor:
        batches = _batches(torch.arange(10), 10, shuffle_seed=seed, views=2, transform=view)
        return torch.cat([inputs for inputs, _ in batches])

    first = inputs(1)
    rows, noise = seen[0], first - seen[0]
    assert torch.equal(rows[:10], rows[10:])
    assert len(noise.unique()) == 20
    assert torch.equal(inputs(1), first)
    assert not torch.equal(inputs(2), first)


def test_graphs_and_targets_belong_together(esol_graphs: GraphDataset) -> None:
    # Each molecule's number of atoms for its target.
    atoms = esol_graphs.batch().ptr.diff()[:, None].float()
    index = torch.arange(0, 1128, 3)
    batches = Loader(Subset(esol_graphs, index, atoms[index]), 50, shuffle_seed=0, views=2)
    for batch, targets in batches:
        assert batch.num_graphs == 2 * len(targets)
        assert torch.equal(batch.ptr.diff().float(), targets.repeat(2, 1)[:, 0])


def test_graphs_are_augmented_and_stay_with_their_targets(esol_graphs: GraphDataset) -> None:
    atoms = esol_graphs.batch().ptr.diff()[:, None].float()
    view = make_view({"drop_atoms": 0.5})
    dataset = Subset(esol_graphs, torch.arange(100), atoms[:100])
    batches = Loader(dataset, 32, shuffle_seed=0, views=2, transform=view)
    for batch, targets in batches:
        kept = targets - (targets / 2).floor()
        assert torch.equal(batch.ptr.diff().float(), kept.repeat(2, 1)[:, 0])
        first, second = batch.x[: batch.ptr[len(targets)]], batch.x[batch.ptr[len(targets)] :]
        assert not torch.equal(first, second)


@pytest.mark.parametrize("seed", [None, 3])
def test_the_global_generator_is_left_alone(seed: int | None) -> None:
    before = torch.get_rng_state()
    _order(_batches(torch.arange(50), 8, shuffle_seed=seed))
    assert torch.equal(torch.get_rng_state(), before)


def _balanced(index: Tensor, classes: Tensor, batch_size: int, seed: int = 0) -> Loader:
    return _batches(index, batch_size, classes[:, None], shuffle_seed=seed, balanced=True)


def test_balanced_batches_draw_each_class_alike() -> None:
    classes = torch.full((1000,), torch.nan)
    classes[:900], classes[900:990], classes[990:996] = 0, 5, 2  # Four have none.
    batches = _balanced(torch.arange(1000), classes, 64)
    sizes, drawn = [], []
    for _ in range(9):
        rows = [rows for rows, _ in batches]
        sizes += [len(batch) for batch in rows]
        drawn += [torch.cat(rows)]
        assert len(drawn[-1]) == 1000
    assert set(sizes) == {62, 63}
    every = torch.cat(drawn)
    counts = [int((classes[every] == number).sum()) for number in (0, 5, 2)]
    assert sum(counts) == 9000
    assert all(abs(count - 3000) < 200 for count in counts)
    # Within a class all rows alike: each of the six in 500 draws.
    rare = torch.bincount(every, minlength=1000)[990:996]
    assert ((rare - 500).abs() < 100).all()
    assert (torch.bincount(every, minlength=900)[:900] > 0).float().mean() > 0.9


def test_balanced_batches_follow_the_seed_and_the_index() -> None:
    classes = (torch.arange(1000) % 7 == 0).float()
    index = torch.arange(100, 200)
    one, same, other = (_balanced(index, classes, 16, seed) for seed in (5, 5, 6))
    first, second = _order(one), _order(one)
    assert first != second
    assert (_order(same), _order(same)) == (first, second)
    assert _order(other) != first
    assert set(first) <= set(index.tolist())
    whole = _balanced(index, classes, 16)
    shares = [_balanced(index, classes, 16).shard(rank, 3) for rank in range(3)]
    for _ in range(2):
        for (rows, _targets), *parts in zip(whole, *shares, strict=True):
            assert torch.equal(rows, torch.cat([part for part, _ in parts]))


def test_balanced_batches_need_classes_and_a_seed() -> None:
    index, classes = torch.arange(10), torch.zeros(1000)
    with pytest.raises(RncGraphError, match="balanced: expected a shuffle_seed, got None"):
        _batches(index, 4, balanced=True)
    with pytest.raises(RncGraphError, match="none of 10 samples has a class"):
        _balanced(index, classes * torch.nan, 4)


def test_batches_are_made_where_the_samples_are() -> None:
    # A tensor on this device has no values: to copy one to the CPU is an error.
    elsewhere = torch.device("meta")
    samples = Subset(torch.zeros(10, 3), torch.arange(10), torch.zeros(10, 1)).to(elsewhere)
    nested = Subset(samples, torch.arange(10, device=elsewhere), samples.y)
    for inputs, y in Loader(nested, 4, shuffle_seed=0, views=2):
        assert inputs.device == y.device == elsewhere
        assert inputs.shape == (2 * len(y), 3)
