from pathlib import Path

import numpy as np
import pytest
import torch

from rnc_graph.losses import ClassCentroids

REFERENCE = np.load(Path(__file__).parent / "data" / "losses.npz")


@pytest.mark.parametrize("case", range(1, 4))
def test_the_published_centroids(case: int) -> None:
    before, query, labels, after = (
        torch.from_numpy(REFERENCE[f"tsc{case}_{name}"])
        for name in ("centroids_before", "query", "labels", "centroids_after")
    )
    centroids = ClassCentroids(*before.shape).double()
    centroids.centroids.copy_(before)
    torch.testing.assert_close(centroids.update(query, labels), after, rtol=1e-6, atol=1e-6)


def test_a_class_that_the_batch_lacks_keeps_its_centroid() -> None:
    centroids = ClassCentroids(3, 2)
    centroids.update(torch.tensor([[3.0, 4.0]]), torch.tensor([1]))
    expected = torch.tensor([[0.0, 0.0], [0.6, 0.8], [0.0, 0.0]])
    torch.testing.assert_close(centroids.centroids, expected)
    centroids.update(torch.tensor([[0.0, 5.0], [0.0, 1.0]]), torch.tensor([2, 2]))
    expected[2, 1] = 1
    torch.testing.assert_close(centroids.centroids, expected)
