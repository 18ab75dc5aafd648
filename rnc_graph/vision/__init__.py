"""Images: tables, the packed store and its cache, views, and the sets that are known.

A name is loaded when it is asked for: the processes that only decode need no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnc_graph.vision.agedb import agedb_table, balanced_parts, load_agedb
    from rnc_graph.vision.cache import decoded_images, packed_array, packed_images
    from rnc_graph.vision.data import ImageData, load_images
    from rnc_graph.vision.decoding import BadImage, Decoding
    from rnc_graph.vision.depictions import depict
    from rnc_graph.vision.digits import rotated_digits
    from rnc_graph.vision.drawing import Drawing
    from rnc_graph.vision.fashion_mnist import load_fashion_mnist
    from rnc_graph.vision.folders import folder_table, list_table
    from rnc_graph.vision.hierarchies import (
        CIFAR100_SUPERCLASSES,
        FASHION_KINDS,
        superclass_of,
    )
    from rnc_graph.vision.store import PackedImages
    from rnc_graph.vision.table import ImageTable
    from rnc_graph.vision.torchvision_sets import load_class_images
    from rnc_graph.vision.transforms import IMAGE_VIEWS, make_image_view

_ROOMS = {
    "BadImage": "decoding",
    "CIFAR100_SUPERCLASSES": "hierarchies",
    "Decoding": "decoding",
    "Drawing": "drawing",
    "FASHION_KINDS": "hierarchies",
    "IMAGE_VIEWS": "transforms",
    "ImageData": "data",
    "ImageTable": "table",
    "PackedImages": "store",
    "agedb_table": "agedb",
    "balanced_parts": "agedb",
    "decoded_images": "cache",
    "depict": "depictions",
    "folder_table": "folders",
    "list_table": "folders",
    "load_agedb": "agedb",
    "load_class_images": "torchvision_sets",
    "load_fashion_mnist": "fashion_mnist",
    "load_images": "data",
    "make_image_view": "transforms",
    "packed_array": "cache",
    "packed_images": "cache",
    "rotated_digits": "digits",
    "superclass_of": "hierarchies",
}

__all__ = [
    "CIFAR100_SUPERCLASSES",
    "FASHION_KINDS",
    "IMAGE_VIEWS",
    "BadImage",
    "Decoding",
    "Drawing",
    "ImageData",
    "ImageTable",
    "PackedImages",
    "agedb_table",
    "balanced_parts",
    "decoded_images",
    "depict",
    "folder_table",
    "list_table",
    "load_agedb",
    "load_class_images",
    "load_fashion_mnist",
    "load_images",
    "make_image_view",
    "packed_array",
    "packed_images",
    "rotated_digits",
    "superclass_of",
]


def __getattr__(name: str) -> Any:
    """Load a public name."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
