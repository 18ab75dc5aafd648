"""An experiment: a typed spec, checked to the last key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from torch.overrides import TorchFunctionMode

from rnc_graph.data.inputs import InputKind
from rnc_graph.encoders import ENCODERS
from rnc_graph.errors import FileError, MisfitError
from rnc_graph.experiments.spec.component import Component, is_finished, may_have_weights
from rnc_graph.experiments.spec.consistency import check_consistency
from rnc_graph.experiments.spec.defaults import filled_in
from rnc_graph.experiments.spec.grid import expanded, matches
from rnc_graph.experiments.spec.method import Condition, GridPoint, Method
from rnc_graph.experiments.spec.search import SearchSpec
from rnc_graph.experiments.spec.sources import DataSource, DrawingSpec, Targets, source_name
from rnc_graph.experiments.spec.split import SplitSpec
from rnc_graph.experiments.spec.stages import (
    PretrainingSpec,
    RegressionSpec,
    RepresentationSpec,
    Tracking,
)
from rnc_graph.plugins import read_plugin
from rnc_graph.seeding import seeded
from rnc_graph.settings import Settings

_MOST_SEEDS = 10_000
_MOST_PARAMETERS = 500_000_000


class _WithoutValues(TorchFunctionMode):
    """Skips ``torch.nn.init``: for the meta device it would import torch's compiler."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        options = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return options["tensor"]
        return func(*args, **options)


def _loaded(path: Path, info: ValidationInfo) -> Path:
    if is_finished(info):
        return path
    try:
        read_plugin(path).load()
    except FileError as error:
        raise ValueError(str(error)) from error
    return path


def _listed(seeds: Any) -> Any:
    if not isinstance(seeds, int) or isinstance(seeds, bool):
        return seeds
    if seeds > _MOST_SEEDS:
        raise ValueError(f"expected at most {_MOST_SEEDS:,} seeds, got {seeds}")
    return list(range(seeds))


def _distinct(seeds: list[int]) -> list[int]:
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"expected different seeds, got {seeds}")
    return seeds


def _as_list(data: Any) -> Any:
    return data if isinstance(data, list) else [data]


Seeds = Annotated[
    list[Annotated[int, Field(ge=0, lt=2**32)]],
    Field(min_length=1, max_length=_MOST_SEEDS),
    BeforeValidator(_listed),
    AfterValidator(_distinct),
]


