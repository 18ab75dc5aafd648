"""The section ``split``: how a dataset is divided, and what is then done to its sets."""

from __future__ import annotations

import inspect
from typing import Any, Literal

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from rnc_graph.data import LongTail, SplitRecipe
from rnc_graph.data.splits import SPLITS
from rnc_graph.data.splits.given import FileSplitter
from rnc_graph.errors import MisfitError, UnknownNameError
from rnc_graph.experiments.spec.component import Augmentation, AxisValue, Component, is_finished
from rnc_graph.settings import Settings


class LongTailSpec(Settings):
    """A training set thinned until one end of the label is rare; of classes, the last ones.

    Classes are thinned by the rule of CIFAR-LT; ``bins`` and ``tail`` have no effect then. Without
    ``imbalance`` classes stay as they are, as those of ImageNet-LT, which has a long tail already.
    """

    imbalance: float | None = Field(
        None, gt=1, allow_inf_nan=False, description="head bin over tail bin; none for no thinning"
    )
    bins: int = Field(10, ge=2, le=1000, description="quantile bins of the label")
    tail: Literal["high", "low"] = Field("high", description="the end that becomes rare")
    many: int = Field(
        100, ge=1, description="a bin with more training samples than this is many-shot"
    )
    few: int = Field(20, ge=1, description="a bin with fewer is few-shot; others are medium-shot")

    @model_validator(mode="after")
    def _regions_in_order(self) -> LongTailSpec:
        if self.few > self.many:
            raise ValueError("few must not be greater than many")
        return self

    def thinning(self) -> dict[str, Any] | None:
        """Return what the training set depends on; None if it is not thinned."""
        if self.imbalance is None:
            return None
        return self.model_dump(include={"imbalance", "bins", "tail"})


class SplitSpec(Settings):
    """How a dataset is divided, and what is then done to its sets.

    In a file, the name of a splitter may replace its mapping, alone or as a key: ``scaffold``,
    ``published``, ``{column: set}``, ``{group: lab}``, ``{time: year}``, ``{folds: 5}``,
    ``{scaffold: {order: size}, train_size: 0.5}``.
    """

    train: float = Field(0.8, gt=0, lt=1)
    validation: float = Field(0.1, gt=0, lt=1)
    test: float = Field(0.1, ge=0, lt=1)
    splitter: Component | None = Field(
        None,
        description="random, scaffold, published, ...; none is random, or the published split of "
        "images that have one",
    )
    unseen: tuple[float, float] | None = Field(
        None, description="quantiles of the label between which only the test set has samples"
    )
    train_size: float = Field(1.0, gt=0, le=1, description="share of the training set kept")
    long_tail: LongTailSpec | None = None
    label_noise: float = Field(
        0.0, ge=0, le=1, description="share of the training labels that are permuted"
    )
    graph_noise: Augmentation = Field(
        {}, description="augmentations of the evaluated molecules, strength of each"
    )
    axes: dict[str, AxisValue] = Field({}, description="its values on the axes of a grid")
    # Of finished runs with a plugin's splitter, which is not loaded again.
    _by_seed_of_runs: bool = PrivateAttr(True)

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, raw: Any) -> Any:
        return _with_fold_shares(split_mapping(raw))

    @field_validator("splitter")
    @classmethod
    def _splitter_can_be_made(
        cls, splitter: Component | None, info: ValidationInfo
    ) -> Component | None:
        if splitter is not None and not is_finished(info):
            splitter.identity(SPLITS)
            splitter.make(SPLITS)
        return splitter

    @model_validator(mode="after")
    def _fits(self) -> SplitSpec:
        if abs(self.train + self.validation + self.test - 1) > 1e-9:
            raise ValueError("train, validation and test must sum to 1")
        if self.unseen is not None and not 0 <= self.unseen[0] < self.unseen[1] <= 1:
            raise MisfitError("expected two rising quantiles from 0 to 1", "unseen")
        return self

    @property
    def by_seed(self) -> bool:
        """Whether the seed draws the test set, or the data decide it."""
        if self.splitter is None:
            return True
        if self.splitter.name not in SPLITS.names():
            return self._by_seed_of_runs
        return bool(getattr(SPLITS.get(self.splitter.name), "by_seed", True)) and bool(
            getattr(self.splitter.make(SPLITS), "by_seed", True)
        )

    def remember(self, by_seed: bool) -> None:
        """Take ``by_seed`` from finished runs, for a splitter whose plugin is not loaded."""
        self._by_seed_of_runs = by_seed

    def recipe(self) -> SplitRecipe:
        """Return what divides a table."""
        thinning = self.long_tail.thinning() if self.long_tail else None
        return SplitRecipe(
            fractions=(self.train, self.validation, self.test),
            splitter=self.splitter.make(SPLITS) if self.splitter else None,
            unseen=self.unseen,
            train_size=self.train_size,
            long_tail=LongTail(**thinning) if thinning else None,
            label_noise=self.label_noise,
        )

    def training_identity(self) -> dict[str, Any]:
        """Return what the training depends on."""
        splitter = None
        if self.splitter is not None:
            splitter = self.splitter.identity(SPLITS)
            made = self.splitter.make(SPLITS)
            if isinstance(made, FileSplitter):
                splitter["sha256"] = made.sha256()
        return {
            **self.model_dump(exclude={"long_tail", "graph_noise", "axes", "splitter"}),
            "splitter": splitter,
            "long_tail": self.long_tail.thinning() if self.long_tail else None,
        }

    def evaluation_identity(self) -> dict[str, Any]:
        """Return what the evaluation of a trained model depends on in addition."""
        tail = self.long_tail
        return {
            "graph_noise": self.graph_noise,
            "shots": [tail.many, tail.few] if tail else None,
        }


