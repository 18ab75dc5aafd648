"""A stage shared by two processes over the loopback interface is that of one."""

from pathlib import Path

import pytest
import stages
import torch
from shared_stage import gradients, shared, train
from torch import Tensor

from rnc_graph.data import Loader
from rnc_graph.errors import RncGraphError


def by_two(folder: Path, what: str, name: str, **options: object) -> dict[str, Tensor]:
    """Return what two processes find: the same."""
    first, second = shared(what, name, folder, **options)
    for key, value in first.items():
        torch.testing.assert_close(second[key], value, rtol=1e-6, atol=1e-6)
    return first


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rnc", "rince"])
def test_loss_and_gradient_are_those_of_the_whole_batch(tmp_path: Path, name: str):
    """17 molecules: one process has nine of them, the other eight."""
    one, two = gradients(name), by_two(tmp_path, "gradients", name)
    torch.testing.assert_close(two["loss"], one["loss"], rtol=0, atol=1e-5)
    torch.testing.assert_close(two["gradient"], one["gradient"], rtol=0, atol=1e-5)
    assert one["gradient"].abs().max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rnc", "rince"])
def test_the_trained_model_is_that_of_one_process(tmp_path: Path, name: str):
    """Batch normalizations, a momentum encoder with its queue, both stages, uneven batches."""
    options = {"epochs": 4, "altered": False, "optimizer": "sgd"}
    one, two = train(name, **options), by_two(tmp_path, "train", name, **options)
    assert one.keys() == two.keys()
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=1e-4, atol=1e-4, msg=key)


@pytest.mark.slow
def test_the_trained_classifier_is_that_of_one_process(tmp_path: Path):
    """Cross-entropy in both stages, missing classes, batches that are balanced in the second."""
    options = {"epochs": 4, "altered": False, "optimizer": "sgd", "classes": 3}
    one, two = train("supcon", **options), by_two(tmp_path, "train", "supcon", **options)
    assert one.keys() == two.keys()
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=1e-4, atol=1e-4, msg=key)


@pytest.mark.slow
def test_what_an_objective_draws_is_the_same_in_all_processes(tmp_path: Path):
    """KCL draws its positives; the processes are compared with each other in ``by_two``."""
    found = by_two(tmp_path, "train", "kcl", epochs=2, altered=True)
    assert found["history"].isfinite().all()


def test_shares_of_the_batches_make_up_the_batches():
    targets = torch.arange(23.0)[:, None]

    def batches() -> Loader:
        return stages.batches(targets, targets, torch.arange(23), 8, shuffle_seed=3)

    whole = batches()
    shares = [batches().shard(rank, 3) for rank in range(3)]
    for _ in range(2):
        for (inputs, labels), *parts in zip(whole, *shares, strict=True):
            assert torch.equal(inputs, torch.cat([part for part, _ in parts]))
            assert torch.equal(labels, torch.cat([part for _, part in parts]))
    with pytest.raises(RncGraphError, match="9 processes cannot share batches of 7 samples"):
        batches().shard(0, 9)
