from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator, Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as V

from rnc_graph.data.inputs import augmented_kind, make_augmentation
from rnc_graph.data.transforms import VIEWS
from rnc_graph.errors import RncGraphError, UnknownNameError
from rnc_graph.vision import transforms
from rnc_graph.vision.transforms import Compose, RandomResizedCrop

NAMES = ["blur", "color_jitter", "flip", "grayscale", "random_resized_crop", "rotation"]
PAPER = {
    "random_resized_crop": {"scale": [0.2, 1.0]},
    "flip": {},
    "color_jitter": {"strength": 0.5},
    "grayscale": {"probability": 0.2},
}
every_view = pytest.mark.parametrize("name", NAMES)
every_depth = pytest.mark.parametrize("channels", [1, 3])


def _generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def _images(channels: int = 3, count: int = 6) -> Tensor:
    """Return random ones, the first without color, the second with gray and saturated halves."""
    images = torch.rand(count, channels, 20, 26, generator=_generator())
    images[0] = images[0, :1]
    images[1, :, :10] = 0
    images[1, 0, 10:] = 1
    return images


def _one_by_one(images: Tensor, change: Callable[..., Tensor], *parameters: Tensor) -> Tensor:
    rows = zip(images, *(p.tolist() for p in parameters), strict=True)
    return torch.stack([change(*row) for row in rows])


@every_depth
@pytest.mark.parametrize(
    ("ours", "theirs", "values"),
    [
        (transforms.brightened, V.adjust_brightness, [0, 0.3, 1, 1.7, 2.5, 0.9]),
        (transforms.contrasted, V.adjust_contrast, [0, 0.3, 1, 1.7, 2.5, 0.9]),
        (transforms.saturated, V.adjust_saturation, [0, 0.3, 1, 1.7, 2.5, 0.9]),
        (transforms.hue_shifted, V.adjust_hue, [-0.5, 0.5, 0.1, -0.2, 0, 0.33]),
    ],
)
def test_colors_change_as_torchvisions(
    channels: int, ours: Callable[..., Tensor], theirs: Callable[..., Tensor], values: list[float]
) -> None:
    images, factors = _images(channels), torch.tensor(values)
    expected = _one_by_one(images, theirs, factors)
    torch.testing.assert_close(ours(images, factors), expected, rtol=0, atol=3e-6)


def test_grayscale_is_torchvisions() -> None:
    expected = torch.stack([V.rgb_to_grayscale(image) for image in _images()])
    torch.testing.assert_close(transforms.gray(_images()), expected, rtol=0, atol=1e-7)


@every_depth
def test_a_cut_out_is_torchvisions(channels: int) -> None:
    images = _images(channels)
    boxes = torch.tensor(
        [[0, 0, 20, 26], [3, 5, 9, 7], [0, 0, 1, 1], [19, 25, 1, 1], [2, 0, 18, 3], [0, 1, 5, 25]]
    )
    expected = torch.stack(
        [
            V.resized_crop(image, *box, [20, 26], antialias=True)
            for image, box in zip(images, boxes.tolist(), strict=True)
        ]
    )
    torch.testing.assert_close(transforms.resized_crop(images, boxes), expected, rtol=0, atol=2e-5)


@every_depth
def test_a_blur_is_torchvisions(channels: int) -> None:
    sigma = torch.tensor([0.1, 0.5, 1, 2, 0.3, 1.5])
    expected = _one_by_one(
        _images(channels), lambda image, s: V.gaussian_blur(image, [7, 7], [s, s]), sigma
    )
    found = transforms.blurred(_images(channels), sigma, 7)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)


