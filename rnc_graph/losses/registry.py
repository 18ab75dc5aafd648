"""The registry of losses: a new loss is one file and one decorator."""

from torch import nn

from rnc_graph.registry import Registry

LOSSES: Registry[nn.Module] = Registry("loss")
