"""Where an experiment's data come from: a named dataset, a file, own graphs, or images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    PlainValidator,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    Tag,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from rnc_graph.data.catalog import dataset_card
from rnc_graph.data.inputs import DEPICTIONS, SOURCES, ImageSource, InputKind, Store
from rnc_graph.data.scaling import Transform
from rnc_graph.errors import MisfitError, did_you_mean
from rnc_graph.settings import Settings


def _different(targets: list[str]) -> list[str]:
    if len(set(targets)) < len(targets):
        raise ValueError(f"expected different columns, got {targets}")
    return targets


Targets = Annotated[list[str], Field(min_length=1), AfterValidator(_different)]


class CsvData(Settings):
    """A CSV file of the user's own."""

    path: Path = Field(description="from the working directory, unless it begins with /")
    name: str = Field("", description="what tables call it; the file's name by default")
    smiles: str = Field("smiles", description="the column of SMILES")
    targets: Targets = Field(description="the columns of measured values")
    unit: str = Field("", description="unit of the targets")
    missing: bool = Field(
        False, description="whether an empty cell of a target is a value that was not measured"
    )
    relation: dict[str, str] = Field(
        {}, description="by its target, the column that says =, < or >; cells such as >100 do too"
    )
    weight: str = Field("", description="the column of weights, in training")
    id: str = Field("", description="the column that names the rows in predictions.csv.gz")
    transform: Transform | dict[str, Transform] = Field(
        "none", description="of the targets before they are learned: none or log10; or by target"
    )

    @model_serializer(mode="wrap")
    def _as_before(self, serialized: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is not given, as specs were stored before there were these keys."""
        found: dict[str, Any] = serialized(self)
        for name in ("relation", "weight", "id", "transform"):
            if getattr(self, name) == type(self).model_fields[name].default:
                del found[name]
        return found

    @model_validator(mode="after")
    def _columns_fit(self) -> CsvData:
        by_target = {"relation": self.relation, "transform": self.transform}
        for key, given in by_target.items():
            for name in given if isinstance(given, dict) else ():
                if name not in self.targets:
                    raise MisfitError(
                        f"expected one of {', '.join(self.targets)}, got {name!r}", key
                    )
        if self.id in self.targets:
            raise MisfitError(f"expected a column that is no target, got {self.id!r}", "id")
        for key, names in {"weight": [self.weight], "relation": self.relation.values()}.items():
            for name in names:
                if name in (*self.targets, self.smiles):
                    raise MisfitError(
                        f"expected a column of neither a target nor the SMILES, got {name!r}", key
                    )
        return self

    @property
    def transforms(self) -> tuple[Transform, ...]:
        """The transform of each target; () for none."""
        given = self.transform
        by_name = given if isinstance(given, dict) else dict.fromkeys(self.targets, given)
        found = tuple(by_name.get(name, "none") for name in self.targets)
        return found if "log10" in found else ()


class GraphData(Settings):
    """Graphs of the user's own: ``{pyg: my_module.make_dataset}``.

    The module is imported by ``run`` and ``tune``, never by ``report``.
    """

    pyg: str = Field(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$",
        description="import path of a function that returns, or an object that is, a GraphDataset, "
        "a PyG dataset or a list of Data with y, or a dict of them by train, val and test",
    )
    arguments: dict[str, Any] = Field({}, description="of the function")
    name: str = Field("", description="what tables call it; the function's name by default")
    unit: str = Field("", description="unit of the targets")


class DrawingSpec(Settings):
    """How molecules are drawn for encoders of images."""

    size: int = Field(64, ge=16, le=2048, description="height and width in pixels")
    gray: bool = Field(False, description="one channel in place of three")
    line_width: int = Field(1, ge=1, le=100, description="of bonds, in pixels")

    @property
    def channels(self) -> int:
        """C."""
        return 1 if self.gray else 3

    def draw(self, smiles: list[str], source: str) -> Store:
        """Return the pictures of N SMILES, which error messages say are from ``source``."""
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
        raise PydanticCustomError("unknown_images", f"expected images to be one of {known}")
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
_NAMED, _CSV, _GRAPHS, _IMAGES = "a name", "a file", "own graphs", "a set of images"
SECTIONS: dict[str, type[Settings]] = {_CSV: CsvData, _GRAPHS: GraphData}
"""The kinds of sources that are mappings, by what pydantic's errors call them."""
BRANCHES = (_NAMED, *SECTIONS, _IMAGES)


def _branch(source: Any) -> str:
    """Return which of the kinds of sources is meant."""
    if isinstance(source, str):
        return _NAMED
    if isinstance(source, GraphData) or (isinstance(source, dict) and "pyg" in source):
        return _GRAPHS
    images = isinstance(source, dict) and "images" in source
    return _IMAGES if images or isinstance(source, ImageSource) else _CSV


DataSource = Annotated[
    Annotated[str, AfterValidator(_known), Tag(_NAMED)]
    | Annotated[CsvData, Tag(_CSV)]
    | Annotated[GraphData, Tag(_GRAPHS)]
    | Annotated[SerializeAsAny[ImageSource], PlainValidator(_images), Tag(_IMAGES)],
    Discriminator(_branch),
]
"""A named dataset, a file of molecules, graphs of the user's own, or a set of images."""

Source = str | CsvData | GraphData | ImageSource


def source_kind(source: Source) -> InputKind | None:
    """Return what a source holds; None for molecules, which are graphs and can be drawn."""
    if isinstance(source, ImageSource):
        return "images"
    return "graphs" if isinstance(source, GraphData) else None


def division_of(source: Source) -> str:
    """Return the split that is the same for all seeds, in words; "" where each seed draws one."""
    return source.published_split if isinstance(source, ImageSource) else ""


def source_name(source: Source) -> str:
    """Return the name of a dataset in tables."""
    if isinstance(source, str):
        return source
    if isinstance(source, CsvData):
        return source.name or source.path.stem
    if isinstance(source, GraphData):
        return source.name or source.pyg.rpartition(".")[2]
    return source.title
