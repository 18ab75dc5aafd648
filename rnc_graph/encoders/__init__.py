"""Encoders: a batch in, an embedding (N, d) out; and the head that turns it into a prediction."""

from rnc_graph import pyg  # noqa: F401
from rnc_graph.encoders.base import ENCODERS, Encoder, Head
from rnc_graph.encoders.factory import make_encoder
from rnc_graph.encoders.gcn import GCN
from rnc_graph.encoders.gin import GIN
from rnc_graph.encoders.graph import GraphEncoder
from rnc_graph.encoders.mpnn import MPNN
from rnc_graph.encoders.pretrained import load_pretrained
from rnc_graph.encoders.wrapper import WrappedEncoder

__all__ = [
    "ENCODERS",
    "GCN",
    "GIN",
    "MPNN",
    "Encoder",
    "GraphEncoder",
    "Head",
    "WrappedEncoder",
    "load_pretrained",
    "make_encoder",
]
