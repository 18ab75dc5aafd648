"""The sets of images by the names that specs give them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from joblib import cpu_count
from pydantic import Field

from rnc_graph.data.bad import BadRow
from rnc_graph.data.cache import OnDone
from rnc_graph.data.inputs import SOURCES, ImageSource
from rnc_graph.errors import MissingFileError
from rnc_graph.vision.agedb import agedb_table
from rnc_graph.vision.class_sets import load_class_images, load_fashion_mnist
from rnc_graph.vision.data import SETS, ImageData, ImageTable, load_images
from rnc_graph.vision.decoding import Decoding
from rnc_graph.vision.digits import rotated_digits
from rnc_graph.vision.folders import folder_table, list_table
from rnc_graph.vision.hierarchies import CIFAR100_SUPERCLASSES, FASHION_KINDS
from rnc_graph.vision.value_tables import value_table


class ImageFiles(ImageSource):
    """Images in files of the user's own."""

    folder: Path = Field(description="of the images; from the working directory")
    size: int = Field(224, ge=8, le=4096, description="height and width after decoding")
    on_bad: Literal["raise", "skip"] = Field(
        "raise", description="what to do with corrupt and missing images"
    )
    samples: int | None = Field(
        None, ge=10, description="decode no more of them, evenly spaced; all by default"
    )
    how_to_get: str = Field("", description="what to do if files are missing, for the message")

    def listed(self) -> tuple[ImageTable, Sequence[BadRow]]:
        """Return the images and their targets, and the bad ones left out; none is opened."""
        raise NotImplementedError

    def decoding(self) -> Decoding:
        """Return how files become images."""
        return Decoding(self.size)

    def load(self, on_done: OnDone = lambda images: None) -> ImageData:
        """Load the images, decoded on all cores and cached after."""
        try:
            table, bad = self.listed()
        except MissingFileError as error:
            raise MissingFileError(
                "; ".join(filter(None, (str(error), self.how_to_get)))
            ) from error
        options: Any = {"on_bad": self.on_bad, "jobs": cpu_count(), "on_done": on_done}
        return load_images(table.spaced(self.samples), self.decoding(), bad, **options)


@SOURCES.register("agedb")
class AgeDBImages(ImageFiles):
    """AgeDB: faces and their ages."""

    split_table: Path | None = Field(
        None,
        description="a CSV of age, path and split, as published with AgeDB-DIR; without one the "
        "split is drawn by its rule",
    )
    split_seed: int = Field(0, ge=0, description="of a split that is drawn")

    has_classes: ClassVar[bool] = False

    @property
    def published_split(self) -> str:
        """The split of all seeds, in words."""
        own = "that its table gives" if self.split_table else "made by AgeDB-DIR's rule"
        return f"the split of {self.title} {own}"

    def listed(self) -> tuple[ImageTable, Sequence[BadRow]]:
        """Return the images and their ages, and those left out."""
        seed = self.split_seed
        return agedb_table(self.folder, self.split_table, on_bad=self.on_bad, seed=seed)


@SOURCES.register("table")
class TableImages(ImageFiles):
    """Images with continuous targets that a CSV lists."""

    table: Path = Field(description="a CSV with a row for each image")
    targets: list[str] = Field(min_length=1, description="the columns of values")
    path: str = Field("path", description="the column of paths, which begin in the folder")
    split: str = Field(
        "split", description="the column of train, val or test; empty for a split by each seed"
    )
    unit: str = Field("", description="unit of the targets")

    has_classes: ClassVar[bool] = False

    @property
    def title(self) -> str:
        """Name of the dataset in tables; the table's by default."""
        return self.name or self.table.stem

    @property
    def published_split(self) -> str:
        """The split of all seeds, in words; "" where each seed draws one."""
        return f"the split of {self.title} that its table gives" if self.split else ""

    def listed(self) -> tuple[ImageTable, Sequence[BadRow]]:
        """Return the images and their targets, and those that are missing."""
        columns = {"image": self.path, "split": self.split, "unit": self.unit}
        return value_table(self.folder, self.table, self.targets, **columns)


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
    size: int | None = Field(
        None, ge=8, le=4096, description="height and width to resize to; their own by default"
    )
    samples: int | None = Field(
        None, ge=10, description="take no more of them, evenly spaced; all by default"
    )

    def load(self, on_done: OnDone = lambda images: None) -> ImageData:
        """Load the images, those of CIFAR-100 grouped by its superclasses."""
        data = load_class_images(self.images, self.folder, size=self.size, samples=self.samples)
        return data.grouped(CIFAR100_SUPERCLASSES) if self.images == "cifar100" else data


@SOURCES.register("folder")
class ClassFolders(ImageFiles):
    """Images of the user's own: a folder for each class, or lists of paths and class indices."""

    lists: dict[Literal["train", "val", "test"], Path] = Field(
        {}, description="a file of `path class` lines for each set, as ImageNet-LT's"
    )
    gray: bool = Field(False, description="one channel in place of three")
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

    def listed(self) -> tuple[ImageTable, Sequence[BadRow]]:
        """Return the images and their classes."""
        if not self.lists:
            return folder_table(self.folder), ()
        table = list_table({str(name): path for name, path in self.lists.items()}, self.folder)
        if not any(Path(image).is_file() for image in table.images):
            raise MissingFileError(
                f"{self.folder}: has none of {len(table)} images; the first, "
                f"{table.images[0]!r}, is missing"
            )
        return table, ()

    def decoding(self) -> Decoding:
        """Return how files become images."""
        return Decoding(self.size, self.gray)

    def load(self, on_done: OnDone = lambda images: None) -> ImageData:
        """Load the images, decoded on all cores and cached after."""
        data = super().load(on_done)
        return data.grouped(self.hierarchy) if self.hierarchy else data
