"""Each objective against its loss, fed by hand; and each trained from a spec."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnc_graph.errors import BadValueError, RncGraphError, UnknownNameError
from rnc_graph.losses import (
    KCL,
    LOSSES,
    RINCE,
    TSC,
    AttentionNCELoss,
    ClassCentroids,
    KCLLoss,
    LabelAttentionNCE,
    PretrainLoss,
    QueueLoss,
    RINCELoss,
    RnCLoss,
    SupCon,
    SupConLoss,
    TSCLoss,
    assign_targets,
)
from tests.run_and_write import run_and_write

LABELS = torch.arange(20.0)[:, None]  # of the training set: with 2 bins, 0 .. 9 and 10 .. 19


def _draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _prepared(objective: Any) -> Any:
    objective.setup(LABELS, 8, seed=0)
    return objective


def _queued() -> dict[str, Tensor]:
    return {
        "query": _draw(4, 8),
        "key": _draw(4, 8, seed=1),
        "labels": torch.tensor([[1.0], [8.0], [12.0], [18.0]]),
        "queue": _draw(6, 8, seed=2),
        "queue_labels": torch.tensor([[0.0], [5.0], [9.0], [10.0], [15.0], [19.0]]),
    }


CLASSES, QUEUE_CLASSES = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 0, 1, 1, 1])


def test_rnc_is_its_loss() -> None:
    assert LOSSES.get("rnc") is RnCLoss


def test_supcon_takes_bins_for_classes() -> None:
    features, labels = _draw(4, 2, 8), _queued()["labels"]
    found = _prepared(SupCon(0.5, bins=2))(features, labels)
    torch.testing.assert_close(found, SupConLoss(0.5)(features, CLASSES))


@pytest.mark.parametrize("variant", ["in", "out", "out-in"])
def test_rince_takes_steps_of_distance_for_ranks(variant: str) -> None:
    given = _queued()
    objective = RINCE(variant, 0.2, 0.4, thresholds=[2.0, 5.0, 9.0])
    distance = (given["labels"] - given["queue_labels"].T).abs()
    similarity = torch.full_like(distance, -1.0)
    for threshold, value in ((9.0, 0.0), (5.0, 0.5), (2.0, 1.0)):
        similarity[distance <= threshold] = value
    expected = RINCELoss(variant, 0.2, 0.4)(
        given["query"], given["key"], given["queue"], similarity
    )
    assert set(similarity.unique().tolist()) == {-1.0, 0.0, 0.5, 1.0}
    torch.testing.assert_close(objective(**given), expected)


def test_rince_has_the_same_ranks_while_the_queue_fills() -> None:
    given = _queued() | {"queue": _draw(0, 8), "queue_labels": torch.zeros(0, 1)}
    objective = RINCE(thresholds=[2.0, 5.0, 9.0])
    expected = RINCELoss()(
        given["query"], given["key"], given["queue"], torch.zeros(4, 0), [1.0, 0.5, 0.0]
    )
    torch.testing.assert_close(objective(**given), expected)


def test_kcl_takes_bins_for_classes() -> None:
    given = _queued()
    expected = KCLLoss(0.2, None)(
        given["query"], given["key"], CLASSES, given["queue"], QUEUE_CLASSES
    )
    found = _prepared(KCL(0.2, positives=None, bins=2))(**given)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", ["uniform", "ordered"])
def test_tsc_matches_classes_to_targets_that_stay(kind: str) -> None:
    given = _queued()
    objective = _prepared(TSC(0.2, 0.7, positives=None, targets=kind, bins=2))
    targets = objective.targets.clone()
    assignment = torch.arange(2)
    if kind == "uniform":
        centroids = ClassCentroids(2, 8).update(given["query"], CLASSES)
        assignment = assign_targets(centroids, targets)
    expected = TSCLoss(0.2, 0.7, True, None)(
        given["query"], given["key"], CLASSES, given["queue"], QUEUE_CLASSES, targets, assignment
    )
    torch.testing.assert_close(objective(**given), expected)
    assert torch.equal(objective.targets, targets)
    assert torch.equal(objective.class_to_target, assignment)


def test_the_targets_of_tsc_follow_the_seed_and_are_kept_with_it() -> None:
    def made(seed: int, **options: Any) -> TSC:
        objective = TSC(bins=5, **options)
        objective.setup(LABELS, 8, seed)
        return objective

    for kind in ("uniform", "ordered"):
        assert torch.equal(made(0, targets=kind).targets, made(0, targets=kind).targets)
        assert not torch.equal(made(0, targets=kind).targets, made(1, targets=kind).targets)
    assert {"targets", "class_to_target", "bins.edges"} <= set(made(0).state_dict())


def test_ordered_targets_lie_in_the_order_of_the_bins() -> None:
    objective = _prepared(TSC(targets="ordered", bins=5))
    products = objective.targets @ objective.targets.T
    steps = (torch.arange(5)[:, None] - torch.arange(5)).abs()
    torch.testing.assert_close(products, 1 - steps / 2, rtol=1e-5, atol=1e-5)


def test_tsc_refuses_what_has_no_order() -> None:
    with pytest.raises(UnknownNameError, match="unknown kind of targets 'even'; known: ordered"):
        TSC(targets="even")
    with pytest.raises(RncGraphError, match="ordered needs one label column, got 2"):
        TSC(targets="ordered").setup(torch.randn(30, 2), 16, 0)


def test_near_labels_are_positives_and_no_negatives() -> None:
    features = _draw(5, 2, 8)
    labels = torch.tensor([[0.0], [0.1], [0.3], [5.0], [5.1]])
    nearest = [[1], [0], [1], [4], [3]]
    negatives = torch.ones(5, 5, dtype=torch.bool)
    for row, near in enumerate(nearest):
        negatives[row, near] = False
    positives = torch.stack([features[near, 0] for near in nearest])
    expected = AttentionNCELoss(0.3, 0.5, 2.0)(torch.cat([features, positives], 1), negatives)
    found = LabelAttentionNCE(positives=1, temperature=0.3, d_pos=0.5, d_neg=2.0)(features, labels)
    torch.testing.assert_close(found, expected)


def test_a_batch_smaller_than_the_positives_asked_for() -> None:
    features = _draw(3, 2, 8).requires_grad_()
    value = LabelAttentionNCE(positives=9)(features, LABELS[:3])
    value.backward()
    assert value.item() == 0
    assert torch.isfinite(features.grad).all()


def test_attention_without_labels_looks_at_none() -> None:
    features = _draw(5, 6, 8)
    objective = LOSSES.make("attention-nce")
    assert torch.equal(objective(features, LABELS[:5]), objective(features, LABELS[5:10]))


@pytest.mark.parametrize("name", LOSSES.names())
def test_every_objective_pulls_the_embedding_of_its_own_free_will(name: str) -> None:
    """Twenty steps on free embeddings lower it, and leave them finite."""
    objective: nn.Module = LOSSES.make(name)
    labels = LABELS
    if isinstance(objective, PretrainLoss):
        objective.setup(labels, 16, seed=0)
    views = max(2, getattr(objective, "min_views", 1))
    features = nn.Parameter(_draw(20, views, 16))
    optimizer = torch.optim.Adam([features], lr=0.05)

    def value() -> Tensor:
        torch.manual_seed(0)
        if not isinstance(objective, QueueLoss):
            return objective(features, labels)
        key = features.detach().roll(1, 1)[:, 0]
        return objective(features[:, 0], key, labels, key, labels)

    first = value()
    for _ in range(20):
        optimizer.zero_grad()
        value().backward()
        optimizer.step()
    assert value() < first - 0.05
    assert torch.isfinite(features).all()


SPEC = """
name: family
data: {path: molecules.csv, smiles: smiles, targets: [logS]}
seeds: 1
reference: plain
encoders:
  gcn: {hidden_dim: 8, layers: 1}
