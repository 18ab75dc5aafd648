"""The encoders by name."""

from rnc_graph.encoders.base import Encoder
from rnc_graph.registry import Registry

ENCODERS: Registry[Encoder] = Registry("encoder")