@every_depth
def test_a_rotation_is_torchvisions(channels: int) -> None:
    degrees = torch.tensor([0, 30, -45, 90, 180, -7.5])
    how = V.InterpolationMode.BILINEAR
    expected = _one_by_one(_images(channels), lambda i, d: V.rotate(i, d, how), degrees)
    found = transforms.rotated(_images(channels), degrees)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)
    filled = transforms.rotated(_images(channels), degrees, 1.0)
    outside = transforms.rotated(torch.ones_like(filled), degrees) == 0
    assert (filled[outside] == 1).all()
    inside = transforms.rotated(torch.ones_like(filled), degrees) > 1 - 1e-6
    torch.testing.assert_close(filled[inside], expected[inside], rtol=0, atol=2e-5)


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.floats(0.01, 1),
    st.floats(0, 1),
    st.floats(0.2, 3),
    st.floats(1, 3),
    st.integers(0, 100),
)
def test_rectangles_lie_in_the_image(
    height: int, width: int, low: float, more: float, ratio: float, wider: float, seed: int
) -> None:
    crop = RandomResizedCrop((low, low + (1 - low) * more), (ratio, ratio * wider))
    top, left, h, w = crop.boxes(20, width, height, _generator(seed)).T
    assert (torch.stack([top, left, h - 1, w - 1]) >= 0).all()
    assert (top + h <= height).all()
    assert (left + w <= width).all()


def test_rectangles_are_spread_as_torchvisions() -> None:
    torch.manual_seed(0)
    theirs_drawn = v2.RandomResizedCrop(24, scale=(0.2, 1.0))
    image = torch.empty(3, 32, 48)
    made = [theirs_drawn.make_params([image]) for _ in range(4000)]
    theirs = np.array([[p["top"], p["left"], p["height"], p["width"]] for p in made], dtype=float)
    ours = RandomResizedCrop((0.2, 1.0)).boxes(4000, 48, 32, _generator()).double().numpy()
    spread = theirs.std(0)
    assert (np.abs(ours.mean(0) - theirs.mean(0)) < 0.1 * spread).all()
    assert (np.abs(ours.std(0) - spread) < 0.1 * spread).all()


def test_where_no_rectangle_fits_it_is_the_middle() -> None:
    for height, width, ratio, box in (
        (10, 30, (1, 1), [0, 10, 10, 10]),
        (30, 10, (1, 1), [10, 0, 10, 10]),
        (10, 30, (3, 3), [0, 0, 10, 30]),
    ):
        boxes = RandomResizedCrop((1, 1), ratio).boxes(3, width, height, _generator())
        assert boxes.tolist() == [box] * 3


@every_view
@every_depth
def test_a_view_is_float_images_of_the_same_shape(name: str, channels: int) -> None:
    view = make_augmentation({name: {}})
    assert view is not None
    batch = (255 * _images(channels)).to(torch.uint8)
    batch = batch.contiguous(memory_format=torch.channels_last)
    before = batch.clone()
    found = view(batch, _generator())
    assert torch.equal(batch, before)
    assert found.dtype == torch.float32
    assert found.shape == batch.shape
    assert found.is_contiguous()
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-6
    as_float = view(batch.float() / 255, _generator())
    torch.testing.assert_close(found, as_float, rtol=0, atol=0)
    assert view(batch[:0], _generator()).shape == (0, channels, 20, 26)


@every_view
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_floats_of_any_type_become_float32(name: str, dtype: torch.dtype) -> None:
    view = make_augmentation({name: {}})
    assert view is not None
    images = _images().to(dtype)
    assert torch.equal(view(images, _generator()), view(images.float(), _generator()))
    assert torch.equal(VIEWS.make(name)(images, _generator()), view(images, _generator()))


@every_view
def test_the_same_draws_give_the_same_bits(name: str) -> None:
    view = make_augmentation({name: {}})
    assert view is not None
    first, second = _generator(), _generator()
    batch = _images(count=40)
    assert torch.equal(view(batch, first), view(batch, second))
    assert torch.equal(first.get_state(), second.get_state())
    assert not torch.equal(view(batch, first), view(batch, _generator()))


