"""An experiment: a typed spec, checked to the last key."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from rnc_graph.data import MoleculeTable, load_dataset, read_table
from rnc_graph.data.catalogue import dataset_card
from rnc_graph.data.samples import InputKind, augmented_kind
from rnc_graph.encoders import ENCODERS
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments.baselines import check_baselines
from rnc_graph.experiments.spec.grid import expanded, matches
from rnc_graph.experiments.spec.method import Condition, Method, Place
from rnc_graph.experiments.spec.search import SearchSpec
from rnc_graph.experiments.spec.section import Section
from rnc_graph.experiments.spec.sections import (
    AxisValue,
    Part,
    PretrainingSpec,
    RegressionSpec,
    RepresentationSpec,
    SplitSpec,
    Tracking,
)
from rnc_graph.experiments.spec.sources import (
    ClassSource,
    CsvData,
    DataSource,
    DrawingSpec,
    ImageSource,
    source_name,
)
from rnc_graph.own_modules import read_module
from rnc_graph.training import Optimisation


def _loaded(path: Path) -> Path:
    read_module(path).load()
    return path


def _listed(seeds: Any) -> Any:
    is_count = isinstance(seeds, int) and not isinstance(seeds, bool)
    return list(range(seeds)) if is_count else seeds


def _distinct(seeds: list[int]) -> list[int]:
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"a seed stands twice: {seeds}")
    return seeds


def _as_list(data: Any) -> Any:
    return data if isinstance(data, list) else [data]


Seeds = Annotated[
    list[Annotated[int, Field(ge=0, lt=2**32)]],
    Field(min_length=1),
    BeforeValidator(_listed),
    AfterValidator(_distinct),
]


class Experiment(Section):
    """A grid of runs: data sets x splits x encoders x methods x seeds.

    ``grid`` and ``include`` of a file are spelt out as ``methods`` and ``splits``. A method without
    stage 1 (``pretraining: null``) that names no epochs of its own is trained for the epochs of
    both stages together, if another method has a stage 1.
    """

    # First: the parts that they register are named further down.
    modules: list[Annotated[Path, AfterValidator(_loaded)]] = Field(
        [],
        description="Python files that register parts of your own; from the working directory, "
        "unless they begin with /",
    )
    name: str = Field(pattern=r"^\w[\w.-]*$", description="letters, digits, '_', '.', '-'")
    title: str = ""
    data: Annotated[list[DataSource], Field(min_length=1), BeforeValidator(_as_list)]
    drawing: DrawingSpec = Field(
        DrawingSpec(), description="how molecules are drawn for encoders of images"
    )
    split: SplitSpec = SplitSpec()
    splits: dict[str, SplitSpec] = Field(
        {}, description="ways to divide each data set, by name; only `split` by default"
    )
    seeds: dict[str, Seeds] = Field(
        description="split seeds by encoder; one list is for all, and a number n is 0 .. n - 1"
    )
    encoders: dict[str, dict[str, Any]] = Field(min_length=1, description="options by name")
    pretraining: PretrainingSpec = PretrainingSpec()
    regression: RegressionSpec = RegressionSpec()
    methods: list[Method] = Field(min_length=1)
    baselines: list[str] = Field([])
    exclude: list[Condition] = Field([], description="places on the axes that are not run")
    reference: str = Field(description="the method that the others are compared with")
    ranked: bool = Field(False, description="sort the rows of a table by their error")
    one_table: bool = Field(
        False,
        description="rows of all encoders in one table; each method is then of one encoder, by "
        "`only: {encoder: NAME}`",
    )
    representation: RepresentationSpec | None = None
    evaluate: Literal["test", "validation"] = Field(
        "test",
        description="validation leaves the test part untouched, for choosing between methods",
    )
    molecules: int | None = Field(
        None, ge=10, description="take no more of each data set, evenly spaced; to try a spec out"
    )
    search: SearchSpec | None = Field(None, description="what `rnc-graph tune` searches")
    tracking: Tracking = Field(
        {}, description="tensorboard, wandb, mlflow: who else is told of each epoch"
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_methods(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        raw = expanded(dict(raw))
        if isinstance(raw.get("seeds"), int | list) and isinstance(raw.get("encoders"), dict):
            raw["seeds"] = dict.fromkeys(raw["encoders"], raw["seeds"])
        if isinstance(raw.get("methods"), list):
            raw["methods"] = _filled_in(raw["methods"], raw)
        if not raw.get("splits"):
            raw["splits"] = {"": raw.get("split", {})}
        return raw

    @field_validator("encoders")
    @classmethod
    def _encoders_can_be_made(
        cls, encoders: dict[str, dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        for name, options in encoders.items():
            Part(name=name, **options).identity(ENCODERS)
            ENCODERS.make(name, **options)
        return encoders

    @model_validator(mode="after")
    def _names_fit(self) -> Experiment:
        for source in self.data:
            published = (
                dataset_card(source).published_predictions if isinstance(source, str) else {}
            )
            check_baselines(self.baselines, published, images=isinstance(source, ImageSource))
        names = [method.name for method in self.methods] + self.baselines
        if len(set(names)) < len(names):
            raise ValueError(f"two rows share a name: {', '.join(names)}")
        sources = [source_name(source) for source in self.data]
        if len(set(sources)) < len(sources):
            raise ValueError(f"two data sets share a name: {', '.join(sources)}")
        methods = names[: len(self.methods)]
        for reference in [self.reference, *(method.reference for method in self.methods)]:
            if reference is not None and reference not in methods:
                raise ValueError(f"reference {reference!r} is none of the methods: {methods}")
        if set(self.seeds) != set(self.encoders):
            raise ValueError(
                f"seeds are given for {list(self.seeds)}, the encoders are {list(self.encoders)}"
            )
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> Experiment:
        for name, split in self.splits.items():
            if split.test == 0:
                raise ValueError(f"split {name!r} leaves no test part; the least share is above 0")
            if split.unseen is not None and self.evaluate == "validation":
                raise ValueError(
                    f"split {name!r}: only the test part has unseen labels, so evaluate: "
                    "validation has nothing to show"
                )
        return self

    @model_validator(mode="after")
    def _inputs_fit(self) -> Experiment:
        """Check that encoders, data and augmentations are all for graphs, or all for images."""
        images = [source_name(source) for source in self.data if isinstance(source, ImageSource)]
        graphs = [name for name in self.encoders if self.kind_of(name) == "graphs"]
        classes = [source_name(source) for source in self.data if isinstance(source, ClassSource)]
        if 0 < len(classes) < len(self.data):
            raise ValueError(
                f"data: the targets of {classes[0]!r} are classes, those of others are measured; "
                "their scores have nothing in common, so make it two experiments"
            )
        outside = self.representation.outside if self.representation else None
        if images and outside is not None and not isinstance(outside, ImageSource):
            raise ValueError(
                f"representation.outside: {source_name(outside)!r} is of molecules, and "
                f"{images[0]!r} of images"
            )
        for place in self.places():
            if place.data in images and place.encoder in graphs:
                raise ValueError(
                    f"encoder {place.encoder!r} takes graphs, and {place.data!r} is of images"
                )
            stages = (place.method.pretraining, place.method.regression)
            altered = [stage.augmentation for stage in stages if stage is not None]
            altered.append(self.splits[place.split].graph_noise)
            for options in altered:
                if augmented_kind(options) not in (None, self.kind_of(place.encoder)):
                    raise ValueError(
                        f"method {place.method.name!r}: {next(iter(options))!r} alters "
                        f"{augmented_kind(options)}, and encoder {place.encoder!r} takes "
                        f"{self.kind_of(place.encoder)}; `only: {{encoder: ...}}` keeps a method "
                        "to some encoders"
                    )
        return self

    @model_validator(mode="after")
    def _one_table_fits(self) -> Experiment:
        if not self.one_table:
            return self
        if len({tuple(seeds) for seeds in self.seeds.values()}) > 1:
            raise ValueError("one_table: all encoders must have the same seeds")
        found: dict[tuple[str, str, str], str] = {}
        for place in self.places():
            other = found.setdefault((place.data, place.split, place.method.name), place.encoder)
            if other != place.encoder:
                raise ValueError(
                    f"one_table: method {place.method.name!r} is run with {other!r} and "
                    f"{place.encoder!r}; each encoder needs methods of its own, by "
                    f"`only: {{encoder: {other}}}`"
                )
        return self

    @model_validator(mode="after")
    def _grid_fits(self) -> Experiment:
        places = self.places(everywhere=True)
        for key, conditions in (
            ("exclude", self.exclude),
            ("only", [method.only for method in self.methods]),
        ):
            for condition in conditions:
                _check_condition(key, condition, [place.axes for place in places])
        rows: dict[tuple[str, str, str], set[str]] = {}
        for place in self.places():
            rows.setdefault(place.condition, set()).add(place.method.name)
        if not rows:
            raise ValueError("exclude leaves no run")
        for where, there in rows.items():
            for row in there:
                if self.reference_of(row) not in there:
                    raise ValueError(
                        f"{', '.join(filter(None, where))}: {row!r} is compared with "
                        f"{self.reference_of(row)!r}, which is not run there"
                    )
        return self

    @model_validator(mode="after")
    def _search_fits(self) -> Experiment:
        search = self.search
        if search is None:
            return self
        found = next((m for m in self.methods if m.name == search.method), None)
        if found is None:
            raise ValueError(f"search.method {search.method!r} is none of the methods")
        if search.encoder not in self.encoders:
            raise ValueError(f"search.encoder {search.encoder!r} is none of {list(self.encoders)}")
        if found.pretraining is None and any(k.startswith("pretraining.") for k in search.ranges):
            raise ValueError(f"search: {search.method!r} has no pretraining to search")
        return self

    def places(self, everywhere: bool = False) -> list[Place]:
        """Return where each method is run, condition by condition.

        Args:
            everywhere: places that are excluded, too.
        """
        every = [
            Place(
                source_name(source),
                split_name,
                encoder,
                method,
                {
                    "data": source_name(source),
                    "split": split_name,
                    **split.axes,
                    "encoder": encoder,
                    **method.axes,
                    "method": method.name,
                },
                self.one_table,
            )
            for source in self.data
            for split_name, split in self.splits.items()
            for encoder in self.encoders
            for method in self.methods
        ]
        if everywhere:
            return every
        return [
            place
            for place in every
            if matches(place.method.only, place.axes)
            and not any(matches(condition, place.axes) for condition in self.exclude)
        ]

    def reference_of(self, row: str) -> str:
        """Return the method that a row is compared with.

        Itself for one that others are compared with, unless it names another.
        """
        own = {method.name: method.reference for method in self.methods}
        referred = {self.reference, *own.values()}
        return own.get(row) or (row if row in referred else self.reference)

    def baselines_on(self, split: str) -> list[str]:
        """Return the baselines of a split: none where molecules are altered as graphs."""
        return [] if self.splits[split].graph_noise else self.baselines

    def kind_of(self, encoder: str) -> InputKind:
        """Return what an encoder takes; one of a user's own that does not say takes graphs."""
        kind: InputKind = getattr(ENCODERS.get(encoder), "inputs", "graphs")
        return kind

    def load_molecules(self, source: str | CsvData) -> MoleculeTable:
        """Load a data set of molecules.

        Raises:
            RncGraphError: a file, a column or a value is missing or wrong.
        """
        if isinstance(source, str):
            table = load_dataset(source)
        else:
            table = read_table(source.path, source.smiles, source.targets, unit=source.unit)
            if np.ptp(table.targets) == 0:
                raise RncGraphError(
                    f"{source.path}, column {source.targets[0]!r}: all its values are the same, "
                    f"{table.targets[0, 0]:g}; there is nothing to learn"
                )
        rows = self.taken(len(table))
        return table if rows is None else table.take(rows)

    def taken(self, count: int) -> NDArray[np.int64] | None:
        """Return which rows are taken of a set of so many; None for all."""
        if self.molecules is None or count <= self.molecules:
            return None
        return np.linspace(0, count - 1, self.molecules).astype(np.int64)


