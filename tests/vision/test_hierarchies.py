import numpy as np
import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.vision import CIFAR100_SUPERCLASSES, FASHION_KINDS, superclass_of
from rnc_graph.vision.class_sets import FASHION_CLASSES


def test_hierarchies_hold_each_class_once() -> None:
    fine = sorted(name for members in CIFAR100_SUPERCLASSES.values() for name in members)
    assert len(set(fine)) == 100
    assert np.bincount(superclass_of(fine, CIFAR100_SUPERCLASSES)).tolist() == [5] * 20
    kinds = superclass_of(FASHION_CLASSES, FASHION_KINDS)
    assert kinds.tolist() == [0, 1, 0, 2, 0, 3, 0, 3, 4, 3]
    with pytest.raises(RncGraphError, match="'Hat' is in none of tops, bottoms"):
        superclass_of(["Hat"], FASHION_KINDS)
    with pytest.raises(RncGraphError, match="'a' is in 'y' and in another"):
        superclass_of(["a"], {"x": ["a"], "y": ["a"]})
