import argparse
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from rnc_graph.encoders import ENCODERS
from rnc_graph.errors import RncGraphError
from rnc_graph.vision import ResNet18, load_checkpoint


@pytest.fixture(scope="module")
def trained() -> ResNet18:
    torch.manual_seed(1)
    return ResNet18()


@pytest.fixture
def fresh() -> ResNet18:
    torch.manual_seed(2)
    return ResNet18()


def _assert_same(a: ResNet18, b: ResNet18) -> None:
    for name, weights in a.state_dict().items():
        assert torch.equal(weights, b.state_dict()[name]), name


@pytest.mark.parametrize(
    "prefix", ["encoder.", "encoder.module.", "module.encoder.", "module.encoder_q.", "", "module."]
)
@pytest.mark.parametrize("shortcut", [".downsample.", ".shortcut."])
@pytest.mark.parametrize("key", ["model", "state_dict", None])
def test_published_layouts_are_read(
    tmp_path: Path, trained: ResNet18, fresh: ResNet18, prefix: str, shortcut: str, key: str | None
) -> None:
    state = {
        prefix + name.replace(".downsample.", shortcut): weights
        for name, weights in trained.backbone.state_dict().items()
        if "num_batches" not in name or shortcut == ".downsample."
    }
    if "encoder_q" in prefix:  # MoCo's, with a perceptron for the last layer.
        keys = {n.replace("encoder_q", "encoder_k"): 0 * weights for n, weights in state.items()}
        heads = {prefix + "fc.0.weight": torch.zeros(512, 512)}
        state |= keys | heads | {"module.queue": torch.zeros(128, 8)}
    others = "" if prefix in ("", "module.") else "head."
    state[others + "fc.weight"] = torch.zeros(1, 512)
    options = argparse.Namespace(lr=0.5, model="resnet18", trial=None, aug=["crop", "flip"])
    content = {key: state, "opt": options, "epoch": 400} if key else state
    torch.save(content, tmp_path / "last.pth")
    load_checkpoint(fresh, tmp_path / "last.pth")
    _assert_same(fresh, trained)


def test_what_does_not_fit_is_named(tmp_path: Path, trained: ResNet18, fresh: ResNet18) -> None:
    state = {f"encoder.{n}": weights for n, weights in trained.backbone.state_dict().items()}
    del state["encoder.layer1.0.conv1.weight"]
    state["encoder.layer9.weight"] = torch.zeros(2)
    state["encoder.conv1.weight"] = torch.zeros(64, 3, 3, 3)
    torch.save({"model": state}, tmp_path / "last.pth")
    before = {name: weights.clone() for name, weights in fresh.state_dict().items()}
    with pytest.raises(RncGraphError) as caught:
        load_checkpoint(fresh, tmp_path / "last.pth")
    head, *lines = str(caught.value).splitlines()
    assert head.endswith("last.pth: these are not the weights of ResNet18:")
    assert sorted(lines) == [
        "  conv1.weight: expected shape (64, 3, 7, 7), got (64, 3, 3, 3)",
        "  layer1.0.conv1.weight: missing",
        "  layer9.weight: unexpected",
    ]
    for name, weights in fresh.state_dict().items():
        assert torch.equal(weights, before[name])


def test_another_network_is_told(tmp_path: Path, trained: ResNet18) -> None:
    torch.save({"model": trained.backbone.state_dict()}, tmp_path / "last.pth")
    other = ENCODERS.make("resnet50")
    with pytest.raises(RncGraphError, match="not the weights of ResNet50:\n  layer1"):
        load_checkpoint(other, tmp_path / "last.pth")  # type: ignore[arg-type]


class _Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [2, 4])
def test_no_code_is_run(tmp_path: Path, trained: ResNet18, fresh: ResNet18, protocol: int) -> None:
    content = {"model": trained.backbone.state_dict(), "opt": _Evil(tmp_path / "touched")}
    torch.save(content, tmp_path / "last.pth", pickle_protocol=protocol)
    with pytest.raises(RncGraphError, match=r"needs .*, and code from|without running code"):
        load_checkpoint(fresh, tmp_path / "last.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(_Evil(tmp_path / "touched")))
    with pytest.raises(RncGraphError, match=r"plain\.pth"):
        load_checkpoint(fresh, tmp_path / "plain.pth")
    hidden = argparse.Namespace(inner=_Evil(tmp_path / "touched"))
    torch.save({"model": {}, "opt": hidden}, tmp_path / "hidden.pth")
    with pytest.raises(RncGraphError, match=r"hidden\.pth"):
        load_checkpoint(fresh, tmp_path / "hidden.pth")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut"])
def test_other_files_are_refused(tmp_path: Path, fresh: ResNet18, content: bytes) -> None:
    (tmp_path / "last.pth").write_bytes(content)
    with pytest.raises(RncGraphError, match=r"last\.pth: is not a checkpoint of torch"):
        load_checkpoint(fresh, tmp_path / "last.pth")
    with pytest.raises(RncGraphError, match=r"none\.pth: cannot be read"):
        load_checkpoint(fresh, tmp_path / "none.pth")


@pytest.mark.parametrize("content", [[1, 2], {"model": 3}, {"model": {}}, {"a": "b"}])
def test_files_without_weights_are_refused(tmp_path: Path, fresh: ResNet18, content: Any) -> None:
    torch.save(content, tmp_path / "last.pth")
    with pytest.raises(RncGraphError, match="expected a state dict"):
        load_checkpoint(fresh, tmp_path / "last.pth")