def split_mapping(raw: Any) -> Any:
    """Return the mapping of a split whose splitter is written as a name or a key.

    Raises:
        MisfitError: two splitters.
        UnknownNameError: a text names no splitter.

    >>> split_mapping("scaffold")
    {'splitter': {'name': 'scaffold'}}
    >>> split_mapping({"column": "set", "train_size": 0.5})
    {'train_size': 0.5, 'splitter': {'name': 'column', 'column': 'set'}}
    """
    if isinstance(raw, str):
        if raw not in SPLITS.names():
            raise UnknownNameError("split", raw, SPLITS.names())
        return {"splitter": {"name": raw}}
    if not isinstance(raw, dict):
        return raw
    named = [key for key in raw if key in SPLITS.names()]
    if isinstance(raw.get("splitter"), str):
        return _checked_shares({**raw, "splitter": {"name": raw["splitter"]}})
    if not named:
        return _checked_shares(raw)
    if len(named) > 1 or raw.get("splitter") is not None:
        other = named[1] if len(named) > 1 else "splitter"
        raise MisfitError(f"two splitters, {named[0]!r} and {other!r}", named[0])
    (name,) = named
    options = raw[name]
    if options is None:
        options = {}
    elif not isinstance(options, dict):
        first = next(iter(inspect.signature(SPLITS.get(name)).parameters), None)
        if first is None:
            raise MisfitError(f"expected no option, got {options!r}", name)
        options = {first: options}
    rest = {key: value for key, value in raw.items() if key != name}
    return _checked_shares({**rest, "splitter": {"name": name, **options}})


def _with_fold_shares(raw: Any) -> Any:
    """Return a split with the shares that k folds have."""
    splitter = raw.get("splitter") if isinstance(raw, dict) else None
    if not isinstance(splitter, dict) or splitter.get("name") != "folds":
        return raw
    k, validation = splitter.get("k", 5), raw.get("validation", 0.1)
    if not isinstance(k, int) or k < 2:
        raise MisfitError(f"expected 2 or more folds, got {k!r}")
    if not isinstance(validation, int | float):
        return raw  # Its own check says what is expected.
    return {**raw, "train": 1 - validation - 1 / k, "validation": validation, "test": 1 / k}


def _checked_shares(split: dict[str, Any]) -> dict[str, Any]:
    """Return a split; raise :class:`MisfitError` if folds stand beside shares that are others."""
    shares = _with_fold_shares(split)
    for name in ("train", "test"):
        given, own = split.get(name), shares.get(name)
        if isinstance(given, int | float) and isinstance(own, float) and abs(given - own) > 0.005:
            raise MisfitError(f"expected none, or {own:.3g} as of these folds, got {given:g}", name)
    return split
