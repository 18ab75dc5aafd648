"""The two stages, as two Lightning modules and two functions: graphs or images are all one here."""

from rnc_graph.training.centroids import ClassCentroids
from rnc_graph.training.classes import class_numbers
from rnc_graph.training.contrast import Contrast, Objective, QueueObjective
from rnc_graph.training.fit import History, check_device
from rnc_graph.training.inference import infer
from rnc_graph.training.momentum import MomentumEncoder
from rnc_graph.training.pretraining import Pretraining, pretrain
from rnc_graph.training.queue import LabelledQueue
from rnc_graph.training.regression import HeadLoss, MeasuredLoss, Regression, regress
from rnc_graph.training.runtime import Runtime
from rnc_graph.training.settings import Optimisation

__all__ = [
    "ClassCentroids",
    "Contrast",
    "HeadLoss",
    "History",
    "LabelledQueue",
    "MeasuredLoss",
    "MomentumEncoder",
    "Objective",
    "Optimisation",
    "Pretraining",
    "QueueObjective",
    "Regression",
    "Runtime",
    "check_device",
    "class_numbers",
    "infer",
    "pretrain",
    "regress",
]
