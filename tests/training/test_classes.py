"""Both stages on targets that are class numbers."""

import copy
import math
from typing import Any

import pytest
import stages
import torch
from torch import Tensor, nn

from rnc_graph.encoders import Head
from rnc_graph.errors import RncGraphError
from rnc_graph.losses import TSC, RnCLoss, SupCon, class_numbers
from rnc_graph.training import FinetuneModule, StageConfig, infer
from rnc_graph.training.head_losses import KnownError, cross_entropy

NAN = float("nan")


def _targets(*numbers: float) -> Tensor:
    return torch.tensor(numbers)[:, None]


@pytest.fixture
def toy_classes(problem: Any) -> Any:
    """Three classes that a linear boundary tells apart, twelve gaps among the 64."""
    problem.targets = torch.bucketize(problem.targets, torch.tensor([-0.5, 0.5])).float()
    problem.whole = problem.targets.clone()
    problem.targets[::5] = NAN
    return problem


def test_class_numbers_are_told_from_what_is_missing() -> None:
    assert class_numbers(_targets(2, NAN, 0), 3).tolist() == [2, -1, 0]
    assert class_numbers(torch.tensor([[True], [False]]), 2).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (
            _targets(0, 0.37),
            r"targets: expected class numbers .*, got 0\.37; for a continuous",
        ),
        (_targets(0, -1), "got -1"),
        (_targets(0, math.inf), "got inf"),
        (_targets(0, 1e30), r"got 1e\+30; for a continuous"),
        (_targets(0, 7), "targets: expected classes 0 .. 4, got 7; count"),
        (torch.zeros(3, 2), r"class numbers of one target, \(N, 1\), got shape \(3, 2\)"),
    ],
)
def test_what_is_no_class_number_is_named(targets: Tensor, message: str) -> None:
    with pytest.raises(RncGraphError, match=message):
        cross_entropy(torch.zeros(len(targets), 5), targets)


def test_the_cross_entropy_against_loops_over_the_known() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    targets = _targets(0, NAN, 3, 3, NAN, 1).double()
    options = []
    for row, target in zip(logits.tolist(), targets[:, 0].tolist(), strict=True):
        if not math.isnan(target):
            total = sum(math.exp(value) for value in row)
            options.append(-math.log(math.exp(row[int(target)]) / total))
    assert cross_entropy(logits, targets).item() == pytest.approx(sum(options) / 4)
    assert torch.autograd.gradcheck(lambda x: cross_entropy(x, targets), logits)
    nothing = cross_entropy(logits, torch.full((6, 1), NAN))
    (gradient,) = torch.autograd.grad(nothing, logits)
    assert nothing == 0
    assert (gradient == 0).all()
    half = logits.detach().bfloat16()
    assert cross_entropy(half, targets.float()).dtype == torch.float32


def test_the_error_of_a_part_is_no_mean_of_batch_errors() -> None:
    metric = KnownError()
    metric.update(torch.eye(3)[[0, 1, 2]], _targets(0, 2, NAN))
    metric.update(torch.eye(3)[[1]], _targets(1))
    metric.update(torch.eye(3)[:1], _targets(NAN))
    assert metric.compute() == pytest.approx(1 / 3)
    metric.update(torch.full((1, 3), NAN), _targets(1))
    assert metric.compute().isnan()


def _regress(data: Any, model: Any, training: Any, **options: Any) -> Any:
    return stages.regress(
        *model,
        training,
        data.validation(),
        head_loss="cross-entropy",
        config=options.pop("config", StageConfig(epochs=30, learning_rate=3e-2)),
        **options,
    )


def test_a_classifier_learns_and_ends_with_its_best_epoch(toy_classes: Any, toy: Any) -> None:
    model = nn.Sequential(toy(), Head(4, 3))
    history = _regress(toy_classes, model, toy_classes.training())
    errors = [row["validation_error"] for row in history]
    assert sorted(history[0]) == ["training_loss", "validation_error"]
    assert min(errors) < 0.25
    assert history[-1]["training_loss"] < history[0]["training_loss"] / 2
    targets = toy_classes.targets[toy_classes.rows[1]]
    known = ~targets[:, 0].isnan()
    wrong = infer(model, toy_classes.validation()).argmax(1)[known] != targets[known, 0]
    assert min(errors) == pytest.approx(wrong.float().mean().item())


