"""An experiment made small enough to be tried out."""

from __future__ import annotations

from typing import Any

from rnc_graph.experiments.spec.experiment import Experiment
from rnc_graph.experiments.spec.sources import AgeDBImages, ClassFolders

SAMPLES = 150
PIXELS = 64
EPOCHS = 2


def quick(experiment: Experiment) -> Experiment:
    """Return the same grid with few samples and few epochs: it shows that all parts work."""
    methods = [
        method.model_copy(
            update={
                stage: getattr(method, stage).model_copy(update={"epochs": EPOCHS})
                for stage in ("pretraining", "regression")
                if getattr(method, stage) is not None
            }
        )
        for method in experiment.methods
    ]
    judged = experiment.representation
    if judged is not None:
        judged = judged.model_copy(update={"outside": _smaller(judged.outside)})
    return experiment.model_copy(
        update={
            "methods": methods,
            "data": [_smaller(source) for source in experiment.data],
            "representation": judged,
            "samples": SAMPLES,
        }
    )


def _smaller(source: Any) -> Any:
    """Return a source of images with smaller ones, any other as it is."""
    if isinstance(source, AgeDBImages | ClassFolders):
        return source.model_copy(update={"size": min(source.size, PIXELS)})
    return source
