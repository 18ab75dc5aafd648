"""Contrastive losses, one file a paper: ``(features (B, V, d), labels (B, t)) -> scalar``.

Needs torch alone.
"""

from rnc_graph.losses.registry import LOSSES
from rnc_graph.losses.rnc import RnCLoss

__all__ = ["LOSSES", "RnCLoss"]
