import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor
from torchvision import models

from rnc_graph.data.inputs import make_augmentation
from rnc_graph.encoders import ENCODERS
from rnc_graph.errors import RncGraphError, UnknownNameError
from rnc_graph.models.settings import make_settings
from rnc_graph.vision import ImageEncoder, ResNet8, ResNet18, rotated_digits

SMALL = {"resnet8": {"width": 4}, "resnet18": {"stem": "small"}, "resnet50": {}}
every_encoder = pytest.mark.parametrize("name", list(SMALL))


def _encoder(name: str, **options: object) -> ImageEncoder:
    torch.manual_seed(0)
    encoder = ENCODERS.make(name, **{**SMALL[name], **options})
    assert isinstance(encoder, ImageEncoder)
    return encoder


def _batch(channels: int = 3, count: int = 5, side: int = 33) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, side, side, channels), generator=generator)
    return pixels.to(torch.uint8).permute(0, 3, 1, 2)


def test_the_known_encoders_of_images() -> None:
    inputs = {name: getattr(ENCODERS.get(name), "inputs", "") for name in ENCODERS.names()}
    found = [name for name, kind in inputs.items() if kind == "images"]
    assert found == ["resnet18", "resnet50", "resnet8"]
    assert all(issubclass(ENCODERS.get(name), ImageEncoder) for name in found)


@pytest.mark.slow
@every_encoder
@pytest.mark.parametrize("channels", [1, 3])
def test_a_batch_in_an_embedding_out(name: str, channels: int) -> None:
    encoder = _encoder(name, in_channels=channels)
    embedding = encoder(_batch(channels))
    assert encoder.embedding_dim == {"resnet8": 16, "resnet18": 512, "resnet50": 2048}[name]
    assert embedding.shape == (5, encoder.embedding_dim)
    assert embedding.dtype == torch.float32
    torch.manual_seed(0)
    (embedding * torch.randn_like(embedding)).sum().backward()
    for parameter_name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


@every_encoder
def test_bytes_and_floats_are_one(name: str) -> None:
    encoder = _encoder(name).eval()
    batch = _batch()
    expected = encoder(batch)
    torch.testing.assert_close(encoder(batch.float() / 255), expected)
    torch.testing.assert_close(encoder(batch.contiguous()), expected, rtol=1e-3, atol=1e-3)


def test_images_are_normalized() -> None:
    encoder = _encoder("resnet8", mean=[0.1, 0.2, 0.3], std=[1.0, 2.0, 4.0]).eval()
    batch = _batch().float() / 255
    changed = torch.stack([(batch[:, c] - m) / s for c, m, s in zip(
        range(3), (0.1, 0.2, 0.3), (1.0, 2.0, 4.0), strict=True)], 1)  # fmt: skip
    torch.testing.assert_close(encoder(batch), encoder.features(changed))
    assert "mean" not in encoder.state_dict()


def test_the_imagenet_stem_is_torchvisions_resnet() -> None:
    encoder = _encoder("resnet18", stem="imagenet").eval()
    theirs = models.resnet18(weights=None)
    theirs.fc = torch.nn.Identity()
    theirs.load_state_dict(encoder.backbone.state_dict())
    batch = _batch(side=64)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalized = (batch / 255 - mean[:, None, None]) / std[:, None, None]
    torch.testing.assert_close(encoder(batch), theirs.eval()(normalized), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("stem", "side"), [("imagenet", 2), ("small", 8)])
def test_the_stem_sets_the_resolution(stem: str, side: int) -> None:
    encoder = _encoder("resnet18", stem=stem)
    seen = []
    encoder.backbone.layer4.register_forward_hook(lambda *args: seen.append(args[2].shape))
    encoder(_batch(side=64))
    assert seen == [(5, 512, side, side)]


def test_the_layers_of_the_narrow_one() -> None:
    for blocks, layers in ((1, 8), (3, 20)):
        encoder = _encoder("resnet8", blocks=blocks)
        kernels = [m for m in encoder.modules() if isinstance(m, torch.nn.Conv2d)]
        # The head is one, and shortcuts of 1 x 1 do not count.
        assert sum(m.kernel_size == (3, 3) for m in kernels) + 1 == layers
    seen = []
    encoder = _encoder("resnet8", stride=2)
    encoder.backbone.register_forward_hook(lambda *args: seen.append(args[2].shape))
    encoder(_batch(side=64))
    assert seen == [(5, 16, 8, 8)]


