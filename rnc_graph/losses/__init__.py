"""Contrastive losses, one file a paper: ``(features (B, V, d), labels (B, t)) -> scalar``.

Needs torch alone.
"""

from torch import nn

from rnc_graph.losses.registry import LOSSES
from rnc_graph.losses.rnc import RnCLoss

__all__ = ["LOSSES", "RnCLoss", "make_loss"]


def make_loss(name: str, **options: object) -> nn.Module:
    """Build the loss registered under ``name``; ``options`` are its constructor's arguments.

    Raises:
        UnknownNameError: no loss has this name; the message lists the known ones.

    >>> make_loss("rnc", temperature=0.5).temperature
    0.5
    """
    return LOSSES.make(name, **options)
