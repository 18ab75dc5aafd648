"""Where an experiment's data come from: a named set, a file of molecules, or images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from rnc_graph.data.cache import OnDone
from rnc_graph.data.catalogue import dataset_card
from rnc_graph.data.images import Decoding, Drawing, ImageData, load_agedb, rotated_digits
from rnc_graph.experiments.spec.section import Section


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
    bad: Literal["refuse", "skip"] = Field(
        "refuse", description="what becomes of corrupt, missing and ageless images"
    )
    name: str = Field("agedb", min_length=1, description="what tables call it")

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
            bad=self.bad,
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


ImageSource = AgeDBImages | RotatedDigits
"""A set of images."""


class DrawingSpec(Section):
    """How molecules are drawn for encoders of images."""

    size: int = Field(64, description="height and width in pixels")
    grey: bool = Field(False, description="one channel in place of three")
    line_width: int = Field(1, description="of bonds, in pixels")

    @model_validator(mode="after")
    def _can_be_drawn(self) -> DrawingSpec:
        self.drawing()
        return self

    def drawing(self) -> Drawing:
        """Return what draws."""
        return Drawing(self.size, self.grey, self.line_width)


def _known(name: str) -> str:
    dataset_card(name)
    return name


# With blanks, so that no key of a file is called the same.
_NAMED, _CSV, _AGEDB, _DIGITS = "a name", "a file", "images agedb", "images digits"
SECTIONS: dict[str, type[Section]] = {
    _CSV: CsvData,
    _AGEDB: AgeDBImages,
    _DIGITS: RotatedDigits,
}
"""The kinds of sources that are mappings, by what pydantic's errors call them."""
BRANCHES = (_NAMED, *SECTIONS)


def _branch(source: Any) -> str:
    """Say which of the kinds of sources is meant."""
    if isinstance(source, str):
        return _NAMED
    images = source.get("images") if isinstance(source, dict) else getattr(source, "images", None)
    return _CSV if images is None else f"images {images}"


DataSource = Annotated[
    Annotated[str, AfterValidator(_known), Tag(_NAMED)]
    | Annotated[CsvData, Tag(_CSV)]
    | Annotated[AgeDBImages, Tag(_AGEDB)]
    | Annotated[RotatedDigits, Tag(_DIGITS)],
    Discriminator(
        _branch,
        custom_error_type="unknown_images",
        custom_error_message="images must be agedb or digits",
    ),
]
"""A named data set, a file of molecules, or a set of images."""


def source_name(source: str | CsvData | ImageSource) -> str:
    """Return what tables call a data set."""
    if isinstance(source, str):
        return source
    return source.name or source.path.stem if isinstance(source, CsvData) else source.name
