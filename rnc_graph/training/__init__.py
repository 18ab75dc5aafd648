"""Two-stage training: :class:`TwoStage`, and its stages as Lightning modules."""

from rnc_graph.training.config import FinetuneConfig, StageConfig, TrainerConfig
from rnc_graph.training.contrast import Contrast, LabeledQueue, MomentumEncoder
from rnc_graph.training.fit import History, check_device
from rnc_graph.training.head_losses import ContinuousLoss, HeadLoss
from rnc_graph.training.inference import embed_graphs, infer
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
