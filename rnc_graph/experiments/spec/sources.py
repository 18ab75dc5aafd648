"""Where an experiment's data come from: a named set, a file of molecules, or images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    PlainValidator,
    SerializeAsAny,
    Tag,
    ValidationError,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from rnc_graph.data.catalog import dataset_card
from rnc_graph.data.samples import DEPICTIONS, SOURCES, ImageSource, Store
from rnc_graph.errors import did_you_mean
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


class DrawingSpec(Section):
    """How molecules are drawn for encoders of images."""

    size: int = Field(64, ge=16, description="height and width in pixels")
    gray: bool = Field(False, description="one channel in place of three")
    line_width: int = Field(1, ge=1, description="of bonds, in pixels")

    @property
    def channels(self) -> int:
        """C."""
        return 1 if self.gray else 3

    def draw(self, smiles: list[str], source: str) -> Store:
        """Return the pictures of N SMILES.

        Args:
            smiles: N SMILES.
            source: where they are from, for error messages.

        Raises:
            RncGraphError: a SMILES is not valid.
        """
        return DEPICTIONS.make("rdkit", **self.model_dump()).draw(smiles, source)


def _known(name: str) -> str:
    dataset_card(name)
    return name


def _images(source: Any) -> ImageSource:
    """Return the set of images that a mapping describes."""
    if isinstance(source, ImageSource):
        return source
    if source["images"] not in SOURCES.names():
        known = ", ".join(SOURCES.names())
        raise PydanticCustomError("unknown_images", f"images must be one of {known}")
    section: Any = SOURCES.get(source["images"])
    fields = sorted(section.model_fields)
    unknown = [key for key in source if key not in fields]
    if unknown:
        errors = [
            InitErrorDetails(
                type=PydanticCustomError(
                    "value_error",
                    f"unknown key; known here: {', '.join(fields)}{did_you_mean(key, fields)}",
                ),
                loc=(key,),
                input=source[key],
            )
            for key in unknown
        ]
        raise ValidationError.from_exception_data("images", errors)
    images: ImageSource = section.model_validate(source)
    return images


# With blanks, so that no key of a file is called the same.
_NAMED, _CSV, _IMAGES = "a name", "a file", "a set of images"
SECTIONS: dict[str, type[Section]] = {_CSV: CsvData}
"""The kinds of sources that are mappings, by what pydantic's errors call them."""
BRANCHES = (_NAMED, _CSV, _IMAGES)


def _branch(source: Any) -> str:
    """Say which of the kinds of sources is meant."""
    if isinstance(source, str):
        return _NAMED
    images = isinstance(source, dict) and "images" in source
    return _IMAGES if images or isinstance(source, ImageSource) else _CSV


DataSource = Annotated[
    Annotated[str, AfterValidator(_known), Tag(_NAMED)]
    | Annotated[CsvData, Tag(_CSV)]
    | Annotated[SerializeAsAny[ImageSource], PlainValidator(_images), Tag(_IMAGES)],
    Discriminator(_branch),
]
"""A named data set, a file of molecules, or a set of images."""


def division_of(source: str | CsvData | ImageSource) -> str:
    """Return how a data set is divided for all seeds alike, "" where each has its own split."""
    return source.published_split if isinstance(source, ImageSource) else ""


def source_name(source: str | CsvData | ImageSource) -> str:
    """Return what tables call a data set."""
    if isinstance(source, str):
        return source
    if isinstance(source, CsvData):
        return source.name or source.path.stem
    return source.title
