"""The two stages, as two Lightning modules and two functions: graphs or images are all one here."""

from rnc_graph.training.fit import History, check_device
from rnc_graph.training.pretraining import Pretraining, pretrain
from rnc_graph.training.regression import HeadLoss, Regression, infer, regress
from rnc_graph.training.settings import Optimisation

__all__ = [
    "HeadLoss",
    "History",
    "Optimisation",
    "Pretraining",
    "Regression",
    "check_device",
    "infer",
    "pretrain",
    "regress",
]
