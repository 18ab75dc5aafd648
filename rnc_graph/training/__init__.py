"""The two stages, as two Lightning modules and two functions: graphs or images are all one here."""

from rnc_graph.training.centroids import ClassCentroids
from rnc_graph.training.classes import class_numbers
from rnc_graph.training.contrast import Contrast, Objective, QueueObjective
from rnc_graph.training.finetuning import HeadLoss, MeasuredLoss, Regression, regress
from rnc_graph.training.fit import History, check_device
from rnc_graph.training.inference import infer
from rnc_graph.training.momentum import MomentumEncoder
from rnc_graph.training.pretraining import Pretraining, pretrain
from rnc_graph.training.queue import LabeledQueue
from rnc_graph.training.stage_config import StageConfig
from rnc_graph.training.trainer_config import TrainerConfig

__all__ = [
    "ClassCentroids",
    "Contrast",
    "HeadLoss",
    "History",
    "LabeledQueue",
    "MeasuredLoss",
    "MomentumEncoder",
    "Objective",
    "Pretraining",
    "QueueObjective",
    "Regression",
    "StageConfig",
    "TrainerConfig",
    "check_device",
    "class_numbers",
    "infer",
    "pretrain",
    "regress",
]
