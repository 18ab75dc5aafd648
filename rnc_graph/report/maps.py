"""Embeddings laid out in two dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import RncGraphError, UnknownNameError

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
    if count < 3 or width < 2:
        return np.zeros((count, 2))
    plane: NDArray[np.float64]
    if how == "umap":
        try:
            from umap import UMAP
        except ModuleNotFoundError as error:
            raise RncGraphError(
                "umap-learn is not installed; pip install 'rnc-graph[umap]', or take pca or tsne"
            ) from error
        plane = UMAP(n_neighbors=min(15, count - 1), random_state=0, n_jobs=1).fit_transform(
            embedding
        )
    elif how == "tsne":
        from sklearn.manifold import TSNE

        plane = TSNE(perplexity=min(30.0, (count - 1) / 3), random_state=0).fit_transform(embedding)
    else:
        from sklearn.decomposition import PCA

        plane = PCA(2, svd_solver="full").fit_transform(embedding)
    plane = np.asarray(plane, dtype=np.float64)
    # An axis's sign is arbitrary.
    if np.cov(plane[:, 0], labels)[0, 1] < 0:
        plane[:, 0] *= -1
    return plane
