import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from rnc_graph.data import MoleculeTable
from rnc_graph.errors import RncGraphError
from rnc_graph.vision import Drawing, depict, rotated_digits
from rnc_graph.vision import store as module
from rnc_graph.vision.drawing import draw

SMILES = ["CCO", "c1ccccc1", "[Na+].[Cl-]", "C"]


def test_molecules_are_drawn_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = depict(SMILES, Drawing(48), "mine")
    assert len(images) == 4
    assert images.shape == (3, 48, 48)
    (entry,) = cache.iterdir()
    made = (entry / "index.json").stat().st_ino
    again = depict(SMILES, Drawing(48), "mine")
    assert (entry / "index.json").stat().st_ino == made
    rows = torch.arange(4)
    assert torch.equal(again.batch(rows), images.batch(rows))
    for row, text in enumerate(SMILES):
        pixels = images.batch(torch.tensor([row]))[0].permute(1, 2, 0).numpy()
        assert np.array_equal(pixels, draw(text, Drawing(48)))
    depict(SMILES, Drawing(48, gray=True), "mine")
    depict(SMILES, Drawing(48, line_width=2), "mine")
    depict(SMILES[::-1], Drawing(48), "mine")
    assert len(list(cache.iterdir())) == 4


def test_drawings_fill_a_white_image() -> None:
    colors, gray = draw("CC(=O)Nc1ccccc1", Drawing(64)), draw("CCCC", Drawing(64, gray=True))
    assert colors.shape == (64, 64, 3)
    assert gray.shape == (64, 64, 1)
    for pixels in (colors, gray):
        assert (pixels[0] == 255).all()
        ink = np.flatnonzero((pixels < 128).any((0, 2)))
        assert ink.min() < 10
        assert ink.max() > 53
        assert 0.005 < (pixels < 128).mean() < 0.3
    assert (colors[..., 0] != colors[..., 2]).any()  # Oxygen is red, nitrogen blue.


def test_two_processes_draw_the_same(
    cache: Path, esol: MoleculeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    smiles = esol.smiles[:30]
    alone = depict(smiles, Drawing(32), "esol").batch(torch.arange(30))
    shutil.rmtree(cache)
    monkeypatch.setattr(module, "_CHUNK", 7)
    monkeypatch.setattr(module, "_WORTH_PROCESSES", 0)
    both = depict(smiles, Drawing(32), "esol", jobs=2).batch(torch.arange(30))
    assert torch.equal(alone, both)


def test_bad_smiles_are_named_by_row_text_and_reason(cache: Path) -> None:
    for _ in range(2):
        with pytest.raises(RncGraphError) as caught:
            depict(["C", "C(", "", "CN(C)(C)(C)C"], Drawing(), "mine.csv")
        lines = str(caught.value).splitlines()
        assert lines[0].startswith("mine.csv: 3 rows cannot be used")
        assert lines[1] == "  row 2: 'C(': not a valid SMILES"
        assert lines[2] == "  row 3: '': no SMILES"
        assert "valence" in lines[3]


def test_wrong_drawings_are_refused() -> None:
    with pytest.raises(RncGraphError, match="at least 1 pixel, got 8 and 1"):
        Drawing(8)
    with pytest.raises(RncGraphError, match="got 64 and 0"):
        Drawing(line_width=0)


def test_digits_are_turned_by_their_targets() -> None:
    data = rotated_digits(24)
    assert len(data) == len(data.images) == 1797
    assert data.images.shape == (1, 24, 24)
    angles = data.table.targets[:, 0]
    assert data.table.unit == "degrees"
    assert np.abs(angles).max() <= 60
    assert np.abs(angles).max() > 59
    # The long axis of a 1, from its second moments, leans as the digit is turned.
    ones = torch.tensor([i for i, n in enumerate(data.table.images) if n.endswith(": 1")])
    pixels = data.images.batch(ones)[:, 0].double().numpy()
    places = np.arange(24) - 11.5
    mass = pixels.sum((1, 2))
    x, y = (pixels.sum(axis) @ places / mass for axis in (1, 2))
    xx = np.einsum("nij,j->n", pixels, places**2) / mass - x**2
    yy = np.einsum("nij,i->n", pixels, places**2) / mass - y**2
    xy = np.einsum("nij,i,j->n", pixels, places, places) / mass - x * y
    lean = np.degrees(0.5 * np.arctan2(2 * xy, yy - xx))
    assert np.corrcoef(lean, angles[ones.numpy()])[0, 1] > 0.9
    # Nothing is cut off at the edges.
    assert pixels[:, [0, -1]].max() < 64


def test_digits_by_seed() -> None:
    first, second = rotated_digits(16), rotated_digits(16)
    rows = torch.arange(1797)
    assert np.array_equal(first.table.targets, second.table.targets)
    assert torch.equal(first.images.batch(rows), second.images.batch(rows))
    other = rotated_digits(16, seed=1, degrees=30)
    assert np.abs(other.table.targets).max() <= 30
    with pytest.raises(
        RncGraphError, match="size of rotated digits: expected at least 12 pixels, got 8"
    ):
        rotated_digits(8)
    with pytest.raises(
        RncGraphError, match="degrees of rotated digits: expected above 0, below 90, got 90"
    ):
        rotated_digits(degrees=90)