def _check_condition(
    key: str, condition: Condition, places: Sequence[dict[str, AxisValue]]
) -> None:
    """Check that a condition names axes and values that are on the grid."""
    for axis, values in condition.items():
        found = list(dict.fromkeys(place[axis] for place in places if axis in place))
        if not found:
            known = sorted({name for place in places for name in place})
            raise ValueError(f"{key}: unknown axis {axis!r}; known: {', '.join(known)}")
        for value in values if isinstance(values, list) else [values]:
            if value not in found:
                raise ValueError(
                    f"{key}: {value!r} is not on axis {axis!r}; known: {', '.join(map(str, found))}"
                )


def _filled_in(methods: list[Any], raw: dict[str, Any]) -> list[Any]:
    """Return the methods' mappings with what they leave out taken from the two stages.

    What is no mapping stays as it is, for pydantic to refuse.
    """
    stages = {key: raw[key] for key in ("pretraining", "regression") if _is_mapping(raw.get(key))}
    mappings = [method for method in methods if _is_mapping(method)]
    pretrained = any(method.get("pretraining", {}) is not None for method in mappings)
    return [
        {**method, **_stages_of(method, stages, pretrained)} if method in mappings else method
        for method in methods
    ]


def _stages_of(
    method: dict[str, Any], stages: dict[str, dict[str, Any]], pretrained: bool
) -> dict[str, Any]:
    filled = {}
    for key in ("pretraining", "regression"):
        own = method.get(key, {})
        filled[key] = {**stages.get(key, {}), **own} if _is_mapping(own) else own
    own, regression = method.get("regression", {}), filled["regression"]
    if not _is_mapping(regression):
        return filled
    if regression.get("freeze"):
        # What only a training encoder can use; a method that asks for it itself is told so.
        for key in ("views", "augmentation", "objective", "projection_dim"):
            if key not in own:
                regression.pop(key, None)
    if filled["pretraining"] is None and pretrained and "epochs" not in own:
        default = Optimisation.model_fields["epochs"].default
        both = [stages.get(key, {}).get("epochs", default) for key in filled]
        with suppress(ValidationError):  # The stage that a wrong number stands in is told.
            regression["epochs"] = sum(TypeAdapter(list[int]).validate_python(both))
    return filled


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)
