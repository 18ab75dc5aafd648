"""Embeddings laid out in two dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import MissingPackageError, UnknownNameError

MAPS = ("pca", "tsne", "umap")


def lay_out(embedding: NDArray[Any], labels: NDArray[np.float64], how: str) -> NDArray[np.float64]:
    """Return a plane (N, 2) for an embedding (N, d), turned so that labels (N,) grow rightwards.

    Args:
        embedding: (N, d).
        labels: (N,).
        how: "pca", "tsne" or "umap".

    Raises:
        UnknownNameError: another way.
        RncGraphError: umap-learn is not installed.
    """
    if how not in MAPS:
        raise UnknownNameError("map", how, list(MAPS))
    count, width = embedding.shape
    embedding = np.asarray(embedding, dtype=np.float64)
    # Equal points are one point, and scikit-learn's t-SNE ends the process at some of them.
    if count < 3 or width < 2 or not np.ptp(embedding, axis=0).any():
        return np.zeros((count, 2))
    plane: NDArray[np.float64]
    if how == "pca":
        from sklearn.decomposition import PCA

        plane = PCA(2, svd_solver="full").fit_transform(embedding)
    else:
        # Neighbors do not depend on the scale, and float32, in which they are sought, has bounds.
        embedding = (embedding - embedding.mean(axis=0)) / np.ptp(embedding, axis=0).max()
        plane = _by_neighbors(embedding, how)
    plane = np.asarray(plane, dtype=np.float64)
    # An axis's sign is arbitrary.
    if np.cov(plane[:, 0], labels)[0, 1] < 0:
        plane[:, 0] *= -1
    return plane


def _by_neighbors(embedding: NDArray[np.float64], how: str) -> NDArray[np.float64]:
    """Return what t-SNE or UMAP make of an embedding (N, d)."""
    from threadpoolctl import threadpool_limits

    count = len(embedding)
    # On one thread: sums over several round by how the work was shared out, and small ones take
    # longer to share than to do.
    with threadpool_limits(1):
        plane: NDArray[np.float64]
        if how == "tsne":
            from sklearn.manifold import TSNE

            perplexity = min(30.0, (count - 1) / 3)
            plane = TSNE(perplexity=perplexity, random_state=0).fit_transform(embedding)
            return plane
        try:
            from umap import UMAP
        except ModuleNotFoundError as error:
            raise MissingPackageError(
                "umap-learn is not installed; pip install 'rnc-graph[umap]', or take pca or tsne"
            ) from error
        plane = UMAP(
            n_neighbors=min(15, count - 1),
            # Three points are too few for the eigenvectors that it begins with else.
            init="spectral" if count > 3 else "random",
            random_state=0,
            n_jobs=1,
        ).fit_transform(embedding)
        return plane
