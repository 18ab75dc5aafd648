"""An experiment made small enough to be tried out."""

from __future__ import annotations

from typing import Any

from rnc_graph.data.inputs import ImageSource
from rnc_graph.experiments.spec.experiment import Experiment
from rnc_graph.training import FinetuneConfig, StageConfig

SAMPLES = 150
IMAGES = 40
PIXELS = 8
EPOCHS = 2
RATE = 0.01


def quick(experiment: Experiment) -> Experiment:
    """Return the same grid with few samples and few epochs: it shows that all components work.

    Of files of images no more than ``IMAGES`` are read, with ``PIXELS`` a side: a ResNet-50 would
    take minutes for whole ones. Learning rates are ``RATE`` at most: the first steps of a large one
    may diverge.
    """
    methods = [
        method.model_copy(update={key: _shorter(stage) for key, stage in method.stages.items()})
        for method in experiment.methods
    ]
    data = [_smaller(source) for source in experiment.data]
    fewer = SAMPLES if data == experiment.data else IMAGES
    evaluated = experiment.representation
    if evaluated is not None:
        evaluated = evaluated.model_copy(update={"ood": _smaller(evaluated.ood)})
    return experiment.model_copy(
        update={
            "methods": methods,
            "data": data,
            "representation": evaluated,
            "samples": min(experiment.samples or fewer, fewer),
        }
    )


def _shorter(stage: StageConfig) -> StageConfig:
    fewer: dict[str, Any] = {
        "epochs": min(stage.epochs, EPOCHS),
        "learning_rate": min(stage.learning_rate, RATE),
    }
    if isinstance(stage, FinetuneConfig):
        fewer["head_epochs"] = min(stage.head_epochs, EPOCHS)
    return stage.model_copy(update=fewer)


def _smaller(source: Any) -> Any:
    """Return a set of images from files with fewer and smaller ones, any other source as it is."""
    if isinstance(source, ImageSource) and {"samples", "size"} <= type(source).model_fields.keys():
        return source.model_copy(update={"samples": IMAGES, "size": PIXELS})
    return source
