"""The registry of objectives: what a spec can name as the objective of a stage."""

from torch import nn

from rnc_graph.registry import Registry

OBJECTIVES: Registry[nn.Module] = Registry("objective")