@every_view
def test_each_image_has_draws_of_its_own(name: str) -> None:
    view = make_augmentation({name: {}})
    assert view is not None
    same = _images()[3:4].expand(30, -1, -1, -1)
    found = view(same, _generator())
    assert len(found.flatten(1).unique(dim=0)) > (1 if name in ("flip", "grayscale") else 10)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "random_resized_crop"])
def test_probabilities(name: str) -> None:
    images = torch.rand(1, 3, 12, 12, generator=_generator()).expand(2000, -1, -1, -1)
    for probability in (0.0, 0.3, 1.0):
        view = VIEWS.make(name, probability=probability)
        changed = (view(images, _generator()) != images).flatten(1).any(1).float().mean()
        assert abs(changed - probability) < 0.05


def test_parts_of_a_batch_are_worked_on_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    view = make_augmentation({"flip": {"probability": 1.0}, "rotation": {"degrees": 0.0}})
    assert isinstance(view, Compose)
    expected = _images(count=11).flip(3)
    for floats in (1, 3 * 20 * 26 * 4, 2**19):
        monkeypatch.setattr(view, "_CHUNK", floats)
        torch.testing.assert_close(view(_images(count=11), _generator()), expected)


def test_jitter_draws_from_its_ranges() -> None:
    white = torch.full((2000, 3, 1, 1), 0.4)
    view = VIEWS.make("color_jitter", strength=0.0, probability=1.0, brightness=0.5)
    factors = view(white, _generator())[:, 0, 0, 0] / 0.4
    assert 0.5 <= factors.min() < 0.52
    assert 1.48 < factors.max() <= 1.5 + 1e-6
    assert abs(factors.mean() - 1) < 0.02


def test_views_by_name_and_options() -> None:
    assert [name for name in VIEWS.names() if augmented_kind({name: {}}) == "images"] == NAMES
    assert make_augmentation({}) is None
    batch = _images()
    short, long = (make_augmentation({"rotation": option}) for option in (20.0, {"degrees": 20.0}))
    assert short is not None
    assert long is not None
    assert torch.equal(short(batch, _generator()), long(batch, _generator()))
    paper = make_augmentation(PAPER)
    assert paper is not None
    assert paper(batch, _generator()).shape == batch.shape


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flip": {"probability": 1.5}}, "probability of Flip: expected 0 to 1, got 1.5"),
        ({"random_resized_crop": {"scale": [0.0, 1.0]}}, "scale of RandomResizedCrop: expected"),
        ({"random_resized_crop": {"scale": [0.5, 1.5]}}, "at most 1"),
        ({"random_resized_crop": {"ratio": [2.0, 1.0]}}, "ratio of RandomResizedCrop"),
        ({"random_resized_crop": {"ratio": [1.0]}}, "ratio of RandomResizedCrop"),
        ({"random_resized_crop": 0.2}, "option 'scale'"),
        ({"color_jitter": {"hue": 0.6}}, "hue of ColorJitter: expected 0 to 0.5, got 0.6"),
        ({"color_jitter": {"strength": -1.0}}, "strength of ColorJitter"),
        ({"blur": {"kernel": 4}}, "kernel of Blur: expected an odd number of pixels, got 4"),
        ({"blur": {"sigma": [0.0, 1.0]}}, "sigma of Blur"),
        ({"rotation": {"degrees": 190.0}}, "degrees of Rotation"),
        ({"rotation": {"fill": 2.0}}, "fill of Rotation"),
        ({"flip": {"probability": "often"}}, "option 'probability'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RncGraphError, match=message):
        make_augmentation(options)


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="'solarise'; known: blur, color_jitter, drop_atoms"):
        make_augmentation({"solarise": {}})
    with pytest.raises(UnknownNameError, match="'size'; known: ratio, scale"):
        make_augmentation({"random_resized_crop": {"size": 3}})


def test_a_window_wider_than_the_image_is_refused() -> None:
    view = VIEWS.make("blur", kernel=41)
    with pytest.raises(RncGraphError, match="expected less than twice the side"):
        view(_images(), _generator())
