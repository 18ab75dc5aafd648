"""Images: tables, packed pixels, transforms, encoders, and known sets. An optional part.

No other part of the package imports it: its encoders, transforms and sets are in the registries,
which load it for a name they do not know. A name of this package is loaded when it is used, so that
processes that only decode images need no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnc_graph.vision.agedb import agedb_table, balanced_split
    from rnc_graph.vision.checkpoints import load_checkpoint
    from rnc_graph.vision.class_sets import load_class_images, load_fashion_mnist
    from rnc_graph.vision.data import ImageData, ImageTable, decoded_images, load_images
    from rnc_graph.vision.decoding import Decoding
    from rnc_graph.vision.depictions import depict
    from rnc_graph.vision.digits import rotated_digits
    from rnc_graph.vision.drawing import Drawing
    from rnc_graph.vision.encoders import ImageEncoder, ResNet8, ResNet18, ResNet50
    from rnc_graph.vision.folders import folder_table, list_table
    from rnc_graph.vision.hierarchies import CIFAR100_SUPERCLASSES, FASHION_KINDS, superclass_of
    from rnc_graph.vision.store import PackedImages, packed_array, packed_images
    from rnc_graph.vision.value_tables import value_table

_MODULES = {
    "agedb": "agedb_table balanced_split",
    "checkpoints": "load_checkpoint",
    "class_sets": "load_class_images load_fashion_mnist",
    "data": "ImageData ImageTable decoded_images load_images",
    "decoding": "Decoding",
    "depictions": "depict",
    "digits": "rotated_digits",
    "drawing": "Drawing",
    "encoders": "ImageEncoder ResNet8 ResNet18 ResNet50",
    "folders": "folder_table list_table",
    "hierarchies": "CIFAR100_SUPERCLASSES FASHION_KINDS superclass_of",
    "store": "PackedImages packed_array packed_images",
    "value_tables": "value_table",
}

__all__ = [
    "CIFAR100_SUPERCLASSES", "FASHION_KINDS", "Decoding", "Drawing", "ImageData",
    "ImageEncoder", "ImageTable", "PackedImages", "ResNet8", "ResNet18", "ResNet50", "agedb_table",
    "balanced_split", "decoded_images", "depict", "folder_table", "list_table",
    "load_checkpoint", "load_class_images", "load_fashion_mnist", "load_images", "packed_array",
    "packed_images", "rotated_digits", "superclass_of", "value_table",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load a public name."""
    for module, names in _MODULES.items():
        if name in names.split():
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