def test_early_stopping_waits_for_the_error(toy_classes: Any, toy: Any) -> None:
    config = StageConfig(epochs=60, learning_rate=3e-2, patience=3, schedule="constant")
    model = toy(), Head(4, 3)
    history = _regress(toy_classes, model, toy_classes.training(), config=config)
    errors = [row["validation_error"] for row in history]
    assert len(errors) < 60
    assert len(errors) == errors.index(min(errors)) + 4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rnc", "supcon", "tsc"])
def test_pretraining_selects_by_the_error_of_a_linear_classifier(
    name: str, toy_classes: Any, toy: Any
) -> None:
    objective: Any = {
        "rnc": RnCLoss,
        "supcon": lambda: SupCon(0.2, bins="classes"),
        "tsc": lambda: TSC(bins="classes", queue_size=30),
    }[name]()
    if name != "rnc":
        objective.setup(toy_classes.targets[toy_classes.rows[0]], 4, 0)
    encoder = toy()
    history = stages.pretrain(
        encoder,
        objective,
        *toy_classes.data(views=2, transform=lambda inputs, generator: inputs + 0.0),
        n_classes=3,
        config=StageConfig(epochs=30, learning_rate=3e-2),
    )
    errors = [row["validation_error"] for row in history]
    assert sorted(history[0]) == ["training_loss", "validation_error"]
    assert min(errors) < 0.35
    assert history[-1]["training_loss"] < history[0]["training_loss"] - 0.1
    # Stage 2 on what is frozen: embeddings are its inputs, and the encoder stays as it is.
    before = copy.deepcopy(encoder.state_dict())
    every = torch.arange(64)
    known = stages.batches(toy_classes.inputs, toy_classes.targets, every)
    embedding = infer(encoder, known)
    training = stages.batches(
        embedding,
        toy_classes.targets,
        toy_classes.rows[0],
        16,
        shuffle_seed=0,
        balanced=True,
    )
    toy_classes.inputs = embedding
    history = _regress(toy_classes, (nn.Identity(), Head(4, 3)), training)
    assert min(row["validation_error"] for row in history) < 0.35
    for key, tensor in encoder.state_dict().items():
        assert torch.equal(tensor, before[key]), key


def test_joint_training_takes_class_numbers_for_both(toy_classes: Any, toy: Any) -> None:
    objective = SupCon(0.2, bins="classes")
    objective.setup(toy_classes.targets[toy_classes.rows[0]], 4, 0)
    joint = {"loss": objective, "loss_weight": 0.5}
    training = toy_classes.training(views=2)
    history = _regress(toy_classes, (toy(), Head(4, 3)), training, **joint)
    assert min(row["validation_error"] for row in history) < 0.25


def test_the_step_is_the_cross_entropy_of_every_view(
    toy_classes: Any, toy: Any, brief: StageConfig
) -> None:
    encoder, head = toy(), Head(4, 3)
    module = stages.silent(FinetuneModule(encoder, head, "cross-entropy", brief))
    inputs, targets = next(iter(toy_classes.training()))
    inputs = torch.cat([inputs, inputs + 0.1])
    expected = cross_entropy(head(encoder(inputs)), targets.repeat(2, 1))
    torch.testing.assert_close(module.training_step((inputs, targets), 0), expected)


def test_the_same_seed_gives_the_same_bits(toy_classes: Any, toy: Any, brief: StageConfig) -> None:
    def run() -> tuple[dict[str, Tensor], Any]:
        model = nn.Sequential(toy(dropout=0.5), Head(4, 3))
        training = toy_classes.training(balanced=True)
        history = _regress(toy_classes, model, training, config=brief)
        return model.state_dict(), history

    (first, history), (second, same) = run(), run()
    assert history == same
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def test_targets_that_no_classifier_can_take(problem: Any, toy: Any, brief: StageConfig) -> None:
    model = toy(), Head(4, 3)
    with pytest.raises(RncGraphError, match="expected class numbers 0, 1, 2"):
        _regress(problem, model, problem.training(), config=brief)
    problem.targets = torch.zeros(64, 1)
    problem.targets[-1] = 3
    with pytest.raises(RncGraphError, match=r"of the validation set: expected classes .* got 3"):
        _regress(problem, model, problem.training(), config=brief)
    problem.targets[problem.rows[1]] = NAN
    with pytest.raises(RncGraphError, match="validation set has no known target"):
        _regress(problem, model, problem.training(), config=brief)
    with pytest.raises(RncGraphError, match="at least 2 classes, got 2 targets"):
        stages.pretrain(toy(), RnCLoss(), *problem.data(), targets=2, n_classes=3, config=brief)
