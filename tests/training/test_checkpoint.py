"""A stage that was killed, or stopped, ends with the same bits as one that was not."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import stages
import torch

from rnc_graph.data import Loader
from rnc_graph.training import StageConfig, TrainerConfig
from rnc_graph.training.checkpoint import Checkpoint

SCRIPT = Path(__file__).with_name("shared_stage.py")


def command(folder: Path, name: str, **options: object) -> list[str]:
    folder.mkdir(exist_ok=True)
    return [sys.executable, str(SCRIPT), "train", name, "0", "1", str(folder), json.dumps(options)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "killed_after", "patience"),
    [("rnc", 3, None), ("kcl", 9, None), ("tsc", 4, None), ("rnc", 5, 4)],
)
def test_killed_and_resumed(tmp_path: Path, name: str, killed_after: int, patience: int | None):
    """With dropout, augmentation, a momentum encoder and its queue; in stage 1 and in stage 2."""
    options = {"epochs": 6, "altered": True, "patience": patience}
    subprocess.run(command(tmp_path / "whole", name, **options), check=True, capture_output=True)
    slowly = command(tmp_path / "killed", name, **options, slowly=0.5)
    with subprocess.Popen(slowly, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(killed_after):
            assert process.stdout.readline() == "epoch\n"
        process.send_signal(signal.SIGKILL)
    states = list((tmp_path / "killed").glob("*.ckpt"))
    assert states, "there is something to go on from"
    # What a kill in the middle of a writing leaves.
    (tmp_path / "killed" / f".{states[0].name}.tmp").write_bytes(b"half")
    again = command(tmp_path / "killed", name, **options)
    resumed = subprocess.run(again, check=True, capture_output=True, text=True)
    whole, killed = (
        torch.load(tmp_path / folder / "found-0.pt", weights_only=True)
        for folder in ("whole", "killed")
    )
    assert resumed.stdout.count("epoch") < 12, "it did not begin again"
    assert whole.keys() == killed.keys()
    for key, value in whole.items():
        assert torch.equal(killed[key], value), key
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["found-0.pt"]


def test_a_stage_that_ends_early_ends_there_however_often_it_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """After each of its epochs, and between the last one and its end."""
    features = torch.randn(24, 6, generator=torch.Generator().manual_seed(0))
    targets = torch.randn(24, 1, generator=torch.Generator().manual_seed(1))
    rows = torch.arange(24)

    def train(name: str, on_epoch: Callable[[], None] = lambda: None) -> tuple[object, ...]:
        torch.manual_seed(0)
        encoder, head = torch.nn.Linear(6, 4), torch.nn.Linear(4, 1)
        history = stages.regress(
            encoder,
            head,
            stages.batches(features, targets, rows[:16], 8, shuffle_seed=0),
            stages.batches(features, targets, rows[16:]),
            head_loss="l1",
            # It learns nothing of use, so that it ends as soon as it may.
            config=StageConfig(epochs=20, patience=3, learning_rate=1.0),
            seed=0,
            trainer=TrainerConfig("cpu", on_epoch, tmp_path / name, 0.0),
        )
        return history, head.weight.tolist()

    whole = train("whole")
    assert len(whole[0]) < 20
    for epoch in range(1, len(whole[0])):
        with pytest.raises(InterruptedError):
            train("killed", _killed_after(epoch + 1))
        assert (tmp_path / "killed").exists()
        assert train("killed") == whole
    with monkeypatch.context() as killed:
        killed.setattr("rnc_graph.training.fit._BestWeights.on_fit_end", _killed_after(1))
        with pytest.raises(InterruptedError):
            train("killed")
    assert (tmp_path / "killed").exists()
    assert train("killed") == whole


def _killed_after(calls: int) -> Callable[..., None]:
    """Return what is called so many times: the last time it does not return."""
    left = [None] * calls

    def called(*_: object) -> None:
        left.pop()
        if not left:
            raise InterruptedError

    return called


def test_the_order_and_the_views_of_a_share_go_on_where_they_were(tmp_path: Path):
    """One of several processes draws its views from a stream of its own."""
    numbers = torch.arange(12.0)[:, None]

    def share() -> Loader:
        batches = stages.batches(
            numbers, numbers, torch.arange(12), 4, shuffle_seed=1, transform=jittered
        )
        return batches.shard(1, 2)

    def jittered(inputs: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return inputs + torch.rand(inputs.shape, generator=generator)

    def drawn(batches: Loader) -> torch.Tensor:
        return torch.cat([inputs for inputs, _ in batches])

    whole = share()
    drawn(whole)
    state = Checkpoint(tmp_path / "state.ckpt", 0, whole.generators).state_dict()
    resumed = share()
    checkpoint = Checkpoint(tmp_path / "state.ckpt", 0, resumed.generators)
    checkpoint.load_state_dict(state)
    checkpoint.on_train_start(None, None)
    assert torch.equal(drawn(resumed), drawn(whole))
    assert not torch.equal(drawn(share()), drawn(whole))


def test_a_state_of_more_processes_is_told_of_and_not_taken(tmp_path: Path):
    path = tmp_path / "state.ckpt"
    checkpoint = Checkpoint(path, 0, [])
    state = torch.get_rng_state()
    torch.save({"callbacks": {checkpoint.state_key: {"torch": [state, state]}}}, path)
    with pytest.warns(UserWarning, match="expected a state of 1 processes, got one of 2"):
        assert not checkpoint.readable()
    torch.save({"callbacks": {checkpoint.state_key: {"torch": [state]}}}, path)
    assert checkpoint.readable()


def test_a_file_that_is_no_state_is_told_of_and_the_stage_begins_again(
    tmp_path: Path, toy, problem, brief: StageConfig
):
    path = tmp_path / "state.ckpt"

    def train(trainer: TrainerConfig) -> dict:
        encoder = toy()
        objective = torch.nn.Module()
        objective.forward = lambda features, labels: features.square().mean()
        stages.pretrain(
            encoder,
            objective,
            problem.training(),
            problem.validation(),
            targets=1,
            config=brief,
            seed=0,
            trainer=trainer,
        )
        return encoder.state_dict()

    whole = train(TrainerConfig())
    path.write_bytes(b"no state")
    with pytest.warns(UserWarning, match="state.ckpt: cannot be used, the stage starts over"):
        found = train(TrainerConfig(checkpoint=path))
    assert all(torch.equal(found[key], value) for key, value in whole.items())
    assert not list(tmp_path.iterdir())
