"""Superclasses, for rank-aware losses and for retrieval by group."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rnc_graph.errors import BadValueError

Hierarchy = Mapping[str, Sequence[str]]
"""The classes of each superclass, by name."""

FASHION_KINDS: Hierarchy = {
    "tops": ("T-shirt/top", "Pullover", "Coat", "Shirt"),
    "bottoms": ("Trouser",),
    "dresses": ("Dress",),
    "shoes": ("Sandal", "Sneaker", "Ankle boot"),
    "bags": ("Bag",),
}
"""Kinds of clothes in Fashion-MNIST."""

CIFAR100_SUPERCLASSES: Hierarchy = {
    "aquatic_mammals": ("beaver", "dolphin", "otter", "seal", "whale"),
    "fish": ("aquarium_fish", "flatfish", "ray", "shark", "trout"),
    "flowers": ("orchid", "poppy", "rose", "sunflower", "tulip"),
    "food_containers": ("bottle", "bowl", "can", "cup", "plate"),
    "fruit_and_vegetables": ("apple", "mushroom", "orange", "pear", "sweet_pepper"),
    "household_electrical_devices": ("clock", "keyboard", "lamp", "telephone", "television"),
    "household_furniture": ("bed", "chair", "couch", "table", "wardrobe"),
    "insects": ("bee", "beetle", "butterfly", "caterpillar", "cockroach"),
    "large_carnivores": ("bear", "leopard", "lion", "tiger", "wolf"),
    "large_man-made_outdoor_things": ("bridge", "castle", "house", "road", "skyscraper"),
    "large_natural_outdoor_scenes": ("cloud", "forest", "mountain", "plain", "sea"),
    "large_omnivores_and_herbivores": ("camel", "cattle", "chimpanzee", "elephant", "kangaroo"),
    "medium_mammals": ("fox", "porcupine", "possum", "raccoon", "skunk"),
    "non-insect_invertebrates": ("crab", "lobster", "snail", "spider", "worm"),
    "people": ("baby", "boy", "girl", "man", "woman"),
    "reptiles": ("crocodile", "dinosaur", "lizard", "snake", "turtle"),
    "small_mammals": ("hamster", "mouse", "rabbit", "shrew", "squirrel"),
    "trees": ("maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"),
    "vehicles_1": ("bicycle", "bus", "motorcycle", "pickup_truck", "train"),
    "vehicles_2": ("lawn_mower", "rocket", "streetcar", "tank", "tractor"),
}
"""The superclasses of CIFAR-100 (Krizhevsky, Learning Multiple Layers of Features from Tiny Images,
2009, chapter 3)."""


def superclass_of(classes: Sequence[str], hierarchy: Hierarchy) -> NDArray[np.int64]:
    """Return the only superclass of each class, (C,), numbered in the hierarchy's order."""
    number: dict[str, int] = {}
    for index, (name, members) in enumerate(hierarchy.items()):
        for member in members:
            if member in number:
                raise BadValueError(f"hierarchy: {member!r} is in {name!r} and in another one")
            number[member] = index
    missing = [name for name in classes if name not in number]
    if missing:
        raise BadValueError(f"hierarchy: {missing[0]!r} is in none of {', '.join(hierarchy)}")
    return np.array([number[name] for name in classes], dtype=np.int64)
