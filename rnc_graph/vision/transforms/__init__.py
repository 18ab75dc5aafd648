"""Views of images: randomly altered copies, made on a whole batch at once.

Each image has draws of its own, and no loop runs over single images. A batch comes as uint8 (0 to
255) or float (0 to 1) and leaves as float32 (0 to 1), (B, C, H, W), from :func:`make_image_view` in
channels_last format. What each augmentation does to one image is what the function of its name in
torchvision.transforms.v2 does to a float image with the same parameters.
"""

from rnc_graph.vision.transforms.base import IMAGE_VIEWS, ImageView, to_float
from rnc_graph.vision.transforms.blur import Blur
from rnc_graph.vision.transforms.colors import ColorJitter, Grayscale
from rnc_graph.vision.transforms.compose import Compose, make_image_view
from rnc_graph.vision.transforms.crop import RandomResizedCrop
from rnc_graph.vision.transforms.flip import Flip
from rnc_graph.vision.transforms.rotation import Rotation, rotated

__all__ = [
    "IMAGE_VIEWS",
    "Blur",
    "ColorJitter",
    "Compose",
    "Flip",
    "Grayscale",
    "ImageView",
    "RandomResizedCrop",
    "Rotation",
    "make_image_view",
    "rotated",
    "to_float",
]
