"""The evaluation of a run: errors of its predictions, metrics of its embedding."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rnc_graph.data import DatasetSplit, Loader, Subset
from rnc_graph.data.bounds import exact
from rnc_graph.data.inputs import InputDataset, InputKind, Store, make_augmentation
from rnc_graph.data.recipe import within
from rnc_graph.data.table import FloatArray, exact_targets
from rnc_graph.experiments.spec.split import LongTailSpec
from rnc_graph.experiments.spec.stages import RepresentationSpec
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

# Scores of the last set that are reported as further metrics.
CLASS_METRICS = (
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


def evaluated_indices(split: DatasetSplit, evaluate: str) -> dict[str, Tensor]:
    """Return the indices of the sets to evaluate; for validation the test set is not touched."""
    indices = {"validation": split.validation}
    return indices if evaluate == "validation" else {**indices, "test": split.test}


def evaluate_run(
    data: InputDataset,
    split: DatasetSplit,
    predictions: dict[str, FloatArray],
    long_tail: LongTailSpec | None,
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the metrics of standardized predictions, and the predictions in the targets' unit.

    The first is the record's ``metrics``, by set and scale, which are the mean over the targets;
    for several targets also ``targets``, the metrics of each by its name, NaN where a set lacks it;
    and ``measures``, the further metrics: with ``long_tail`` the errors by region, on the last set,
    and with a band of unseen labels those inside and out of it.
    """
    if data.classes is not None:
        return _evaluate_run_classes(data, split, predictions, long_tail)
    targets, names = exact_targets(data.table), data.table.target_names
    by_target: dict[str, Any] = {name: {} for name in names}
    metrics: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    further: dict[str, float] = {}
    for set_name, predicted in predictions.items():
        rows = getattr(split, set_name)
        y_true = targets[rows.numpy()]
        restored = split.scaler.restore(predicted)
        standardized = split.scaler.standardize(y_true)
        tensors[f"{set_name}_rows"] = rows
        tensors[f"{set_name}_predictions"] = torch.from_numpy(restored)
        for number, name in enumerate(names):
            column = [number]
            by_target[name][set_name] = {
                "standardized": regression_metrics(standardized[:, column], predicted[:, column]),
                "unit": regression_metrics(y_true[:, column], restored[:, column]),
            }
        metrics[set_name] = _mean([found[set_name] for found in by_target.values()])
        # Regions and bands are those of the first target.
        known = ~np.isnan(y_true[:, 0])
        label, errors = y_true[known, 0], (standardized[known, 0], predicted[known, 0])
        if long_tail is not None:
            train_label = targets[split.train.numpy(), 0]
            regions = shot_regions(
                train_label[~np.isnan(train_label)],
                label,
                split.edges,
                many=long_tail.many,
                few=long_tail.few,
            )
            further = long_tail_metrics(*errors, regions, label_bins(label, split.edges))
        if split.band is not None and set_name == "test":
            unseen = within(label, split.band)
            regions_of = {"unseen": unseen, "seen": ~unseen}
            of_subsets = subset_metrics(errors[0][:, None], errors[1][:, None], regions_of)
            for name, found in of_subsets.items():
                further |= {f"{metric}_{name}": found[metric] for metric in ("mae", "rmse")}
    record = {"metrics": metrics, "measures": further}
    return {**record, **({"targets": by_target} if len(names) > 1 else {})}, tensors


def _mean(by_target: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return the mean over the targets of each metric; a target that a set lacks is left out."""
    known = [found for found in by_target if not np.isnan(found["unit"]["mae"])] or by_target
    return {
        scale: {
            metric: float(np.mean([found[scale][metric] for found in known]))
            for metric in known[0][scale]
        }
        for scale in known[0]
    }


def _evaluate_run_classes(
    data: InputDataset,
    split: DatasetSplit,
    predictions: dict[str, FloatArray],
    long_tail: LongTailSpec | None,
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the scores of logits (N, C), by set, and the predicted classes."""
    labels = data.table.targets[:, 0]
    # Without a tail there are no regions.
    learnt = labels[split.train.numpy()] if long_tail else None
    shots = {"many": long_tail.many, "few": long_tail.few} if long_tail else {}
    metrics: dict[str, dict[str, dict[str, float]]] = {}
    tensors: dict[str, Tensor] = {}
    further: dict[str, float] = {}
    for set_name, logits in predictions.items():
        rows = getattr(split, set_name)
        found = classification_metrics(labels[rows.numpy()], logits, learnt, **shots)
        metrics[set_name] = {"share": {name: found[name] for name in CLASSIFICATION.metrics}}
        further = {name: value for name, value in found.items() if name in CLASS_METRICS}
        tensors[f"{set_name}_rows"] = rows
        tensors[f"{set_name}_predictions"] = torch.from_numpy(logits.argmax(1)[:, None]).double()
    return {"metrics": metrics, "measures": further}, tensors


def evaluate_run_embedding(
    encoder: nn.Module,
    data: InputDataset,
    split: DatasetSplit,
    set_name: str,
    embedding: Tensor,
    ood: Store | None,
    representation: RepresentationSpec,
    device: torch.device | None = None,
) -> dict[str, float]:
    """Return the metrics of a trained encoder on one set, whose embedding is (rows, d).

    Retrieval, probes and detection learn from the training set.
    """
    targets, rows = exact(split.targets), getattr(split, set_name)
    augmentation = make_augmentation(ALIGNMENT_VIEW[data.kind])
    altered = Loader(Subset(data.inputs, rows, targets[rows]), transform=augmentation)
    # Each pass draws anew.
    views = infer(encoder, altered, device).numpy(), infer(encoder, altered, device).numpy()
    ood_embedding = None
    if ood is not None:
        every = torch.arange(len(ood))
        loader = Loader(Subset(ood, every, every[:, None]))
        ood_embedding = infer(encoder, loader, device).numpy()
    train = Subset(data.inputs, split.train, targets[split.train])
    known = infer(encoder, Loader(train), device).numpy()
    if data.classes is not None:
        return evaluate_classes(
            known,
            train.y[:, 0].numpy(),
            embedding.numpy(),
            targets[rows, 0].numpy(),
            coarse=data.groups,
            views=views,
            ood=ood_embedding,
        )
    return evaluate_representation(
        known,
        train.y.numpy(),
        embedding.numpy(),
        targets[rows].numpy(),
        views=views,
        ood=ood_embedding,
        true_train_labels=split.true_targets[split.train].numpy(),
        tolerance=representation.tolerance,
    )
