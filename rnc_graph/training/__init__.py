"""The two stages, as two Lightning modules and two functions: graphs or images are all one here."""

from rnc_graph.training.contrast import Contrast
from rnc_graph.training.finetuning import HeadLoss, MeasuredLoss, Regression, regress
from rnc_graph.training.fit import History, check_device
from rnc_graph.training.inference import infer
from rnc_graph.training.momentum import MomentumEncoder
from rnc_graph.training.pretraining import Pretraining, pretrain
from rnc_graph.training.queue import LabeledQueue
from rnc_graph.training.stage_config import StageConfig
from rnc_graph.training.trainer_config import TrainerConfig

__all__ = [
    "Contrast",
    "HeadLoss",
    "History",
    "LabeledQueue",
    "MeasuredLoss",
    "MomentumEncoder",
    "Pretraining",
    "Regression",
    "StageConfig",
    "TrainerConfig",
    "check_device",
    "infer",
    "pretrain",
    "regress",
]
