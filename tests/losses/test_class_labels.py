"""Objectives on labels that are class numbers."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnc_graph.errors import RncGraphError
from rnc_graph.losses import (
    KCL,
    LOSSES,
    RINCE,
    TSC,
    ClassCentroids,
    ClassNumbers,
    ClassRanks,
    KCLLoss,
    QueueLoss,
    RINCELoss,
    SupCon,
    SupConLoss,
    TSCLoss,
    assign_targets,
)
from rnc_graph.losses.ranks import hierarchy_similarity
from tests.losses.loops import rince

NAN = float("nan")
# The training set lacks classes 1, 3 and 4; class 0 is crowded.
TRAINING = torch.tensor([[0.0]] * 20 + [[2.0]] * 4 + [[5.0]] + [[NAN]] * 2)
# Of six classes: 0 1 | 2 3 | 4 5, the first two of one coarse group.
HIERARCHY = [[0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 1]]


def _draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _column(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)[:, None]


def _queued() -> dict[str, Tensor]:
    return {
        "query": _draw(4, 8),
        "key": _draw(4, 8, seed=1),
        "labels": _column(0, 5, 2, 0),
        "queue": _draw(6, 8, seed=2),
        "queue_labels": _column(0, 0, 5, 2, 2, 0),
    }


CLASSES, QUEUE_CLASSES = torch.tensor([0, 2, 1, 0]), torch.tensor([0, 0, 2, 1, 1, 0])


def _prepared(objective: Any) -> Any:
    objective.setup(TRAINING, 8, seed=0)
    return objective


def test_gaps_among_the_numbers_take_no_room() -> None:
    classes = ClassNumbers()
    classes.setup(TRAINING)
    assert classes.classes == 3
    assert classes(_column(5, NAN, 0, 2)).tolist() == [2, -1, 0, 1]
    assert classes(torch.zeros(0, 1)).tolist() == []
    assert set(classes.state_dict()) == {"numbers"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c(_column(0, 3)), r"expected a class of the training set \(0, 2, 5\), got 3"),
        (lambda c: c(_column(0, 9)), r"expected a class of the training set \(0, 2, 5\), got 9"),
        (lambda c: c(_column(0.5)), "bins: classes: expected class numbers 0, 1, 2, ..., got 0.5"),
        (
            lambda c: c.setup(_column(0, 0.37)),
            r"bins: classes: expected class numbers .* got 0\.37",
        ),
        (
            lambda c: c.setup(_column(4, 4, NAN)),
            "at least 2 classes in the training set, got 1",
        ),
        (lambda c: c.setup(torch.zeros(3, 2)), r"class numbers of one target, \(N, 1\)"),
        (lambda c: ClassNumbers()(_column(0)), r"bins: call setup\(labels\)"),
    ],
)
def test_labels_that_are_no_classes_of_the_training_part(call: Any, message: str) -> None:
    classes = ClassNumbers()
    classes.setup(TRAINING)
    with pytest.raises(RncGraphError, match=message):
        call(classes)


def test_supcon_takes_the_numbers_for_classes() -> None:
    features, labels = _draw(4, 2, 8), _queued()["labels"]
    found = _prepared(SupCon(0.5, bins="classes"))(features, labels)
    torch.testing.assert_close(found, SupConLoss(0.5)(features, CLASSES))


def test_kcl_takes_the_numbers_for_classes() -> None:
    given = _queued()
    expected = KCLLoss(0.2, None)(
        given["query"], given["key"], CLASSES, given["queue"], QUEUE_CLASSES
    )
    found = _prepared(KCL(0.2, positives=None, bins="classes"))(**given)
    torch.testing.assert_close(found, expected)


def test_the_targets_of_tsc_are_as_many_as_the_training_part_has_classes() -> None:
    given = _queued()
    objective = _prepared(TSC(0.2, 0.7, positives=None, bins="classes"))
    targets = objective.targets.clone()
    # The simplex, however long the tail: every product is -1 / (C - 1).
    expected = torch.full((3, 3), -0.5).fill_diagonal_(1)
    torch.testing.assert_close(targets @ targets.T, expected, rtol=0, atol=1e-5)
    centroids = ClassCentroids(3, 8).update(given["query"].float(), CLASSES)
    expected = TSCLoss(0.2, 0.7, True, None)(
        given["query"],
        given["key"],
        CLASSES,
        given["queue"],
        QUEUE_CLASSES,
        targets.double(),
        assign_targets(centroids, targets),
    )
    torch.testing.assert_close(objective(**given), expected)


def test_classes_that_tsc_has_not_seen_yet_leave_the_targets_matched() -> None:
    """A rare class comes late: the others are matched meanwhile, one to one."""
    objective = _prepared(TSC(bins="classes", queue_size=10))
    given = _queued()
    given["labels"], given["queue_labels"] = _column(0, 0, 2, 0), _column(0, 0, 0, 2, 2, 0)
    assert objective(**given).isfinite()
    assert sorted(objective.class_to_target.tolist()) == [0, 1, 2]


def _rank_similarity(first: int, second: int) -> float:
    """Rank 1 the same class, 2 the same fine group, 3 the same coarse group."""
    for rank, level in enumerate([list(range(6)), *HIERARCHY]):
        if level[first] == level[second]:
            return [1.0, 0.5, 0.0][rank]
    return -1.0


def test_a_hierarchy_ranks_by_the_finest_group_in_common() -> None:
    found = hierarchy_similarity(HIERARCHY)
    expected = [[_rank_similarity(i, j) for j in range(6)] for i in range(6)]
    assert found == expected
    assert ClassRanks(found).levels == [1.0, 0.5, 0.0]
    # A level that says nothing new is no rank.
    assert ClassRanks(hierarchy_similarity([HIERARCHY[0]] * 2)).levels == [1.0, 0.5]


SIMILARITY = [
    [1.0, 0.7, 0.2, 0.2, -1.0, 0.0],
    [0.7, 1.0, 0.7, 0.0, 0.2, 0.2],
    [0.2, 0.7, 1.0, 0.2, -0.5, 0.7],
    [0.2, 0.0, 0.2, 1.0, 0.0, 0.0],
    [-1.0, 0.2, -0.5, 0.0, 1.0, 0.2],
    [0.0, 0.2, 0.7, 0.0, 0.2, 1.0],
]


@pytest.mark.parametrize("variant", ["in", "out", "out-in"])
@pytest.mark.parametrize("kind", ["hierarchy", "similarity", "classes alone"])
def test_rince_on_classes_against_loops(variant: Any, kind: str) -> None:
    given = _queued()
    given["labels"], given["queue_labels"] = _column(0, 5, 2, 1), _column(0, 1, 3, 5, 4, 2)
    options, similarity = {
        "hierarchy": ({"hierarchy": HIERARCHY}, _rank_similarity),
        "similarity": ({"similarity": SIMILARITY}, lambda i, j: SIMILARITY[i][j]),
        "classes alone": ({"hierarchy": []}, lambda i, j: 1.0 if i == j else -1.0),
    }[kind]
    objective = _prepared(LOSSES.make("rince", variant=variant, tau_min=0.2, tau_max=0.6,
                                          **options))  # fmt: skip
    labels, queued = (given[name][:, 0].int().tolist() for name in ("labels", "queue_labels"))
    matrix = torch.tensor([[similarity(i, j) for j in queued] for i in labels])
    every = torch.tensor([[similarity(i, j) for j in range(6)] for i in range(6)])
    known = every[every >= 0].unique().tolist()
    inputs = given["query"], given["key"], given["queue"], matrix.double()
    expected = rince(*inputs, variant, (0.2, 0.6), tuple(known))
    assert objective(**given).item() == pytest.approx(expected.item(), rel=1e-6)


def test_the_ranks_of_rince_are_those_of_its_matrix_while_the_queue_fills() -> None:
    given = _queued() | {"queue": _draw(0, 8), "queue_labels": torch.zeros(0, 1).double()}
    expected = RINCELoss("in", 0.1, 0.2)(
        given["query"], given["key"], given["queue"], torch.zeros(4, 0), [1.0, 0.5, 0.0]
    )
    torch.testing.assert_close(RINCE("in", hierarchy=HIERARCHY)(**given), expected)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("supcon", {"bins": "classes"}),
        ("kcl", {"bins": "classes", "positives": None}),
        ("tsc", {"bins": "classes", "positives": None}),
        ("rince", {"hierarchy": HIERARCHY}),
        ("rince", {"similarity": SIMILARITY}),
        ("rince", {"hierarchy": []}),
    ],
)
def test_molecules_without_a_class_are_left_out(name: str, options: dict[str, Any]) -> None:
    objective = _prepared(LOSSES.make(name, **options))
    again = _prepared(LOSSES.make(name, **options))
    given, gone = _queued(), torch.tensor([True, True, False, True])
    if isinstance(objective, QueueLoss):
        given["labels"][2], given["queue_labels"][4] = NAN, NAN
        kept = torch.tensor([True, True, True, True, False, True])
        rest = {k: v[kept if k.startswith("queue") else gone] for k, v in given.items()}
        torch.testing.assert_close(objective(**given), again(**rest))
        given["labels"][:] = NAN
        assert objective(**given) == 0
    else:
        features, labels = _draw(4, 2, 8), given["labels"]
        labels[2] = NAN
        torch.testing.assert_close(objective(features, labels), again(features[gone], labels[gone]))
        assert objective(features, labels * NAN) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hierarchy": [[0, 0, 1], [0, 0]]}, "hierarchy: .* got levels of 3, 2 classes"),
        ({"hierarchy": [[]]}, "got levels of 0 classes"),
        (
            {"hierarchy": [[0, 0, 1], [0, 1, 1]]},
            "classes 0 and 1 share a group at level 1 and none at level 2; levels go from the",
        ),
        ({"similarity": []}, "similarity: expected one row and one .* got 0 rows"),
        ({"similarity": [[1.0, 0.0]]}, "got 1 rows of 2 numbers"),
        ({"similarity": [[1.0, 0.0], [0.0]]}, "got 2 rows of 1, 2 numbers"),
        (
            {"similarity": [[1.0, 1.5], [1.5, 1.0]]},
            "expected -1 to 1 .* got 1.5 for classes",
        ),
        ({"similarity": [[1.0, NAN], [NAN, 1.0]]}, "got nan for classes 0 and 1"),
        (
            {"similarity": [[1.0, 0.5], [0.2, 1.0]]},
            "a symmetric matrix, got 0.5 for",
        ),
        (
            {"similarity": [[1.0, 0.5], [0.5, 0.9]]},
            "1 for a class and itself, got 0.9",
        ),
        (
            {"hierarchy": [[0, 0]], "quantiles": [0.1]},
            "ranks: expected one of quantiles",
        ),
        ({"hierarchy": [[0, 0]], "similarity": [[1.0]]}, "ranks: expected one of"),
        ({"hierarchy": "classes"}, "option 'hierarchy'"),
        ({"hierarchy": [[0.5, 1.0]]}, "option 'hierarchy'"),
    ],
)
def test_bad_ranks_of_classes(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RncGraphError, match=message):
        LOSSES.make("rince", **options)


@pytest.mark.parametrize("name", ["supcon", "kcl", "tsc"])
def test_bins_are_a_number_or_classes(name: str) -> None:
    assert LOSSES.options(name, {})["bins"] == 10
    with pytest.raises(RncGraphError, match=f"objective '{name}', option 'bins'"):
        LOSSES.make(name, bins="class")
    with pytest.raises(RncGraphError, match=r"bins: classes: expected class numbers .* got 0\.25"):
        LOSSES.make(name, bins="classes").setup(_column(0.25, 1), 8, 0)


def test_more_classes_than_the_ranks_are_of() -> None:
    with pytest.raises(RncGraphError, match=r"ranks of classes: expected classes 0 \.\. 1, got 5"):
        RINCE(hierarchy=[[0, 0]]).setup(TRAINING, 8, 0)
    with pytest.raises(RncGraphError, match=r"ranks of classes: expected class .* got 0\.5"):
        RINCE(hierarchy=HIERARCHY).setup(_column(0.5, 1), 8, 0)
    with pytest.raises(RncGraphError, match="at least 2 classes in the training set, got 1"):
        RINCE(hierarchy=HIERARCHY).setup(_column(1, 1), 8, 0)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("supcon", {"bins": "classes"}),
        ("kcl", {"bins": "classes"}),
        ("tsc", {"bins": "classes"}),
        *(
            ("rince", {"variant": variant, "hierarchy": HIERARCHY})
            for variant in ("in", "out", "out-in")
        ),
    ],
)
def test_every_objective_gathers_the_classes(name: str, options: dict[str, Any]) -> None:
    """Free embeddings: at last the nearest other one is of the same class; by chance 13% are."""
    labels = torch.arange(6.0).repeat(4)[:, None]
    objective = LOSSES.make(name, **options)
    objective.setup(labels, 16, seed=0)
    torch.manual_seed(0)
    features = nn.Parameter(torch.randn(24, 2, 16))
    optimizer = torch.optim.Adam([features], lr=0.05)
    for _ in range(80):
        optimizer.zero_grad()
        if isinstance(objective, QueueLoss):
            key = features.detach()[:, 1]
            value = objective(features[:, 0], key, labels, features.detach()[:, 0], labels)
        else:
            value = objective(features, labels)
        value.backward()
        optimizer.step()
    unit = nn.functional.normalize(features.detach()[:, 0], dim=1)
    nearest = (unit @ unit.T).fill_diagonal_(-2).argmax(1)
    assert (labels[nearest] == labels).float().mean() > 0.7


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32, torch.bool])
def test_classes_are_integers_of_any_type(dtype: torch.dtype) -> None:
    embeddings = _draw(4, 8), _draw(4, 8, seed=1)
    labels, queue_labels = torch.tensor([0, 1, 1, 0]), torch.tensor([0, 0, 1, 1, 1, 0])
    queue = _draw(6, 8, seed=2)
    for loss, more in (
        (KCLLoss(positives=None), ()),
        (TSCLoss(positives=None), (_draw(2, 8, seed=3), torch.tensor([1, 0]))),
    ):
        expected = loss(*embeddings, labels, queue, queue_labels, *more)
        found = loss(*embeddings, labels.to(dtype), queue, queue_labels.to(dtype), *more)
        assert torch.equal(found, expected)
