"""A stage that was killed, or stopped, ends with the same bits as one that was not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import stages
import torch
from shared_stage import train, train_until_killed

from rnc_graph.data import Loader
from rnc_graph.errors import RunError
from rnc_graph.training import StageConfig, TrainerConfig
from rnc_graph.training.checkpoint import Checkpoint
from rnc_graph.workers import worker_pool


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "killed_after", "patience"),
    [("rnc", 3, None), ("kcl", 9, None), ("tsc", 4, None), ("rnc", 5, 4)],
)
def test_killed_and_resumed(tmp_path: Path, name: str, killed_after: int, patience: int | None):
    """With dropout, augmentation, a momentum encoder and its queue; in stage 1 and in stage 2."""
    options = {"epochs": 6, "altered": True, "patience": patience}
    whole = train(name, **options)
    folder = tmp_path / "killed"
    folder.mkdir()
    with pytest.raises(RunError, match="SIGKILL"), worker_pool(1, "lost") as pool:
        pool.submit(train_until_killed, name, killed_after, folder=folder, **options).result()
    states = list(folder.glob("*.ckpt"))
    assert states, "there is something to go on from"
    # What a kill in the middle of a writing leaves.
    (folder / f".{states[0].name}.tmp").write_bytes(b"half")
    epochs: list[None] = []
    killed = train(name, on_epoch=lambda: epochs.append(None), folder=folder, **options)
    assert len(epochs) < 12, "it did not begin again"
    assert whole.keys() == killed.keys()
    for key, value in whole.items():
        assert torch.equal(killed[key], value), key
    assert not list(folder.iterdir())


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
            # It learns nothing of use, so that it ends as soon as it may.
            config=StageConfig(epochs=20, patience=3, learning_rate=1.0),
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
    state = Checkpoint(tmp_path / "state.ckpt", 0, whole.generators, "").state_dict()
    resumed = share()
    checkpoint = Checkpoint(tmp_path / "state.ckpt", 0, resumed.generators, "")
    checkpoint.load_state_dict(state)
    checkpoint.on_train_start(None, None)
    assert torch.equal(drawn(resumed), drawn(whole))
    assert not torch.equal(drawn(share()), drawn(whole))


def test_a_state_of_more_processes_is_told_of_and_not_taken(tmp_path: Path):
    path = tmp_path / "state.ckpt"
    checkpoint = Checkpoint(path, 0, [], "a digest")
    own = {"begun_with": "a digest"}
    state = torch.get_rng_state()
    torch.save({"callbacks": {checkpoint.state_key: {"torch": [state, state], **own}}}, path)
    with pytest.warns(UserWarning, match="expected a state of 1 processes, got one of 2"):
        assert not checkpoint.readable()
    torch.save({"callbacks": {checkpoint.state_key: {"torch": [state], **own}}}, path)
    assert checkpoint.readable()


@pytest.mark.parametrize("changed", ["seed", "data", "settings"])
def test_a_state_of_another_training_is_told_of_and_not_taken(tmp_path: Path, changed: str):
    path = tmp_path / "state.ckpt"
    features = torch.randn(16, 6, generator=torch.Generator().manual_seed(0))

    def train(seed: int = 0, shift: float = 0.0, rate: float = 1e-3, **trainer: object) -> list:
        torch.manual_seed(0)
        return stages.regress(
            torch.nn.Linear(6, 4),
            torch.nn.Linear(4, 1),
            stages.batches(
                features, features[:, :1] + shift, torch.arange(16), 8, shuffle_seed=seed
            ),
            None,
            config=StageConfig(epochs=3, learning_rate=rate),
            trainer=TrainerConfig(checkpoint_seconds=0.0, **trainer),
        )

    other = {"seed": {"seed": 1}, "data": {"shift": 1.0}, "settings": {"rate": 1e-2}}[changed]
    with pytest.raises(InterruptedError):
        train(checkpoint=path, on_epoch=_killed_after(2))
    assert path.exists()
    with pytest.warns(UserWarning, match="other data, another seed, or other settings"):
        found = train(**other, checkpoint=path)
    assert found == train(**other)


def test_a_file_that_is_no_state_is_told_of_and_the_stage_begins_again(
    tmp_path: Path, toy, problem, brief: StageConfig
):
    path = tmp_path / "state.ckpt"

    def train(trainer: TrainerConfig) -> dict:
        encoder = toy()
        objective = torch.nn.Module()
        objective.forward = lambda features, labels: features.square().mean()
        stages.pretrain(encoder, objective, *problem.data(), config=brief, trainer=trainer)
        return encoder.state_dict()

    whole = train(TrainerConfig())
    path.write_bytes(b"no state")
    with pytest.warns(UserWarning, match="state.ckpt: cannot be used, the stage starts over"):
        found = train(TrainerConfig(checkpoint=path))
    assert all(torch.equal(found[key], value) for key, value in whole.items())
    assert not list(tmp_path.iterdir())
