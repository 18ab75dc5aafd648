"""Mixed precision: the encoder in half, the objective in float32, the same bits each time."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import stages
import torch
from torch import Tensor, nn

from rnc_graph.data import GraphDataset, Loader, MoleculeTable
from rnc_graph.encoders import ENCODERS, Head
from rnc_graph.errors import RncGraphError
from rnc_graph.losses import LOSSES, PretrainLoss
from rnc_graph.training import (
    History,
    StageConfig,
    TrainerConfig,
    check_device,
    infer,
)

SILENT = TrainerConfig()
CASES = [("gin", "rnc"), ("gcn", "rince"), ("mpnn", "rnc")]


class Killed(Exception):
    """Ends a stage in the middle."""


@dataclass
class Stages:
    """What both stages of a graph encoder ended with, and what passed through them."""

    weights: dict[str, Tensor]
    history: History
    embedding: Tensor
    dtypes: Counter = field(default_factory=Counter)


@pytest.fixture
def trained(esol: MoleculeTable, esol_graphs: GraphDataset):
    """Return a function that trains both stages on forty molecules, and chooses by twenty."""
    targets = torch.tensor(esol.targets[:60], dtype=torch.float32)
    targets = (targets - targets.mean()) / targets.std()
    rows = torch.arange(60)

    def train(
        encoder_name: str, objective_name: str, precision: str, trainer: TrainerConfig = SILENT
    ) -> Stages:
        torch.manual_seed(0)
        encoder = ENCODERS.make(encoder_name, hidden_dim=16, dropout=0.1)
        options = {"queue_size": 64} if objective_name == "rince" else {}
        objective = LOSSES.make(objective_name, **options)
        if isinstance(objective, PretrainLoss):
            objective.setup(targets[:40], encoder.embedding_dim, 0)
        dtypes: Counter = Counter()

        def noted(module: nn.Module, _: object, out: object) -> None:
            # Not those of a momentum encoder, which is a copy with the hooks and all.
            if isinstance(out, Tensor) and all(p.requires_grad for p in module.parameters()):
                dtypes["layer", out.dtype] += 1

        objective.register_forward_pre_hook(
            lambda _, seen: dtypes.update(("objective", tensor.dtype) for tensor in seen)
        )
        for module in encoder.modules():
            module.register_forward_hook(noted)
        settings = StageConfig(epochs=3, learning_rate=3e-3, precision=precision)

        def batches(part: Tensor, **options: object) -> Loader:
            return stages.batches(esol_graphs, targets, part, 16, **options)

        history = stages.pretrain(
            encoder,
            objective,
            batches(rows[:40], shuffle_seed=1, views=2),
            batches(rows[40:]),
            config=settings,
            trainer=trainer,
        )
        head = Head(encoder.embedding_dim, 1)
        history += stages.regress(
            encoder,
            head,
            batches(rows[:40], shuffle_seed=2),
            batches(rows[40:]),
            head_loss="l2",
            config=settings,
            trainer=trainer,
        )
        weights = {**encoder.state_dict(), **head.state_dict(prefix="head.")}
        dtypes = Counter(dtypes)
        return Stages(weights, history, infer(encoder, batches(rows[40:])), dtypes)

    return train


@pytest.mark.parametrize(("encoder", "objective"), CASES)
def test_the_encoder_is_in_half_and_the_objective_is_not(trained, encoder: str, objective: str):
    full, half = (trained(encoder, objective, precision) for precision in ("32", "bf16-mixed"))
    assert half.dtypes["layer", torch.bfloat16] > 0
    assert full.dtypes["layer", torch.bfloat16] == 0
    assert {dtype for what, dtype in half.dtypes if what == "objective"} == {torch.float32}
    for found in (full, half):
        assert {weight.dtype for weight in found.weights.values()} <= {torch.float32, torch.int64}
        assert found.embedding.dtype == torch.float32
    # bfloat16 has eight bits; stage 2 begins from where stage 1 has led.
    for stage, tolerance in ((slice(0, 3), 0.03), (slice(3, 6), 0.25)):
        of_full, of_half = (
            torch.tensor([list(epoch.values()) for epoch in found.history[stage]])
            for found in (full, half)
        )
        assert not torch.equal(of_full, of_half)
        torch.testing.assert_close(of_half, of_full, rtol=tolerance, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "objective"), CASES[:2])
def test_the_same_bits_twice_and_after_a_kill(
    trained, tmp_path: Path, encoder: str, objective: str
):
    whole, again = (trained(encoder, objective, "bf16-mixed") for _ in range(2))
    path = tmp_path / "state.ckpt"
    epochs = 0

    def killed_in_the_third() -> None:
        nonlocal epochs
        epochs += 1
        if epochs == 3:
            raise Killed

    trainer = TrainerConfig(on_epoch=killed_in_the_third, checkpoint=path, checkpoint_seconds=0)
    with pytest.raises(Killed):
        trained(encoder, objective, "bf16-mixed", trainer)
    assert path.exists()
    resumed = trained(encoder, objective, "bf16-mixed", trainer)
    assert epochs == 7, "one epoch of stage 1 was left, beside stage 2's three"
    for found in (again, resumed):
        assert found.history == whole.history
        assert torch.equal(found.embedding, whole.embedding)
        assert all(torch.equal(found.weights[key], w) for key, w in whole.weights.items())


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_what_a_processor_cannot_do_is_told(device: str, problem, toy):
    if device == "auto" and torch.cuda.is_available():
        pytest.skip("here it is a GPU")
    message = rf"precision: expected 'bf16-mixed' or '32' on device '{device}', got '16-mixed'"
    with pytest.raises(RncGraphError, match=message):
        check_device(device, "16-mixed")
    check_device(device, "bf16-mixed")
    with pytest.raises(RncGraphError, match=message):
        stages.pretrain(
            toy(),
            LOSSES.make("rnc"),
            *problem.data(views=2),
            config=StageConfig(epochs=1, precision="16-mixed"),
            trainer=TrainerConfig(device),
        )