pretraining: {epochs: 1, views: 6, projection_dim: 12, batch_size: 16}
regression: {epochs: 1}
methods:
  - {name: plain, pretraining: null}
"""


@pytest.mark.slow
def test_every_objective_has_a_place_in_a_spec(folder: Path) -> None:
    from rnc_graph.experiments import read_spec

    lines = [
        f"  - {{name: {name}, pretraining: {{objective: {{name: {name}}}}}}}"
        for name in LOSSES.names()
    ]
    lines += [
        f"  - {{name: joint {name}, pretraining: null, regression: {{views: 6, objective: "
        f"{{name: {name}}}}}}}"
        for name in ("tsc", "rince")
    ]
    (folder / "family.yaml").write_text(SPEC + "\n".join(lines) + "\n")
    outcome = run_and_write(read_spec(folder / "family.yaml"), folder / "out")
    (table,) = outcome.tables
    errors = {row.name: row.summaries["test", "unit", "rmse"].mean for row in table.rows}
    # No two objectives train alike.
    assert len(set(errors.values())) == len(LOSSES.names()) + 3


def test_of_equally_near_labels_the_first_are_positives() -> None:
    """On any device, and in a batch of any size."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(300, 2, 4, generator=generator)
    labels = torch.randint(3, (300,), generator=generator).tolist()
    near = torch.tensor(
        [
            sorted(set(range(300)) - {i}, key=lambda j, i=i: (abs(labels[j] - labels[i]), j))[:4]
            for i in range(300)
        ]
    )
    negatives = torch.ones(300, 300, dtype=torch.bool).scatter_(1, near, False)
    with_near = torch.cat([features, features[near, 0]], 1)
    expected = AttentionNCELoss(0.3)(with_near, negatives)
    found = LabelAttentionNCE()(features, torch.tensor(labels)[:, None].float())
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("name", [name for name in LOSSES.names() if name != "attention-nce"])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_loss_is_in_float32_at_least(name: str, known: bool, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    loss, features = LOSSES.make(name), torch.randn(8, 2, 4, generator=generator).to(dtype)
    labels = torch.randn(8, 1, generator=generator)
    if hasattr(loss, "setup"):
        loss.setup(labels, 4, 0)
    given = labels if known else labels * torch.nan
    if isinstance(loss, QueueLoss):
        value = loss(features[:, 0], features[:, 1], given, features[:, 0], labels)
    else:
        value = loss(features, given)
    wide = dtype == torch.float64 and name != "regression"  # Its head is in float32.
    assert value.dtype == (torch.float64 if wide else torch.float32)


def test_the_options_are_printed() -> None:
    shown = {
        RnCLoss(1.5, "rank", "cosine"): "1.5, label_diff=rank_distance, feature_sim=cosine_sim",
        SupCon(bins=7): "QuantileBins(bins=7)",
        RINCE(quantiles=[0.1, 0.2]): "LabelRanks(quantiles=[0.1, 0.2])",
        RINCE(thresholds=[0.5, 2.0]): "LabelRanks(thresholds=[0.5, 2.0])",
        RINCE(hierarchy=[[0, 0, 1]]): "ClassRanks(levels=[1.0, 0.0])",
    }
    for loss, options in shown.items():
        assert options in repr(loss)


_BY_BATCH = [name for name in LOSSES.names() if not issubclass(LOSSES.get(name), QueueLoss)]
_BY_QUEUE = [name for name in LOSSES.names() if issubclass(LOSSES.get(name), QueueLoss)]


@pytest.mark.parametrize("name", _BY_BATCH)
def test_labels_of_one_target_may_have_no_columns(name: str) -> None:
    objective = LOSSES.make(name)
    objective.setup(LABELS[:, 0], 8, seed=0)
    features, labels = _draw(5, 3, 8), torch.tensor([[1.0], [8.0], [9.0], [12.0], [18.0]])
    expected = _prepared(LOSSES.make(name))(features, labels)
    assert torch.equal(objective(features, labels[:, 0]), expected)


@pytest.mark.parametrize("name", _BY_BATCH)
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_labels_of_any_type_are_those_numbers(name: str, dtype: torch.dtype) -> None:
    features, labels = _draw(5, 3, 8), torch.tensor([[3], [0], [1], [0], [0]]).to(dtype)
    objective = _prepared(LOSSES.make(name))
    torch.testing.assert_close(objective(features, labels), objective(features, labels.float()))


@pytest.mark.parametrize("name", _BY_QUEUE)
def test_labels_of_a_queue_may_have_no_columns(name: str) -> None:
    objective, batch = LOSSES.make(name), _queued()
    objective.setup(LABELS[:, 0], 8, seed=0)
    flat = {key: x[:, 0] if "labels" in key else x for key, x in batch.items()}
    values = []
    for loss, given in ((objective, flat), (_prepared(LOSSES.make(name)), batch)):
        torch.manual_seed(0)
        values.append(loss(**given))
    assert torch.equal(*values)


@pytest.mark.parametrize("name", _BY_BATCH)
@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        ((5, 3, 8), (4, 1), r"labels must be \(B, t\) with B = 5, got shape \(4, 1\)"),
        ((5, 3, 8), (5, 1, 1), r"labels must be \(B, t\) with B = 5"),
        ((5, 8), (5, 1), r"features must be \(B, V, d\), got shape \(5, 8\); with one view, add"),
    ],
)
def test_wrong_shapes(
    name: str, features: tuple[int, ...], labels: tuple[int, ...], message: str
) -> None:
    with pytest.raises(BadValueError, match=message):
        _prepared(LOSSES.make(name))(_draw(*features), torch.zeros(labels))


