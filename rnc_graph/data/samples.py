"""A data set ready for training, of molecules or of images: its table, and what encoders take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from torch import Generator, Tensor

from rnc_graph.data.recipe import PreparedSplit, SplitRecipe
from rnc_graph.data.table import MoleculeTable
from rnc_graph.data.transforms import VIEWS, make_view
from rnc_graph.errors import BadValueError, UnknownNameError
from rnc_graph.vision.table import ImageTable
from rnc_graph.vision.transforms import IMAGE_VIEWS, make_image_view

InputKind = Literal["graphs", "images"]
"""What an encoder takes."""

SampleTable = MoleculeTable | ImageTable


class Store(Protocol):
    """N packed inputs: ``GraphDataset`` or ``PackedImages``."""

    def __len__(self) -> int:
        """Return N."""
        ...

    def batch(self, index: Tensor) -> Any:
        """Return the inputs of some rows (B,)."""
        ...


@dataclass(frozen=True)
class Samples:
    """N molecules or images, row by row the same.

    Attributes:
        table: what they are, and their targets.
        inputs: what encoders take of them.
        kind: of the inputs.
        groups: (C,) the group of each class, for targets that are classes of a hierarchy.
    """

    table: SampleTable
    inputs: Store
    kind: InputKind
    groups: tuple[int, ...] | None = None

    @property
    def classes(self) -> int | None:
        """C where the target is the number of a class, None where it is measured."""
        return len(classes_of(self.table)) or None

    def split(self, seed: int, recipe: SplitRecipe) -> PreparedSplit:
        """Divide them by a recipe, and standardize the targets by the training set."""
        return recipe.prepare(self.table, seed)


def classes_of(table: SampleTable) -> tuple[str, ...]:
    """Return the names of the classes that a table's target numbers, none for a measured one."""
    return table.classes if isinstance(table, ImageTable) else ()


class AnyView(Protocol):
    """What makes a view of a batch, of graphs or of images."""

    def __call__(self, batch: Any, generator: Generator) -> Any:
        """Return the view; ``batch`` itself stays as it is."""
        ...


def augmented_kind(options: Mapping[str, Any]) -> InputKind | None:
    """Return what augmentations are for, by their names; None without any.

    Raises:
        UnknownNameError: no augmentation has this name.
        RncGraphError: some are for graphs, others for images.
    """
    kinds: dict[InputKind, str] = {}
    for name in options:
        if name not in VIEWS.names() + IMAGE_VIEWS.names():
            raise UnknownNameError("augmentation", name, VIEWS.names() + IMAGE_VIEWS.names())
        kinds["graphs" if name in VIEWS.names() else "images"] = name
    if len(kinds) > 1:
        raise BadValueError(
            f"{kinds['graphs']!r} alters graphs and {kinds['images']!r} images: an encoder takes "
            "one of them"
        )
    return next(iter(kinds), None)


def make_augmentation(options: Mapping[str, Any]) -> AnyView | None:
    """Make a view from augmentations of graphs or of images, applied in order; None for none.

    Args:
        options: by name, as ``make_view`` and ``make_image_view`` take them.

    Raises:
        UnknownNameError: no augmentation has this name, or it has no such option.
        RncGraphError: the value of an option is wrong, or some are for graphs, others for images.
    """
    if augmented_kind(options) == "images":
        return make_image_view(options)
    return make_view(options)
