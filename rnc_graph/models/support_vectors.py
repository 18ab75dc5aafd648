"""Members with a Gaussian kernel, on descriptors alone or beside an embedding."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from sklearn import config_context
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVR
from torch import Tensor
from typing_extensions import Self

from rnc_graph.data.table import FloatArray
from rnc_graph.models.inputs import Inputs
from rnc_graph.models.quick import LearnedByTarget, predicted_by, thinned_columns

# Chosen on validation; the tube is in standard deviations of a target.
_C, _TUBE = 10.0, 0.05


class SupportVectors(LearnedByTarget):
    """Support-vector regression with a Gaussian kernel (Drucker et al., NeurIPS 1996), by target.

    With more than 20,000 training molecules that have a target it learns from every second of them,
    every fourth, and so on.

    Its tensors are for target j the support vectors (s, k), their coefficients (s, 1), the
    intercept (1,) and gamma (1,).
    """

    kind = "svr"
    largest = 20_000

    def matrix(self, inputs: Inputs) -> FloatArray:
        """Return what the kernel compares, (N, k)."""
        return super().matrix(inputs).astype(np.float64)

    def fit(self, inputs: Inputs, targets: Tensor, train: Tensor) -> Self:
        """Learn each target from the rows of ``train`` that have it; see ``known_columns``."""
        for target, column in thinned_columns(targets, train, inputs.smiles, self.largest):
            scores = self.matrix(inputs.take(torch.from_numpy(column.rows)))
            # scikit-learn's gamma="scale", said out, since the prediction needs it too.
            gamma = 1 / (scores.shape[1] * scores.var() or 1.0)
            svr = SVR(C=_C, epsilon=_TUBE, gamma=gamma)
            whole = column.completed(partial(predicted_by, svr, scores))
            svr.fit(scores, whole.values, whole.weights)
            parts = {
                "vectors": svr.support_vectors_,
                "coefficients": svr.dual_coef_.T,
                "intercept": svr.intercept_,
                "gamma": np.array([gamma]),
            }
            self.learned |= {f"{target}.{n}": torch.from_numpy(v.copy()) for n, v in parts.items()}
        return self

    def _target(self, target: int, matrix: FloatArray) -> FloatArray:
        part = {
            name: self.learned[f"{target}.{name}"].numpy()
            for name in ("vectors", "coefficients", "intercept", "gamma")
        }
        if not len(part["vectors"]):  # All values were in the tube; no kernel of nothing is made.
            return np.full(len(matrix), part["intercept"][0])
        with config_context(assume_finite=True, skip_parameter_validation=True):
            kernel = rbf_kernel(matrix, part["vectors"], part["gamma"][0])
        predicted: FloatArray = (kernel @ part["coefficients"] + part["intercept"])[:, 0]
        return predicted


class EmbeddingVectors(SupportVectors):
    """The same on descriptors (N, k) beside the embedding (N, d) of the frozen pretrained encoder.

    The kernel's squared distance is the mean over the descriptors plus that over the embedding's
    dimensions, which are standardized by the training set.
    """

    kind = "embedding-svr"

    def fit(self, inputs: Inputs, targets: Tensor, train: Tensor) -> Self:
        """Learn each target from the rows of ``train`` that have it; see ``known_columns``."""
        known = inputs.embedding[train].double()
        sd = known.std(dim=0, unbiased=False)
        self.learned = {"mean": known.mean(dim=0), "sd": torch.where(sd > 0, sd, 1.0)}
        return super().fit(inputs, targets, train)

    def matrix(self, inputs: Inputs) -> FloatArray:
        """Return the two side by side, (N, k + d)."""
        standardized = (inputs.embedding.double() - self.learned["mean"]) / self.learned["sd"]
        embedding: FloatArray = standardized.numpy()
        scores = super().matrix(inputs)
        vectors = self.learned.get("0.vectors")
        # A model may be without descriptors, or of before they were beside the embedding.
        if not scores.shape[1] or (vectors is not None and vectors.shape[1] == embedding.shape[1]):
            return embedding
        return np.hstack([part / part.shape[1] ** 0.5 for part in (scores, embedding)])
