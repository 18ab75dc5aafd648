"""Where an experiment's data come from: a named set, a file of molecules, or images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from rnc_graph.data.cache import OnDone
from rnc_graph.data.catalog import dataset_card
from rnc_graph.experiments.spec.section import Section
from rnc_graph.vision import (
    CIFAR100_SUPERCLASSES,
    FASHION_KINDS,
    Decoding,
    Drawing,
    ImageData,
    folder_table,
    list_table,
    load_agedb,
    load_class_images,
    load_fashion_mnist,
    load_images,
    rotated_digits,
)
from rnc_graph.vision.hierarchies import Hierarchy
from rnc_graph.vision.table import PARTS


class CsvData(Section):
    """A CSV file of the user's own."""

    path: Path = Field(description="from the working directory, unless it begins with /")
    name: str = Field("", description="what tables call it; the file's name by default")
    smiles: str = Field("smiles", description="the column of SMILES")
    targets: list[str] = Field(
        min_length=1, max_length=1, description="the column of measured values: one, in a list"
    )
    unit: str = Field("", description="unit of the targets")


class AgeDBImages(Section):
    """AgeDB: faces and their ages, from a folder of the user's own."""

    images: Literal["agedb"]
    folder: Path = Field(description="of the images; from the working directory")
    split_table: Path | None = Field(
        None,
        description="a CSV of age, path and split, as published with AgeDB-DIR; without one the "
        "split is made anew by its rule",
    )
    split_seed: int = Field(0, ge=0, description="of a split made anew")
    size: int = Field(224, ge=16, description="height and width that images are decoded to")
    on_bad: Literal["raise", "skip"] = Field(
        "raise", description="what becomes of corrupt, missing and ageless images"
    )
    name: str = Field("agedb", min_length=1, description="what tables call it")

    @property
    def division(self) -> str:
        """How it is divided, the same way for all seeds."""
        own = "that its table gives" if self.split_table else "made by AgeDB-DIR's rule"
        return f"the split of {self.name} {own}"

    def load(self, on_done: OnDone = lambda images: None) -> ImageData:
        """Load the images, decoded on all cores and cached after.

        Args:
            on_done: told how many more images are done.

        Raises:
            RncGraphError: they are not there, or spoiled.
        """
        return load_agedb(
            self.folder,
            self.split_table,
            decoding=Decoding(self.size),
            on_bad=self.on_bad,
            seed=self.split_seed,
            jobs=os.cpu_count() or 1,
            on_done=on_done,
        )


class RotatedDigits(Section):
    """scikit-learn's digits, rotated; the target is the angle."""

    images: Literal["digits"]
    size: int = Field(32, ge=12, description="height and width")
    degrees: float = Field(60.0, gt=0, lt=90, description="the largest angle either way")
    angle_seed: int = Field(0, ge=0, description="of the angles")
    name: str = Field("digits", min_length=1, description="what tables call it")

    def load(self, on_done: OnDone = lambda images: None) -> ImageData:
        """Make the images; it takes a moment, of which nobody need be told."""
        return rotated_digits(self.size, degrees=self.degrees, seed=self.angle_seed)


class FashionMNIST(Section):
    """Fashion-MNIST: clothes of ten classes, from the IDX files of its authors."""

    images: Literal["fashion-mnist"]
    folder: Path | None = Field(
        None, description="of the four files; without one, where Debian's package puts them"
    )
    name: str = Field("fashion-mnist", min_length=1, description="what tables call it")

    @property
    def division(self) -> str:
        """How it is divided, the same way for all seeds."""
        return f"the split that {source_name(self)} comes with"

    def load(self, on_done: OnDone = lambda images: None) -> ImageData:
        """Load the images.

        Raises:
            RncGraphError: a file is missing or wrong; the message says how to get it.
        """
        return load_fashion_mnist(self.folder)

    @property
    def hierarchy(self) -> Hierarchy:
        """The kinds of clothes."""
        return FASHION_KINDS


class TorchvisionClasses(Section):
    """CIFAR-10, CIFAR-100 or STL10, as torchvision keeps them."""

    images: Literal["cifar10", "cifar100", "stl10"]
    folder: Path = Field(description="that the unpacked archive stands in")
    name: str = Field("", description="what tables call it; the set's name by default")

    @property
    def division(self) -> str:
        """How it is divided, the same way for all seeds."""
        return f"the split that {source_name(self)} comes with"

    def load(self, on_done: OnDone = lambda images: None) -> ImageData:
        """Load the images.

        Raises:
            RncGraphError: they are not there; the message says how to get them.
        """
        return load_class_images(self.images, self.folder)

    @property
    def hierarchy(self) -> Hierarchy | None:
        """CIFAR-100's superclasses; the others have none."""
        return CIFAR100_SUPERCLASSES if self.images == "cifar100" else None


