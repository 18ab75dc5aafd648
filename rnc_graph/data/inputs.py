"""A dataset ready for training, of molecules or of images: its table, and what encoders take."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from pydantic import Field
from torch import Tensor

from rnc_graph.data.recipe import DatasetSplit, SplitRecipe
from rnc_graph.data.scaling import Transform
from rnc_graph.data.table import Table
from rnc_graph.data.transforms import VIEWS, Compose, View
from rnc_graph.errors import BadValueError
from rnc_graph.registry import Registry
from rnc_graph.settings import Settings

InputKind = Literal["graphs", "images"]
"""What an encoder takes."""


class Store(Protocol):
    """N packed inputs: ``GraphDataset`` or ``PackedImages``."""

    def __len__(self) -> int: ...

    def batch(self, index: Tensor) -> Any:
        """Return the inputs of some rows (B,)."""


class ImageStore(Store, Protocol):
    """N packed images of ``shape`` (C, H, W)."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of each image."""

    def take(self, rows: Tensor) -> ImageStore:
        """Return the images of some rows (M,)."""

    def digests(self) -> list[bytes]:
        """Return a digest of each image's pixels."""


@dataclass(frozen=True)
class InputDataset:
    """N molecules or images, row by row the same.

    Attributes:
        table: what they are, and their targets.
        inputs: what encoders take of them.
        kind: of the inputs.
        groups: (C,) the group of each class, for targets that are classes of a hierarchy.
        transforms: of the t targets before they are standardized; () for none.
    """

    table: Table
    inputs: Store
    kind: InputKind
    groups: tuple[int, ...] | None = None
    transforms: tuple[Transform, ...] = ()

    @property
    def classes(self) -> int | None:
        """C where the target is the number of a class, None where it is measured."""
        return len(self.table.classes) or None

    def split(self, seed: int, recipe: SplitRecipe) -> DatasetSplit:
        """Divide them by a recipe, and standardize the targets by the training set."""
        return recipe.split(self.table, seed, self.transforms)


class LoadedImages(Protocol):
    """N images with their targets: see ``rnc_graph.vision.ImageData``."""

    def __len__(self) -> int: ...

    @property
    def table(self) -> Table:
        """Names of the images and their targets."""

    @property
    def images(self) -> ImageStore:
        """The pixels."""

    @property
    def groups(self) -> tuple[int, ...] | None:
        """(C,) the group of each class, None without a hierarchy."""

    @property
    def skipped_text(self) -> str:
        """A message that lists the bad images left out, "" for none."""


class ImageSource(Settings):
    """A set of images as a spec describes it: ``{images: NAME, ...}``, NAME being one of SOURCES.

    A subclass has its options as fields, and is registered under the name.
    """

    images: str
    name: str = Field("", description="name of the dataset in tables; by default that of `images`")

    has_classes: ClassVar[bool] = True

    @property
    def title(self) -> str:
        """Name of the dataset in tables."""
        return self.name or self.images

    @property
    def published_split(self) -> str:
        """The split that is the same for all seeds, in words; "" where each seed draws one."""
        return f"the split that {self.title} comes with"

    def load(self, on_done: Callable[[int], None] = lambda images: None) -> LoadedImages:
        """Load the images.

        Args:
            on_done: called with the number of images done since the last call.

        Raises:
            RncGraphError: files are missing or bad; the message says how to get them.
        """
        raise NotImplementedError


SOURCES: Registry[ImageSource] = Registry("set of images", lazy=["rnc_graph.vision.sources"])


class Depiction(Protocol):
    """Draws molecules for encoders of images."""

    def draw(self, smiles: list[str], source: str) -> Store:
        """Return the pictures of N SMILES, which messages say are from ``source``.

        Raises:
            RncGraphError: a SMILES is not valid.
        """


DEPICTIONS: Registry[Depiction] = Registry("depiction", lazy=["rnc_graph.vision.depictions"])


def augmented_kind(options: Mapping[str, Any]) -> InputKind | None:
    """Return what augmentations are for, by their names; None without any.

    Raises as :func:`make_augmentation`.
    """
    kinds: dict[InputKind, str] = {
        getattr(VIEWS.get(name), "inputs", "graphs"): name for name in options
    }
    if len(kinds) > 1:
        raise BadValueError(
            f"{kinds['graphs']!r} alters graphs and {kinds['images']!r} images: an encoder takes "
            "one of them"
        )
    return next(iter(kinds), None)


def make_augmentation(options: Mapping[str, Any]) -> View | None:
    """Make a view from augmentations of graphs or of images, applied in order; None for none.

    Args:
        options: the options of each augmentation by its name; a number sets its first
            option, so that ``{"flip": 0.5}`` is ``{"flip": {"probability": 0.5}}``.

    Raises:
        UnknownNameError: no augmentation has this name, or it has no such option.
        RncGraphError: the value of an option is wrong, or some are for graphs, others for images.
    """
    if augmented_kind(options) is None:
        return None
    views = []
    for name, given in options.items():
        if isinstance(given, Mapping):
            views.append(VIEWS.make(name, **given))
        else:
            first = next(iter(inspect.signature(VIEWS.get(name)).parameters))
            views.append(VIEWS.make(name, **{first: given}))
    compose: type[Any] = getattr(views[0], "compose", Compose)
    view: View = compose(views)
    return view
