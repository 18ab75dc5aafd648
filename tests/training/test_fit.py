import copy
import inspect
import signal
import threading
import warnings
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import stages
import torch
from torch import nn
from torch.nn import functional as F

from rnc_graph.data import GraphDataset, Loader, MoleculeTable
from rnc_graph.encoders import ENCODERS, Head
from rnc_graph.errors import RncGraphError
from rnc_graph.losses import RnCLoss
from rnc_graph.training import FinetuneConfig, StageConfig, TrainerConfig, check_device, infer

# Too fast to settle, so that the best epoch is not the last.
RESTLESS = StageConfig(epochs=12, learning_rate=0.3, schedule="constant")


class _Mean(nn.Module):
    """An objective: draws the embeddings together."""

    def forward(self, features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return features.square().mean()


def test_it_ends_with_the_weights_of_the_best_epoch(problem: Any, toy: Any) -> None:
    model = nn.Sequential(toy(), nn.Linear(4, 1))
    history = stages.regress(model[0], model[1], *problem.data(), config=RESTLESS)
    maes = [row["validation_mae"] for row in history]
    assert len(maes) == 12
    assert min(maes) < 0.9 * maes[-1]
    predictions = infer(model, problem.validation())
    found = F.l1_loss(predictions, problem.targets[problem.rows[1]])
    assert float(found) == pytest.approx(min(maes), rel=1e-5)


def test_the_best_weights_are_those_that_training_had_then(problem: Any, toy: Any) -> None:
    """Stopping at the best epoch gives the same encoder, batch statistics and all."""

    def run(epochs: int) -> tuple[dict[str, torch.Tensor], list[float]]:
        encoder = toy()
        history = stages.pretrain(
            encoder, _Mean(), *problem.data(), config=RESTLESS.model_copy(update={"epochs": epochs})
        )
        return encoder.state_dict(), [row["validation_mae"] for row in history]

    weights, maes = run(12)
    best = maes.index(min(maes)) + 1
    assert best < 12
    shorter, same_maes = run(best)
    assert same_maes == maes[:best]
    for name, tensor in weights.items():
        assert torch.equal(tensor, shorter[name]), name


def test_patience_stops_it(problem: Any, toy: Any) -> None:
    # What is learned is the opposite of what is validated, so that it soon gets worse.
    problem.targets[problem.rows[1]] *= -1
    history = stages.regress(
        toy(),
        nn.Linear(4, 1),
        *problem.data(),
        config=StageConfig(epochs=100, learning_rate=1e-2, schedule="constant", patience=3),
    )
    maes = [row["validation_mae"] for row in history]
    assert len(maes) < 100
    assert maes.index(min(maes)) == len(maes) - 1 - 3


@pytest.mark.parametrize("stage", ["pretrain", "regress"])
@pytest.mark.parametrize("broken", ["infinite targets", "learning rate"])
def test_divergence_is_an_error(
    stage: str, broken: str, problem: Any, toy: Any, brief: StageConfig
) -> None:
    if broken == "infinite targets":
        problem.targets[:] = torch.inf
    else:
        brief = brief.model_copy(update={"learning_rate": 1e30})
    if stage == "pretrain":
        run = partial(stages.pretrain, toy(), _Mean())
    else:
        run = partial(stages.regress, toy(), nn.Linear(4, 1), head_loss="l2")
    with pytest.raises(RncGraphError, match=r"diverged.*lower learning rate"):
        run(*problem.data(), config=brief)


def test_history_and_progress_have_a_row_an_epoch(
    problem: Any, toy: Any, brief: StageConfig
) -> None:
    told: list[int] = []
    history = stages.regress(
        toy(),
        nn.Linear(4, 1),
        *problem.data(),
        config=brief,
        trainer=TrainerConfig(on_epoch=lambda: told.append(1)),
    )
    assert [sorted(row) for row in history] == [["training_loss", "validation_mae"]] * 3
    assert len(told) == 3


def test_process_wide_settings_are_borrowed_by_one_thread_at_a_time(
    problem: Any, toy: Any, brief: StageConfig
) -> None:
    """Otherwise the last to leave would restore what the first had set."""
    waiting: list[bool] = []
    other = threading.Thread(target=check_device, args=("cpu",))

    def start_another() -> None:
        if not waiting:
            other.start()
            other.join(0.3)
            waiting.append(other.is_alive())

    trainer = TrainerConfig(on_epoch=start_another)
    stages.regress(toy(), nn.Linear(4, 1), problem.training(), None, config=brief, trainer=trainer)
    other.join()
    assert waiting == [True]
    assert not torch.are_deterministic_algorithms_enabled()


def test_nothing_is_printed_and_no_file_is_left(
    problem: Any,
    toy: Any,
    brief: StageConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    data = problem.data()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pytest would collect them without a sound.
        stages.pretrain(toy(), _Mean(), *data, config=brief)
        stages.regress(toy(), nn.Linear(4, 1), *data, config=brief)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("before", [(True, True), (True, False), (False, False)])
@pytest.mark.parametrize("diverges", [True, False])
def test_torchs_own_settings_are_put_back(
    before: tuple[bool, bool], diverges: bool, problem: Any, toy: Any, brief: StageConfig
) -> None:
    used: list[bool] = []

    def settings() -> tuple[bool, bool, bool]:
        return (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory,
        )

    class Asking(nn.Linear):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            used.append(torch.are_deterministic_algorithms_enabled())
            return super().forward(inputs)

    if diverges:
        problem.targets[:] = torch.inf
    data = problem.data()
    earlier = settings()
    torch.use_deterministic_algorithms(before[0], warn_only=before[1])
    try:
        with pytest.raises(RncGraphError) if diverges else nullcontext():
            stages.regress(toy(), Asking(4, 1), *data, config=brief)
        assert settings() == (*before, earlier[2])
    finally:
        torch.use_deterministic_algorithms(earlier[0], warn_only=earlier[1])
    assert all(used)


@pytest.mark.parametrize("schedule", ["one-cycle", "constant"])
def test_the_schedule_takes_all_steps(schedule: Any, problem: Any, toy: Any) -> None:
    """One cycle ends near 0, a constant rate ends where it began."""
    rates: list[float] = []
    config = StageConfig(epochs=4, learning_rate=1e-2, schedule=schedule)
    configure = StageConfig.configure

    def watched(self: StageConfig, parameters: Any, steps: int) -> Any:
        assert steps == 4 * 3
        made = configure(self, parameters, steps)
        optimizer = made["optimizer"] if isinstance(made, dict) else made
        step = optimizer.step
        optimizer.step = lambda *a, **k: (
            rates.append(optimizer.param_groups[0]["lr"]),
            step(*a, **k),
        )[1]
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StageConfig, "configure", watched)
        stages.regress(toy(), nn.Linear(4, 1), *problem.data(), config=config)
    assert len(rates) == 4 * 3
    if schedule == "constant":
        assert rates == [1e-2] * 12
    else:
        assert max(rates) == pytest.approx(1e-2, rel=0.1)
        assert rates[-1] < 1e-6
        assert rates[0] < 1e-3


@pytest.mark.slow
def test_sixteen_molecules_are_learned_by_heart(
    esol: MoleculeTable, esol_graphs: GraphDataset
) -> None:
    """Both stages on real molecules: the objective falls, and so does the error."""
    rows = torch.arange(0, 1128, 72)
    targets = torch.from_numpy(esol.targets).float()
    targets = (targets - targets[rows].mean()) / targets[rows].std()
    torch.manual_seed(0)
    encoder = ENCODERS.make("gin", hidden_dim=32, layers=2, dropout=0.0)
    head = Head(encoder.embedding_dim, 1)
    untrained = copy.deepcopy(encoder.state_dict())

    def training(views: int) -> Loader:
        return stages.batches(esol_graphs, targets, rows, 16, shuffle_seed=0, views=views)

    validation = stages.batches(esol_graphs, targets, rows)
    assert len(rows) == 16
    history = stages.pretrain(
        encoder,
        RnCLoss(),
        training(2),
        validation,
        config=StageConfig(epochs=80, learning_rate=1e-2),
    )
    objective = [row["training_loss"] for row in history]
    assert objective[-1] < objective[0] / 2
    assert not torch.equal(
        encoder.state_dict()["atom_embedding.table.weight"],
        untrained["atom_embedding.table.weight"],
    )
    # The order of the targets is laid down in the embedding before any head sees it.
    embedding = infer(encoder, validation)
    distances = torch.cdist(embedding, embedding).flatten()
    differences = torch.cdist(targets[rows], targets[rows], p=1).flatten()
    assert torch.corrcoef(torch.stack([distances, differences]))[0, 1] > 0.8
    stages.regress(
        encoder, head, training(1), validation, config=StageConfig(epochs=150, learning_rate=1e-2)
    )
    predictions = infer(nn.Sequential(encoder, head), validation)
    assert F.l1_loss(predictions, targets[rows]) < 0.1


@pytest.mark.parametrize(
    ("number", "error", "code"),
    [(signal.SIGINT, KeyboardInterrupt, None), (signal.SIGTERM, SystemExit, 143)],
)
def test_a_signal_ends_training_as_it_ends_python(
    problem: Any, toy: Any, number: signal.Signals, error: type[BaseException], code: int | None
) -> None:
    """Lightning would end the process with code 1 after SIGINT, and with 0 after SIGTERM."""
    epochs = []

    def on_epoch() -> None:
        epochs.append(1)
        signal.raise_signal(number)

    # A shell's background job ignores SIGINT, and SIGTERM must not end pytest.
    handlers = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: lambda number, frame: None,
    }
    before = {n: signal.signal(n, handler) for n, handler in handlers.items()}
    try:
        with pytest.raises(error) as raised:
            stages.pretrain(
                toy(),
                _Mean(),
                *problem.data(),
                config=RESTLESS,
                trainer=TrainerConfig(on_epoch=on_epoch),
            )
        assert {n: signal.getsignal(n) for n in handlers} == handlers
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)
    assert len(epochs) == 1
    assert getattr(raised.value, "code", None) == code


def test_help_says_what_the_fields_mean() -> None:
    text = inspect.getdoc(FinetuneConfig) or ""
    for name in FinetuneConfig.model_fields:
        assert f"    {name}: " in text
