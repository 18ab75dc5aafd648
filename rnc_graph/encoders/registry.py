"""The encoders by name."""

from rnc_graph.encoders.graph import GraphEncoder
from rnc_graph.registry import Registry

ENCODERS: Registry[GraphEncoder] = Registry("encoder")
