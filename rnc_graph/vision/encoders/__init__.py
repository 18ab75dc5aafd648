"""Encoders of images: a batch (N, C, H, W) in, an embedding (N, d) out."""

from rnc_graph.vision.encoders.checkpoints import load_checkpoint
from rnc_graph.vision.encoders.image import ImageEncoder
from rnc_graph.vision.encoders.resnet import ResNet18, ResNet50
from rnc_graph.vision.encoders.small_resnet import ResNet8

__all__ = ["ImageEncoder", "ResNet8", "ResNet18", "ResNet50", "load_checkpoint"]