class Experiment(Settings):
    """A grid of runs: data sets x splits x encoders x methods x seeds.

    ``grid`` and ``include`` of a file are spelled out as ``methods`` and ``splits``. A method
    without stage 1 (``pretraining: null``) that names no epochs of its own is trained for the
    epochs of both stages together, if another method has a stage 1: for those at the top, or where
    these are not given for those of the other methods.
    """

    # First: the components that they register are named further down.
    plugins: list[Annotated[Path, AfterValidator(_loaded)]] = Field(
        [],
        description="Python files that register components of your own; from the working "
        "directory, unless they begin with /",
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
    targets: Targets | None = Field(
        None, description="targets of named datasets and own graphs; all by default"
    )
    seeds: dict[str, Seeds] = Field(
        description="split seeds by encoder; one list is for all, and a number n is 0 .. n - 1"
    )
    encoders: dict[str, dict[str, Any]] = Field(
        min_length=1,
        description="options by name; `class`, an import path, makes any module an encoder",
    )
    pretraining: PretrainingSpec = PretrainingSpec()
    regression: RegressionSpec = RegressionSpec()
    methods: list[Method] = Field(min_length=1)
    baselines: list[str] = Field([])
    exclude: list[Condition] = Field([], description="points of the grid that are not run")
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
        description="validation leaves the test set untouched, for choosing between methods",
    )
    samples: int | None = Field(
        None, ge=10, description="take no more of each data set, evenly spaced; to try a spec out"
    )
    search: SearchSpec | None = Field(None, description="what `rnc-graph tune` searches")
    tracking: Tracking = Field({}, description="tensorboard, wandb, mlflow: loggers of each epoch")

    @model_validator(mode="before")
    @classmethod
    def _fill_in_methods(cls, raw: Any, info: ValidationInfo) -> Any:
        if not isinstance(raw, dict):
            return raw
        raw = expanded(dict(raw))
        seeds = raw.get("seeds", 1)
        wrong = isinstance(seeds, bool) or not isinstance(seeds, int | list | dict)
        if wrong or seeds == [] or (isinstance(seeds, int) and seeds < 1):
            raise MisfitError(
                f"expected how many, a list of them, or either by encoder, got {seeds!r}", "seeds"
            )
        if isinstance(raw.get("seeds"), int | list) and isinstance(raw.get("encoders"), dict):
            raw["seeds"] = dict.fromkeys(raw["encoders"], raw["seeds"])
        if isinstance(raw.get("methods"), list):
            raw["methods"] = filled_in(raw["methods"], raw, finished=is_finished(info))
        if not raw.get("splits"):
            raw["splits"] = {"": raw.get("split", {})}
        return raw

    @field_validator("encoders")
    @classmethod
    def _encoders_can_be_made(
        cls, encoders: dict[str, dict[str, Any]], info: ValidationInfo
    ) -> dict[str, dict[str, Any]]:
        if is_finished(info):
            return encoders
        for name, options in encoders.items():
            if "name" in options:
                raise MisfitError("unknown option", name, "name")
            if "class" in options:  # Made with the data, which say what it takes.
                continue
            Component(name=name, **options).identity(ENCODERS)
            # Without memory for the weights, unless they are loaded, or made by the user's code.
            device = "cpu" if may_have_weights(name, options) else "meta"
            values = _WithoutValues() if device == "meta" else nullcontext()
            with seeded(0), torch.device(device), values:
                made = ENCODERS.make(name, **options)
            if sum(p.numel() for p in made.parameters()) > _MOST_PARAMETERS:
                raise MisfitError(
                    f"expected an encoder of at most {_MOST_PARAMETERS:,} parameters", name
                )
        return encoders

    @model_validator(mode="after")
    def _is_consistent(self, info: ValidationInfo) -> Experiment:
        if not is_finished(info):
            check_consistency(self)
        return self

    def grid_points(self, everywhere: bool = False) -> list[GridPoint]:
        """Return the points of the grid, condition by condition.

        Args:
            everywhere: include points that are excluded, too.
        """
        every = [
            GridPoint(
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
            )
            for source in self.data
            for split_name, split in self.splits.items()
            for encoder in self.encoders
            for method in self.methods
        ]
        if everywhere:
            return every
        return [
            point
            for point in every
            if matches(point.method.only, point.axes)
            and not any(matches(condition, point.axes) for condition in self.exclude)
        ]

    def reference_of(self, method: str) -> str:
        """Return the method that another is compared with.

        Itself for one that others are compared with, unless it names another.
        """
        own = {m.name: m.reference for m in self.methods}
        referred = {self.reference, *own.values()}
        return own.get(method) or (method if method in referred else self.reference)

    def baselines_on(self, split: str) -> list[str]:
        """Return the baselines of a split: none where molecules are altered as graphs."""
        return [] if self.splits[split].graph_noise else self.baselines

    def kind_of(self, encoder: str) -> InputKind:
        """Return what an encoder takes; one of a user's own that does not say takes graphs."""
        if "class" in self.encoders[encoder] or encoder not in ENCODERS.names():
            return "graphs"
        kind: InputKind = getattr(ENCODERS.get(encoder), "inputs", "graphs")
        return kind

    def split_columns(self) -> list[str]:
        """Return the columns of the data that splits are made by."""
        options = [split.splitter.given for split in self.splits.values() if split.splitter]
        return list(dict.fromkeys(o["column"] for o in options if isinstance(o.get("column"), str)))