class ClassFolders(Section):
    """Images of your own: a folder for each class, or lists of paths and class numbers."""

    images: Literal["folder"]
    folder: Path = Field(description="of the classes' folders, or that the lists' paths begin in")
    lists: dict[Literal["train", "val", "test"], Path] = Field(
        {}, description="a file of `path class` lines for each part, as ImageNet-LT's"
    )
    size: int = Field(224, ge=8, description="height and width that images are decoded to")
    gray: bool = Field(False, description="one channel in place of three")
    on_bad: Literal["raise", "skip"] = Field(
        "raise", description="what becomes of corrupt and missing images"
    )
    hierarchy: dict[str, list[str]] | None = Field(
        None, description="the classes of each group, for coarse retrieval"
    )
    name: str = Field("", description="what tables call it; the folder's name by default")

    @property
    def division(self) -> str:
        """How it is divided, the same way for all seeds; "" for anew by each seed."""
        given = self.lists or any((self.folder / part).is_dir() for part in PARTS)
        return f"the split that {source_name(self)} comes with" if given else ""

    def load(self, on_done: OnDone = lambda images: None) -> ImageData:
        """Load the images, decoded on all cores and cached after.

        Args:
            on_done: told how many more images are done.

        Raises:
            RncGraphError: they are not there, or spoiled.
        """
        table = (
            list_table({str(part): path for part, path in self.lists.items()}, self.folder)
            if self.lists
            else folder_table(self.folder)
        )
        jobs = os.cpu_count() or 1
        decoding = Decoding(self.size, self.gray)
        return load_images(table, decoding, on_bad=self.on_bad, jobs=jobs, on_done=on_done)


ClassSource = FashionMNIST | TorchvisionClasses | ClassFolders
"""A set of images whose targets are classes."""

ImageSource = AgeDBImages | RotatedDigits | FashionMNIST | TorchvisionClasses | ClassFolders
"""A set of images."""


class DrawingSpec(Section):
    """How molecules are drawn for encoders of images."""

    size: int = Field(64, description="height and width in pixels")
    gray: bool = Field(False, description="one channel in place of three")
    line_width: int = Field(1, description="of bonds, in pixels")

    @model_validator(mode="after")
    def _can_be_drawn(self) -> DrawingSpec:
        self.drawing()
        return self

    def drawing(self) -> Drawing:
        """Return what draws."""
        return Drawing(self.size, self.gray, self.line_width)


def _known(name: str) -> str:
    dataset_card(name)
    return name


# With blanks, so that no key of a file is called the same.
_NAMED, _CSV, _CLASSES = "a name", "a file", "images of torchvision"
_AGEDB, _DIGITS, _FASHION, _FOLDER = (
    f"images {kind}" for kind in ("agedb", "digits", "fashion-mnist", "folder")
)
SECTIONS: dict[str, type[Section]] = {
    _CSV: CsvData,
    _AGEDB: AgeDBImages,
    _DIGITS: RotatedDigits,
    _FASHION: FashionMNIST,
    _CLASSES: TorchvisionClasses,
    _FOLDER: ClassFolders,
}
"""The kinds of sources that are mappings, by what pydantic's errors call them."""
BRANCHES = (_NAMED, *SECTIONS)

# By what stands at `images`.
_OF_IMAGES = {
    kind: branch
    for branch, section in SECTIONS.items()
    if "images" in section.model_fields
    for kind in get_args(section.model_fields["images"].annotation)
}


def _branch(source: Any) -> str | None:
    """Say which of the kinds of sources is meant, None for none of them."""
    if isinstance(source, str):
        return _NAMED
    images = source.get("images") if isinstance(source, dict) else getattr(source, "images", None)
    return _CSV if images is None else _OF_IMAGES.get(str(images))


DataSource = Annotated[
    Annotated[str, AfterValidator(_known), Tag(_NAMED)]
    | Annotated[CsvData, Tag(_CSV)]
    | Annotated[AgeDBImages, Tag(_AGEDB)]
    | Annotated[RotatedDigits, Tag(_DIGITS)]
    | Annotated[FashionMNIST, Tag(_FASHION)]
    | Annotated[TorchvisionClasses, Tag(_CLASSES)]
    | Annotated[ClassFolders, Tag(_FOLDER)],
    Discriminator(
        _branch,
        custom_error_type="unknown_images",
        custom_error_message=f"images must be one of {', '.join(sorted(_OF_IMAGES))}",
    ),
]
"""A named data set, a file of molecules, or a set of images."""


def division_of(source: str | CsvData | ImageSource) -> str:
    """Return how a data set is divided for all seeds alike, "" where each has its own split."""
    found: str = getattr(source, "division", "")
    return found


def source_name(source: str | CsvData | ImageSource) -> str:
    """Return what tables call a data set."""
    if isinstance(source, str):
        return source
    if isinstance(source, CsvData):
        return source.name or source.path.stem
    if isinstance(source, ClassFolders):
        return source.name or source.folder.name
    return source.name or source.images
