"""Images: tables, the packed store and its cache, views, and the sets that are known.

A name is loaded when it is asked for: the processes that only decode need no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnc_graph.vision.agedb import agedb_table, balanced_parts, load_agedb
    from rnc_graph.vision.bad import BadImage
    from rnc_graph.vision.data import ImageData, load_images
    from rnc_graph.vision.decoding import Decoding, decoded_images
    from rnc_graph.vision.depictions import Drawing, depict
    from rnc_graph.vision.digits import rotated_digits
    from rnc_graph.vision.encoders import (
        ImageEncoder,
        ResNet8,
        ResNet18,
        ResNet50,
        load_checkpoint,
    )
    from rnc_graph.vision.fashion_mnist import load_fashion_mnist
    from rnc_graph.vision.folders import folder_table, list_table
    from rnc_graph.vision.hierarchies import (
        CIFAR100_SUPERCLASSES,
        FASHION_KINDS,
        superclass_of,
    )
    from rnc_graph.vision.store import PackedImages, packed_array, packed_images
    from rnc_graph.vision.table import ImageTable
    from rnc_graph.vision.torchvision_sets import load_class_images

_ROOMS = {
    "BadImage": "bad",
    "CIFAR100_SUPERCLASSES": "hierarchies",
    "Decoding": "decoding",
    "Drawing": "depictions",
    "FASHION_KINDS": "hierarchies",
    "ImageData": "data",
    "ImageEncoder": "encoders",
    "ImageTable": "table",
    "PackedImages": "store",
    "ResNet8": "encoders",
    "ResNet18": "encoders",
    "ResNet50": "encoders",
    "agedb_table": "agedb",
    "balanced_parts": "agedb",
    "decoded_images": "decoding",
    "depict": "depictions",
    "folder_table": "folders",
    "list_table": "folders",
    "load_agedb": "agedb",
    "load_checkpoint": "encoders",
    "load_class_images": "torchvision_sets",
    "load_fashion_mnist": "fashion_mnist",
    "load_images": "data",
    "packed_array": "store",
    "packed_images": "store",
    "rotated_digits": "digits",
    "superclass_of": "hierarchies",
}

__all__ = [
    "CIFAR100_SUPERCLASSES",
    "FASHION_KINDS",
    "BadImage",
    "Decoding",
    "Drawing",
    "ImageData",
    "ImageEncoder",
    "ImageTable",
    "PackedImages",
    "ResNet8",
    "ResNet18",
    "ResNet50",
    "agedb_table",
    "balanced_parts",
    "decoded_images",
    "depict",
    "folder_table",
    "list_table",
    "load_agedb",
    "load_checkpoint",
    "load_class_images",
    "load_fashion_mnist",
    "load_images",
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
