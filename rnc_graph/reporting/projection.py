"""Embeddings in two dimensions: PCA, t-SNE or UMAP."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import UnknownNameError
from rnc_graph.extras import import_extra

PROJECTIONS = ("pca", "tsne", "umap")


def project(
    embedding: NDArray[Any], y_true: NDArray[np.float64], how: str
) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """Project an embedding (N, d) to two dimensions, mirrored so that y_true (N,) grows rightwards.

    Returns:
        The points (N, 2), zeros where there are no two dimensions, and of "pca" the share of the
        variance along each.

    Raises:
        UnknownNameError: another way.
        MissingPackageError: umap-learn is not installed.
    """
    if how not in PROJECTIONS:
        raise UnknownNameError("map", how, list(PROJECTIONS))
    count, width = embedding.shape
    embedding = np.asarray(embedding, dtype=np.float64)
    # Without a spread there is no plane, and t-SNE of scikit-learn may end the process.
    if count < 3 or width < 2 or not np.ptp(embedding, axis=0).any():
        return np.zeros((count, 2)), ()
    shares: tuple[float, ...] = ()
    if how == "pca":
        from sklearn.decomposition import PCA

        pca = PCA(2, svd_solver="full").fit(embedding)
        points, shares = pca.transform(embedding), tuple(pca.explained_variance_ratio_.tolist())
    else:
        # Neighbors do not depend on the scale, and they are searched in float32.
        points = _by_neighbors((embedding - embedding.mean(0)) / np.ptp(embedding, 0).max(), how)
    points = np.asarray(points, dtype=np.float64)
    # An axis's sign is arbitrary.
    if np.cov(points[:, 0], y_true)[0, 1] < 0:
        points[:, 0] *= -1
    return points, shares


def _by_neighbors(embedding: NDArray[np.float64], how: str) -> NDArray[np.float64]:
    """Return the points (N, 2) of t-SNE or UMAP."""
    from threadpoolctl import threadpool_limits

    count = len(embedding)
    points: NDArray[np.float64]
    # One thread: the rounding of sums over several depends on their number.
    with threadpool_limits(1):
        if how == "tsne":
            from sklearn.manifold import TSNE

            perplexity = min(30.0, (count - 1) / 3)
            points = TSNE(perplexity=perplexity, random_state=0).fit_transform(embedding)
            return points
        umap = import_extra("umap", "umap", "projection umap (others: pca and tsne)")
        points = umap.UMAP(
            n_neighbors=min(15, count - 1),
            # Three points are too few for a spectral start.
            init="spectral" if count > 3 else "random",
            random_state=0,
            n_jobs=1,
        ).fit_transform(embedding)
        return points
