"""The two stages, as two Lightning modules and two functions: graphs or images are all one here."""

from rnc_graph.training.fit import History
from rnc_graph.training.pretraining import Pretraining, pretrain
from rnc_graph.training.regression import HeadLoss, Regression, infer, regress
from rnc_graph.training.settings import Optimisation

__all__ = [
    "HeadLoss",
    "History",
    "Optimisation",
    "Pretraining",
    "Regression",
    "infer",
    "pretrain",
    "regress",
]