@pytest.mark.parametrize("name", ["simclr", "attention-nce", "attention-nce-labels"])
def test_fewer_views_than_a_loss_needs(name: str) -> None:
    objective = LOSSES.make(name)
    with pytest.raises(BadValueError, match=f"takes V >= {objective.min_views} views"):
        objective(_draw(5, objective.min_views - 1, 8), torch.zeros(5, 1))


def test_a_batch_of_one_sample_has_no_near_labels() -> None:
    features = _draw(1, 2, 8).requires_grad_()
    loss = LabelAttentionNCE()(features, torch.zeros(1, 1))
    loss.backward()
    assert loss == 0
    assert torch.equal(features.grad, torch.zeros(1, 2, 8))


def test_a_loss_in_evaluation_mode_learns_nothing() -> None:
    objective = _prepared(TSC(bins=2)).eval()
    before = {name: x.clone() for name, x in objective.state_dict().items()}
    objective(**_queued())
    assert all(torch.equal(x, before[name]) for name, x in objective.state_dict().items())


@pytest.mark.parametrize("loss", [RnCLoss, KCLLoss, AttentionNCELoss, SupConLoss, TSCLoss])
def test_a_temperature_is_no_parameter(loss: type[nn.Module]) -> None:
    with pytest.raises(BadValueError, match=r"temperature must be a plain number .* got Parameter"):
        loss(temperature=nn.Parameter(torch.tensor(0.5)))


class _Own(PretrainLoss):
    """A loss of one's own, whose arguments have other names and an option."""

    def forward(self, z: Tensor, y: Tensor, scale: float = 1.0) -> Tensor:
        return scale * (z.mean((1, 2)) - y[:, 0]).abs().mean()


def test_a_loss_of_ones_own_may_have_further_arguments_and_other_names() -> None:
    features, labels = _draw(5, 3, 8), _draw(5, 1)
    once = _Own()(features, labels)
    for twice in (
        _Own()(features, labels, 2.0),
        _Own()(features, labels, scale=2.0),
        _Own()(z=features, y=labels, scale=2.0),
    ):
        torch.testing.assert_close(twice, 2 * once)


def test_keywords_are_checked_as_well() -> None:
    features, labels = _draw(5, 3, 8), _draw(5)
    assert torch.equal(
        RnCLoss()(labels=labels, features=features), RnCLoss()(features, labels[:, None])
    )
    assert torch.equal(RnCLoss().forward(features, labels), RnCLoss()(features, labels))
