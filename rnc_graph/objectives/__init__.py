"""Objectives: each loss of :mod:`rnc_graph.losses` carried to a continuous target, by name.

Those made for classes take class numbers too.

An objective maps features (B, V, d) and labels (B, t) to a scalar, or is a ``QueueObjective``.
"""

from rnc_graph.losses import RnCLoss
from rnc_graph.objectives.attention_nce import AttentionNCE, LabelAttentionNCE
from rnc_graph.objectives.bins import ClassNumbers, QuantileBins
from rnc_graph.objectives.class_ranks import ClassRanks
from rnc_graph.objectives.kcl import KCL
from rnc_graph.objectives.ranks import LabelRanks
from rnc_graph.objectives.registry import OBJECTIVES
from rnc_graph.objectives.regression import RegressionObjective
from rnc_graph.objectives.rince import RINCE
from rnc_graph.objectives.simclr import SimCLR
from rnc_graph.objectives.supcon import SupCon
from rnc_graph.objectives.tsc import TSC

# Made for continuous labels, it is an objective as it stands.
OBJECTIVES.register("rnc")(RnCLoss)

__all__ = [
    "KCL",
    "OBJECTIVES",
    "RINCE",
    "TSC",
    "AttentionNCE",
    "ClassNumbers",
    "ClassRanks",
    "LabelAttentionNCE",
    "LabelRanks",
    "QuantileBins",
    "RegressionObjective",
    "SimCLR",
    "SupCon",
]
