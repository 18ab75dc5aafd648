"""An experiment made small enough to be tried out."""

from __future__ import annotations

from rnc_graph.experiments.spec.experiment import Experiment

MOLECULES = 150
EPOCHS = 2


def quick(experiment: Experiment) -> Experiment:
    """Return the same grid with few molecules and few epochs: it shows that all parts work."""
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
    return experiment.model_copy(update={"methods": methods, "molecules": MOLECULES})
