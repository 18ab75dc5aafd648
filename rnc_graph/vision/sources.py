"""The sets of images by the names that specs give them."""

import os
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from rnc_graph.data.cache import OnDone
from rnc_graph.data.samples import SOURCES, ImageSource
from rnc_graph.vision.agedb import load_agedb
from rnc_graph.vision.class_sets import load_class_images, load_fashion_mnist
from rnc_graph.vision.data import SETS, ImageData, load_images
from rnc_graph.vision.decoding import Decoding
from rnc_graph.vision.digits import rotated_digits
from rnc_graph.vision.folders import folder_table, list_table
from rnc_graph.vision.hierarchies import CIFAR100_SUPERCLASSES, FASHION_KINDS


@SOURCES.register("agedb")
class AgeDBImages(ImageSource):
    """AgeDB: faces and their ages, from a folder of the user's own."""

    folder: Path = Field(description="of the images; from the working directory")
    split_table: Path | None = Field(
        None,
        description="a CSV of age, path and split, as published with AgeDB-DIR; without one the "
        "split is drawn by its rule",
    )
    split_seed: int = Field(0, ge=0, description="of a split that is drawn")
    size: int = Field(224, ge=16, le=4096, description="height and width after decoding")
    on_bad: Literal["raise", "skip"] = Field(
        "raise", description="what to do with corrupt, missing and ageless images"
    )

    has_classes: ClassVar[bool] = False

    @property
    def published_split(self) -> str:
        """The split of all seeds, in words."""
        own = "that its table gives" if self.split_table else "made by AgeDB-DIR's rule"
        return f"the split of {self.title} {own}"

    def load(self, on_done: OnDone = lambda images: None) -> ImageData:
        """Load the images, decoded on all cores and cached after."""
        options: Any = {"on_bad": self.on_bad, "jobs": os.cpu_count() or 1, "on_done": on_done}
        decoding, seed = Decoding(self.size), self.split_seed
        return load_agedb(self.folder, self.split_table, decoding=decoding, seed=seed, **options)


@SOURCES.register("digits")
class RotatedDigits(ImageSource):
    """scikit-learn's digits, rotated; the target is the angle."""

    size: int = Field(32, ge=12, le=4096, description="height and width")
    degrees: float = Field(60.0, gt=0, lt=90, description="the largest angle either way")
    angle_seed: int = Field(0, ge=0, description="of the angles")

    has_classes: ClassVar[bool] = False

    @property
    def published_split(self) -> str:
        """None: each seed draws a split."""
        return ""

    def load(self, on_done: OnDone = lambda images: None) -> ImageData:
        """Make the images."""
        return rotated_digits(self.size, degrees=self.degrees, seed=self.angle_seed)


@SOURCES.register("fashion-mnist")
class FashionMNIST(ImageSource):
    """Fashion-MNIST: clothes of ten classes, from the IDX files of its authors."""

    folder: Path | None = Field(
        None, description="of the four files; without one, where Debian's package puts them"
    )

    def load(self, on_done: OnDone = lambda images: None) -> ImageData:
        """Load the images, grouped by the kinds of clothes."""
        return load_fashion_mnist(self.folder).grouped(FASHION_KINDS)


@SOURCES.register("cifar10")
@SOURCES.register("cifar100")
@SOURCES.register("stl10")
class TorchvisionClasses(ImageSource):
    """CIFAR-10, CIFAR-100 or STL10, as torchvision keeps them."""

    folder: Path = Field(description="that the unpacked archive is in")

    def load(self, on_done: OnDone = lambda images: None) -> ImageData:
        """Load the images, those of CIFAR-100 grouped by its superclasses."""
        data = load_class_images(self.images, self.folder)
        return data.grouped(CIFAR100_SUPERCLASSES) if self.images == "cifar100" else data


@SOURCES.register("folder")
class ClassFolders(ImageSource):
    """Images of the user's own: a folder for each class, or lists of paths and class indices."""

    folder: Path = Field(description="of the classes' folders, or that the lists' paths begin in")
    lists: dict[Literal["train", "val", "test"], Path] = Field(
        {}, description="a file of `path class` lines for each set, as ImageNet-LT's"
    )
    size: int = Field(224, ge=8, le=4096, description="height and width after decoding")
    gray: bool = Field(False, description="one channel in place of three")
    on_bad: Literal["raise", "skip"] = Field(
        "raise", description="what to do with corrupt and missing images"
    )
    hierarchy: dict[str, list[str]] | None = Field(
        None, description="the classes of each group, for coarse retrieval"
    )

    @property
    def title(self) -> str:
        """Name of the dataset in tables; the folder's by default."""
        return self.name or self.folder.name

    @property
    def published_split(self) -> str:
        """The split of the lists or folders, in words; "" where each seed draws one."""
        given = self.lists or any((self.folder / subset).is_dir() for subset in SETS)
        return f"the split that {self.title} comes with" if given else ""

    def load(self, on_done: OnDone = lambda images: None) -> ImageData:
        """Load the images, decoded on all cores and cached after."""
        lists = {str(name): path for name, path in self.lists.items()}
        table = list_table(lists, self.folder) if lists else folder_table(self.folder)
        options: Any = {"on_bad": self.on_bad, "jobs": os.cpu_count() or 1, "on_done": on_done}
        data = load_images(table, Decoding(self.size, self.gray), **options)
        return data.grouped(self.hierarchy) if self.hierarchy else data
