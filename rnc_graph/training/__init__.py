"""Two-stage training: :class:`TwoStage`, and its stages as Lightning modules."""

from rnc_graph.training.contrast import Contrast
from rnc_graph.training.fit import History, check_device
from rnc_graph.training.head_losses import ContinuousLoss, HeadLoss
from rnc_graph.training.inference import infer
from rnc_graph.training.modules import FinetuneModule, PretrainModule
from rnc_graph.training.momentum import MomentumEncoder
from rnc_graph.training.queue import LabeledQueue
from rnc_graph.training.stage_config import StageConfig
from rnc_graph.training.trainer_config import TrainerConfig
from rnc_graph.training.two_stage import TwoStage

__all__ = [
    "ContinuousLoss",
    "Contrast",
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
    "infer",
]
