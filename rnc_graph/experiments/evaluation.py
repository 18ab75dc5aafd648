"""What a finished run is judged by: errors of its predictions, measures of its embedding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnc_graph.data import Loader, PreparedSplit, Subset
from rnc_graph.data.recipe import within
from rnc_graph.data.samples import InputKind, Samples, Store, make_augmentation
from rnc_graph.data.table import FloatArray
from rnc_graph.encoders import Encoder
from rnc_graph.experiments.spec.sections import RepresentationSpec
from rnc_graph.experiments.spec.split import LongTailSpec
from rnc_graph.metrics import (
    CLASSIFICATION,
    classification_metrics,
    evaluate_classes,
    evaluate_representation,
    label_bins,
    long_tail_metrics,
    regression_metrics,
    shot_regions,
    subset_metrics,
)
from rnc_graph.training import infer

# Scores of the part that comes last that are told as measures.
CLASS_MEASURES = (
    "accuracy",
    "balanced_accuracy",
    "accuracy_many",
    "accuracy_medium",
    "accuracy_few",
)

# The augmentation whose two views should fall together, for all methods alike.
ALIGNMENT_VIEW: dict[InputKind, dict[str, Any]] = {
    "graphs": {"mask_attributes": 0.1},
    "images": {"random_resized_crop": {"scale": [0.6, 1.0]}},
}


def evaluated_parts(split: PreparedSplit, evaluate: str) -> dict[str, Tensor]:
    """Return the rows of the parts to evaluate; the test set is not touched for validation."""
    parts = {"validation": split.validation, "test": split.test}
    return {
        name: rows for name, rows in parts.items() if name == "validation" or evaluate == "test"
    }


def evaluate_run(
    data: Samples,
    split: PreparedSplit,
    predictions: dict[str, FloatArray],
    long_tail: LongTailSpec | None,
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the metrics of standardized predictions, and the predictions in the targets' unit.

    Args:
        data: the data set.
        split: says which rows belong to which part.
        predictions: standardized, by part.
        long_tail: where the training set was thinned; ``measures`` then has the errors by region,
            of the part that comes last. Where the split has a band of unseen labels, they have
            the errors inside and outside it.
    """
    if data.classes is not None:
        return _evaluate_run_classes(data, split, predictions, long_tail)
    targets = data.table.targets
    metrics: dict[str, dict[str, dict[str, float]]] = {}
    tensors: dict[str, Tensor] = {}
    measures: dict[str, float] = {}
    for part, predicted in predictions.items():
        rows = getattr(split, part)
        measured = targets[rows.numpy()]
        restored = split.scaler.restore(predicted)
        standardized = split.scaler.standardize(measured)
        metrics[part] = {
            "standardized": regression_metrics(standardized, predicted),
            "unit": regression_metrics(measured, restored),
        }
        tensors[f"{part}_rows"] = rows
        tensors[f"{part}_predictions"] = torch.from_numpy(restored)
        if long_tail is not None:
            regions = shot_regions(
                targets[split.train.numpy(), 0],
                measured[:, 0],
                split.edges,
                many=long_tail.many,
                few=long_tail.few,
            )
            bins = label_bins(measured[:, 0], split.edges)
            measures = long_tail_metrics(standardized[:, 0], predicted[:, 0], regions, bins)
        if split.band is not None and part == "test":
            unseen = within(measured[:, 0], split.band)
            regions_of = {"unseen": unseen, "seen": ~unseen}
            for name, found in subset_metrics(standardized, predicted, regions_of).items():
                measures |= {f"{metric}_{name}": found[metric] for metric in ("mae", "rmse")}
    return {"metrics": metrics, "measures": measures}, tensors


def _evaluate_run_classes(
    data: Samples,
    split: PreparedSplit,
    predictions: dict[str, FloatArray],
    long_tail: LongTailSpec | None,
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the scores of logits (N, C), by part, and the classes that they stand for."""
    labels = data.table.targets[:, 0]
    # Without a tail there are no regions to tell apart.
    learnt = labels[split.train.numpy()] if long_tail else None
    shots = {"many": long_tail.many, "few": long_tail.few} if long_tail else {}
    metrics: dict[str, dict[str, dict[str, float]]] = {}
    tensors: dict[str, Tensor] = {}
    measures: dict[str, float] = {}
    for part, logits in predictions.items():
        rows = getattr(split, part)
        found = classification_metrics(labels[rows.numpy()], logits, learnt, **shots)
        metrics[part] = {"share": {name: found[name] for name in CLASSIFICATION.metrics}}
        measures = {name: value for name, value in found.items() if name in CLASS_MEASURES}
        tensors[f"{part}_rows"] = rows
        tensors[f"{part}_predictions"] = torch.from_numpy(logits.argmax(1)[:, None]).double()
    return {"metrics": metrics, "measures": measures}, tensors


def evaluate_run_embedding(
    encoder: Encoder,
    data: Samples,
    split: PreparedSplit,
    part: str,
    embedding: Tensor,
    outside: Store | None,
    representation: RepresentationSpec,
) -> dict[str, float]:
    """Return the measures of an encoder on one part.

    Args:
        encoder: the trained encoder.
        data: the data set.
        split: its training set is what retrieval, probes and detection learn from.
        part: "validation" or "test".
        embedding: (rows, d), the encoder's of the part.
        outside: molecules to be told from the data set's.
        representation: what is asked for.
    """
    targets, rows = split.targets, getattr(split, part)
    augmentation = make_augmentation(ALIGNMENT_VIEW[data.kind])
    altered = Loader(Subset(data.inputs, rows, targets[rows]), transform=augmentation)
    # Each pass draws anew.
    views = infer(encoder, altered).numpy(), infer(encoder, altered).numpy()
    elsewhere = None
    if outside is not None:
        every = torch.arange(len(outside))
        elsewhere = infer(encoder, Loader(Subset(outside, every, every[:, None]))).numpy()
    train = Subset(data.inputs, split.train, targets[split.train])
    known = infer(encoder, Loader(train)).numpy()
    if data.classes is not None:
        return evaluate_classes(
            known,
            train.y[:, 0].numpy(),
            embedding.numpy(),
            targets[rows, 0].numpy(),
            coarse=data.groups,
            views=views,
            ood=elsewhere,
        )
    return evaluate_representation(
        known,
        train.y.numpy(),
        embedding.numpy(),
        targets[rows].numpy(),
        views=views,
        ood=elsewhere,
        tolerance=representation.tolerance,
    )