@every_encoder
def test_the_same_seed_makes_the_same_encoder(name: str) -> None:
    for a, b in zip(_encoder(name).parameters(), _encoder(name).parameters(), strict=True):
        assert torch.equal(a, b)


@every_encoder
def test_wrong_options_and_images_are_refused(name: str) -> None:
    with pytest.raises(RncGraphError, match="in_channels: expected 1 or 3, got 2"):
        ENCODERS.make(name, in_channels=2)
    with pytest.raises(RncGraphError, match="mean and std: expected"):
        ENCODERS.make(name, mean=[0.5])
    with pytest.raises(RncGraphError, match="mean and std: expected"):
        ENCODERS.make(name, std=[0.5, 0.0, 0.5])
    with pytest.raises(UnknownNameError, match="'depth'; known: "):
        ENCODERS.make(name, depth=3)
    encoder = _encoder(name)
    for wrong in (_batch(1), _batch()[0]):
        with pytest.raises(RncGraphError, match=r"expected shape \(N, 3, H, W\)"):
            encoder(wrong)


def test_options_of_one_kind_alone() -> None:
    with pytest.raises(RncGraphError, match="'stem': Input should be 'imagenet' or 'small'"):
        ENCODERS.make("resnet18", stem="large")
    with pytest.raises(RncGraphError, match="stem: expected 'imagenet' or 'small', got 'large'"):
        ResNet18(stem="large")  # type: ignore[arg-type]
    with pytest.raises(RncGraphError, match="expected at least 1, got 0, 1 and 1"):
        ResNet8(width=0)


def test_models_of_molecules_take_none_of_them() -> None:
    with pytest.raises(RncGraphError, match="encoder 'resnet8' takes images; molecules are graphs"):
        make_settings(encoder="resnet8")


@pytest.mark.slow
def test_torchvision_waits_until_it_is_needed() -> None:
    code = (
        "import sys\n"
        "sys.modules['torchvision'] = sys.modules['PIL'] = None\n"
        "import rnc_graph.data\n"
        "from rnc_graph.encoders import ENCODERS\n"
        "ENCODERS.make('gin')\n"
        "assert 'rnc_graph.vision' not in sys.modules\n"
        "ENCODERS.make('resnet8')\n"
        "try:\n"
        "    ENCODERS.make('resnet18')\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "needs torchvision: pip install 'rnc-graph[images]'" in done.stdout


def test_an_angle_is_learnt_from_views() -> None:
    """Digits, views and encoder together: a few steps, and the angle is seen."""
    data = rotated_digits(16)
    encoder = _encoder("resnet8", in_channels=1)
    model = torch.nn.Sequential(encoder, torch.nn.Linear(encoder.embedding_dim, 1))
    view = make_augmentation({"random_resized_crop": {"scale": [0.8, 1.0]}})
    assert view is not None
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    targets = torch.from_numpy(data.table.targets).float() / 60
    generator = torch.Generator().manual_seed(0)
    losses = []
    for step in range(60):
        rows = torch.arange(1797)[step * 64 % 1700 :][:64]
        loss = (model(view(data.images.batch(rows), generator)) - targets[rows]).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])


BACKWARD = """
import torch
from rnc_graph.encoders import ENCODERS
torch.set_num_threads(1)
pixels = torch.randint(0, 256, (64, 16, 16, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
for width in (3, 4, 12):
    encoder = ENCODERS.make("resnet8", width=width)
    for _ in range(60):
        encoder(pixels).sum().backward()
"""


@pytest.mark.slow
def test_no_memory_is_overwritten_without_avx512() -> None:
    """The backward of narrow strided convolutions in channels_last is broken in torch 2.14.1."""
    subprocess.run(
        [sys.executable, "-c", BACKWARD],
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"},
        check=True,
    )
