"""Embeddings in the plane: near ones stay near, and odd ones are no reason to fail."""

from importlib.util import find_spec

import numpy as np
import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.reporting.projection import PROJECTIONS, project

DEFAULT_TRAINER = [how for how in PROJECTIONS if how != "umap" or find_spec("umap")]


def clusters(rng: np.random.Generator, size: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Three far clouds in eight dimensions; the label is the cloud's number."""
    labels = np.repeat(np.arange(3.0), size)
    centers = 20 * np.eye(3, 8)
    points = centers[labels.astype(int)] + rng.normal(size=(3 * size, 8))
    return points.astype(np.float32), labels


@pytest.mark.parametrize("how", DEFAULT_TRAINER)
def test_neighbors_stay_neighbors_and_labels_grow_rightwards(how: str):
    points, labels = clusters(np.random.default_rng(0))
    plane, _ = project(points, labels, how)
    assert plane.shape == (36, 2)
    distances = np.linalg.norm(plane[:, None] - plane, axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).all()
    assert np.corrcoef(plane[:, 0], labels)[0, 1] > 0
    assert np.array_equal(project(points, labels, how)[0], plane), "the same bits again"


@pytest.mark.parametrize("how", DEFAULT_TRAINER)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7])
def test_few_points(how: str, count: int):
    rng = np.random.default_rng(count)
    plane, _ = project(rng.normal(size=(count, 5)), rng.normal(size=count), how)
    assert plane.shape == (count, 2)
    assert np.isfinite(plane).all()
    assert plane.any() == (count > 2), "two points have no order to show"


@pytest.mark.parametrize("how", DEFAULT_TRAINER)
def test_what_has_no_plane_is_put_at_the_origin(how: str):
    labels = np.arange(6.0)
    for embedding in (labels[:, None], np.full((6, 4), 0.3), np.zeros((4, 4)), np.zeros((6, 0))):
        plane, _ = project(embedding, labels[: len(embedding)], how)
        assert np.array_equal(plane, np.zeros((len(embedding), 2)))


@pytest.mark.parametrize("how", DEFAULT_TRAINER)
@pytest.mark.parametrize("scale", [1e-30, 1e18])
def test_twins_and_extreme_scales(how: str, scale: float):
    points, labels = clusters(np.random.default_rng(1))
    points[1::2] = points[::2]
    plane, _ = project(points * np.float32(scale), labels, how)
    assert np.isfinite(plane).all()
    assert np.ptp(plane, axis=0).all()


def test_an_unknown_one_is_told():
    with pytest.raises(RncGraphError, match="unknown map 'pac'; known: pca, tsne, umap"):
        project(np.zeros((3, 2)), np.zeros(3), "pac")
