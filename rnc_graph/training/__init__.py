"""Two-stage training: :class:`TwoStage`, and its stages as Lightning modules."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rnc_graph.training.config import (
    ContinuousLoss,
    FinetuneConfig,
    HeadLoss,
    StageConfig,
    TrainerConfig,
)
from rnc_graph.training.inference import embed_graphs, infer

if TYPE_CHECKING:
    from rnc_graph.training.contrast import Contrast, LabeledQueue, MomentumEncoder
    from rnc_graph.training.fit import History, check_device
    from rnc_graph.training.modules import FinetuneModule, PretrainModule
    from rnc_graph.training.two_stage import TwoStage

__all__ = [
    "ContinuousLoss",
    "Contrast",
    "FinetuneConfig",
    "FinetuneModule",
    "HeadLoss",
    "History",
    "LabeledQueue",
    "MomentumEncoder",
    "PretrainModule",
    "StageConfig",
    "TrainerConfig",
    "TwoStage",
    "check_device",
    "embed_graphs",
    "infer",
]

# What trains, by module, is imported on first use: a prediction needs no Lightning.
_MODULES = {
    "Contrast": "contrast",
    "FinetuneModule": "modules",
    "History": "fit",
    "LabeledQueue": "contrast",
    "MomentumEncoder": "contrast",
    "PretrainModule": "modules",
    "TwoStage": "two_stage",
    "check_device": "fit",
}


def __getattr__(name: str) -> Any:
    """Import a public name."""
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
