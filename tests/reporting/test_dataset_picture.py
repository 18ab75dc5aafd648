from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread

from rnc_graph.errors import RncGraphError
from rnc_graph.reporting.dataset_picture import MOLECULES, draw_dataset, spread_rows


@pytest.mark.parametrize("name", ["freesolv", "photoswitch"])
def test_a_picture_is_drawn(name: str, tmp_path: Path) -> None:
    path = tmp_path / "set.png"
    draw_dataset(name, path)
    pixels = imread(path)
    assert min(pixels.shape[:2]) > 1000
    # Ink in the upper and in the lower half, the paper white.
    for half in np.array_split(pixels[..., :3], 2):
        assert 0.005 < (half.min(axis=-1) < 0.9).mean() < 0.5
    assert [file.name for file in tmp_path.iterdir()] == ["set.png"]


@pytest.mark.parametrize("name", ["set", "set.csv"])
def test_a_suffix_that_cannot_be_drawn_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RncGraphError, match=r"is no format of a picture; try \.png"):
        draw_dataset("freesolv", tmp_path / name)
    assert not list(tmp_path.iterdir())


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=40),
    st.sets(st.integers(0, 39)),
)
def test_the_rows_drawn_are_different_ascending_and_span_the_range(
    values: list[float], skip: set[int]
) -> None:
    labels = np.array(values)
    drawable = [row for row in range(len(labels)) if labels[row] == labels[row] and row not in skip]
    if not drawable:
        return
    rows = spread_rows(labels, skip)
    assert len(set(rows.tolist())) == len(rows) == min(MOLECULES, len(drawable))
    assert set(rows.tolist()) <= set(drawable)
    assert (np.diff(labels[rows]) >= 0).all()
    assert labels[rows[0]] == labels[drawable].min()
    assert labels[rows[-1]] == labels[drawable].max() or len(rows) == 1


def test_the_rows_drawn_lie_at_even_steps() -> None:
    labels = np.linspace(0, 11, 1101)
    assert labels[spread_rows(labels, set())].tolist() == pytest.approx(list(range(12)))
