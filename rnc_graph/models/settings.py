"""What a model is made of, with the defaults in one place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)
from torch import nn

from rnc_graph.data.featurizer import FeaturizerConfig
from rnc_graph.data.scaling import Transform
from rnc_graph.data.transforms import make_view
from rnc_graph.encoders import ENCODERS, make_encoder
from rnc_graph.encoders.pretrained import INCLUDED, PRETRAINED, WITH_WEIGHTS, architecture
from rnc_graph.errors import BadValueError, UnknownNameError, first_problem
from rnc_graph.losses import LOSSES
from rnc_graph.models.inputs import EMBEDDING, ENCODER, example_molecules
from rnc_graph.registry import LARGEST, check_size
from rnc_graph.seeding import seeded
from rnc_graph.settings import Settings
from rnc_graph.training import ContinuousLoss, FinetuneConfig, StageConfig

DescriptorModelName = Literal[
    "svr",
    "extra-trees",
    "fingerprint-svr",
    "fingerprint-trees",
    "embedding-svr",
    "gaussian-process",
]
TAKE_DESCRIPTORS = ("svr", "extra-trees", "fingerprint-trees")
"""Members that there are not without descriptors."""
TAKE_COUNTS = ("fingerprint-trees", "fingerprint-svr", "gaussian-process")
"""Members that take the counts of substructures."""
TAKE_EMBEDDING = ("embedding-svr", "gaussian-process")
"""Members that take the embedding of a pretrained encoder."""

# Small and quick; on the validation sets the package's wider defaults were no better.
ENCODER_OPTIONS: dict[str, dict[str, Any]] = {
    "gin": {"hidden_dim": 64, "layers": 3},
    "gcn": {"hidden_dim": 64, "layers": 3},
}
_NETWORKS = 3
# They decide which epochs are the default.
_ENCODER = ("encoder", "encoder_options", "freeze_encoder")
# Settings that have no effect on a model without networks.
_OF_NETWORKS = (
    *_ENCODER,
    *("objective", "objective_options", "augmentation", "views"),
    *("head_loss", "head_hidden", "head_dropout", "pretraining_epochs", "epochs", "head_epochs"),
    *("batch_size", "learning_rate", "encoder_learning_rate", "weight_decay", "patience"),
)
# Of an encoder with pretrained weights that is named, and of any other.
_TUNED = {"pretraining_epochs": 5, "head_epochs": 5, "epochs": 15}
_EPOCHS = {"pretraining_epochs": 30, "head_epochs": 0, "epochs": 80}


class ModelSettings(Settings):
    """A model's parts and how they are trained; how the defaults were chosen: docs/model.md."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    encoder: str | nn.Module = Field(
        ENCODER, description="a name, the import path of a class, or a module"
    )
    encoder_options: dict[str, Any] | None = Field(
        None, description="None for what suits a small set"
    )
    objective: str | None = Field("rnc", description="of stage 1; None leaves stage 1 out")
    objective_options: dict[str, Any] = Field({})
    augmentation: dict[str, float] = Field(
        {"mask_attributes": 0.1}, description="strength of each, for the views of stage 1"
    )
    views: int = Field(2, ge=1, le=100)
    head_loss: ContinuousLoss = "l2"
    head_hidden: list[Annotated[int, Field(gt=0, le=LARGEST)]] = Field([128], max_length=100)
    head_dropout: float = Field(0.2, ge=0, lt=1)
    freeze_encoder: bool = False
    pretraining_epochs: int = Field(
        _TUNED["pretraining_epochs"],
        ge=1,
        le=1_000_000,
        description="None: 5 of a pretrained encoder, 30 of another",
    )
    epochs: int = Field(
        _TUNED["epochs"],
        ge=1,
        le=1_000_000,
        description="None: 15 of a pretrained encoder, 80 of another or of a frozen one",
    )
    head_epochs: int = Field(
        _TUNED["head_epochs"],
        ge=0,
        le=1_000_000,
        description="of the head alone, before stage 2. None: 5 of a pretrained encoder, or 0",
    )
    batch_size: int = Field(64, ge=3)
    learning_rate: float = Field(1e-3, gt=0, allow_inf_nan=False)
    encoder_learning_rate: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="in stage 2; None for learning_rate"
    )
    weight_decay: float = Field(1e-2, ge=0, allow_inf_nan=False)
    patience: PositiveInt | None = Field(
        None, description="end a stage after so many epochs without a better validation MAE"
    )
    clean: bool = Field(False, description="strip salts, solvents and charges from all molecules")
    descriptors: bool = Field(True, description="RDKit's descriptors next to the embedding")
    networks: Annotated[int, Field(ge=0, le=1_000)] | Literal["auto"] = Field(
        "auto", description="in the ensemble; auto: three where they lower the error, or none"
    )
    descriptor_models: list[DescriptorModelName] = Field(
        ["fingerprint-trees", "fingerprint-svr", "embedding-svr", "gaussian-process"],
        description="members that are no networks",
    )
    embedding: str = Field(EMBEDDING, description="the pretrained encoder of members")
    target_transform: Transform | list[Transform] = Field(
        "none", description="of the targets before they are learned; a list has one for each"
    )
    weights: Literal["equal", "stacked"] = Field(
        "stacked", description="of the members; stacked: learned from out-of-fold predictions"
    )

    @field_validator("encoder_options", "objective_options")
    @classmethod
    def _options_are_bounded(cls, options: dict[str, Any] | None) -> dict[str, Any] | None:
        # Before anything is built of them: a hostile config must not eat the memory.
        for name, value in (options or {}).items():
            check_size(name, value, name)
        return options

    @field_validator("encoder", mode="before")
    @classmethod
    def _encoder_is_no_class(cls, encoder: Any) -> Any:
        if isinstance(encoder, type):
            path = f"{encoder.__module__}.{encoder.__qualname__}"
            raise ValueError(f"expected its import path, {path!r}, or a module, got the class")
        return encoder

    @model_validator(mode="before")
    @classmethod
    def _epochs_suit_the_encoder(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        pretrained = given.get("encoder", ENCODER) in WITH_WEIGHTS
        # All epochs of a frozen encoder are of the head alone.
        tuned = pretrained and not given.get("freeze_encoder")
        usual = _TUNED if tuned else _EPOCHS
        return given | {name: usual[name] for name in usual if given.get(name) is None}

    @model_validator(mode="after")
    def _parts_can_be_made(self) -> ModelSettings:
        named = ENCODERS.get(self.encoder) if self.encoder in ENCODERS.names() else None
        if getattr(named, "inputs", "graphs") != "graphs":
            raise ValueError(f"encoder {self.encoder!r} takes images; molecules are graphs")
        if self.encoder in INCLUDED and set(self.encoder_options or ()) - {"dropout"}:
            raise ValueError(
                f"encoder_options: the shape of the pretrained encoder {self.encoder!r} is fixed, "
                "and its only option is dropout; name another encoder, such as 'gin', to choose it"
            )
        with seeded(0):
            make_encoder(self.encoder, self.options_of_encoder, example_molecules())
        if self.objective is not None:
            LOSSES.make(self.objective, **self.objective_options)
            fewest = getattr(LOSSES.get(self.objective), "min_views", 1)
            if self.views < fewest:
                raise ValueError(f"objective {self.objective!r} needs views of at least {fewest}")
        if self.freeze_encoder:
            self.stages[1].check_frozen()
        make_view(self.augmentation)
        if self.embedding not in INCLUDED:
            raise ValueError(str(UnknownNameError("embedding", self.embedding, list(INCLUDED))))
        if len(set(self.descriptor_models)) < len(self.descriptor_models):
            raise ValueError("descriptor_models names a model twice")
        if not (self.most_networks or self.other_members):
            raise ValueError(
                "a model needs members: networks, gaussian-process, fingerprint-svr or "
                f"embedding-svr, or with descriptors {', '.join(TAKE_DESCRIPTORS)}"
            )
        return self

    @property
    def options_of_encoder(self) -> dict[str, Any]:
        """The options that the encoder is made with."""
        if self.encoder_options is None:
            return ENCODER_OPTIONS.get(self.encoder, {}) if isinstance(self.encoder, str) else {}
        return self.encoder_options

    @property
    def stages(self) -> tuple[StageConfig, FinetuneConfig]:
        """How the two stages are optimized."""
        shared: dict[str, Any] = {
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "weight_decay": self.weight_decay,
            "patience": self.patience,
        }
        return StageConfig(epochs=self.pretraining_epochs, **shared), FinetuneConfig(
            epochs=self.epochs,
            head_epochs=self.head_epochs,
            encoder_learning_rate=self.encoder_learning_rate,
            **shared,
        )

    @property
    def featurizer_config(self) -> FeaturizerConfig:
        """What is computed of molecules in addition to their graphs."""
        return FeaturizerConfig(
            descriptors=self.descriptors,
            fingerprints=True,
            canonical=True,
            clean=self.clean,
            bounded=self.takes_counts,
        )

    @property
    def takes_counts(self) -> bool:
        """Whether a member takes the counts of substructures."""
        return any(name in TAKE_COUNTS for name in self.other_members)

    @property
    def most_networks(self) -> int:
        """The number of networks; for "auto" what it is unless there are none."""
        return _NETWORKS if self.networks == "auto" else self.networks

    def defaults_of_encoder(self) -> ModelSettings:
        """Return the default settings with this encoder, whose epochs suit it."""
        own = {name: getattr(self, name) for name in _ENCODER}
        return ModelSettings(**own)

    def without_effect(self) -> list[str]:
        """Return the settings that differ from the defaults in vain, where there is no network."""
        default, with_encoder = ModelSettings(), self.defaults_of_encoder()
        return [
            name
            for name in _OF_NETWORKS
            if getattr(self, name) != getattr(default if name in _ENCODER else with_encoder, name)
        ]

    @property
    def other_members(self) -> list[DescriptorModelName]:
        """The members that see no graph; without descriptors, those that need none."""
        left_out = () if self.descriptors else TAKE_DESCRIPTORS
        return [name for name in self.descriptor_models if name not in left_out]

    def transforms(self, targets: Sequence[str]) -> list[Transform]:
        """Return the transform of each target; raise :class:`BadValueError` for another number."""
        if isinstance(self.target_transform, str):
            return [self.target_transform] * len(targets)
        if len(self.target_transform) != len(targets):
            raise BadValueError(
                f"target_transform: expected one for each of {', '.join(map(repr, targets))}, got "
                f"{len(self.target_transform)}"
            )
        return list(self.target_transform)

    @property
    def needed_embedding(self) -> str | None:
        """The pretrained encoder whose embedding a member needs."""
        takes_it = any(name in TAKE_EMBEDDING for name in self.other_members)
        return self.embedding if takes_it else None

    def as_saved(self) -> ModelSettings:
        """Return the settings of a trained model, which has its weights of its own."""
        if self.encoder != PRETRAINED:
            return self
        options = dict(self.options_of_encoder)
        name, options = architecture(Path(options.pop("folder")), **options)
        return self.model_copy(update={"encoder": name, "encoder_options": options})


class TableOptions(Settings):
    """How ``rnc-graph train`` read, merged and divided a model's table, which an update repeats.

    ``smiles``, ``relation``, ``weight`` and ``decimal`` are None or empty where it found out by
    itself; ``quick`` says that the model is a trial. ``networks`` is the option, "auto" or a
    number, where the settings have what came out; "" where an earlier version made the model.
    """

    smiles: str | None = None
    relation: list[str] = Field([])
    weight: str | None = None
    decimal: str | None = None
    on_bad: Literal["skip", "raise"] = "skip"
    merge: Literal["no", "mean", "median", "first"] = "no"
    weigh_merged: bool = False
    quick: bool = False
    networks: str = ""
    seed: int = 0
    validation_fraction: float = 0.0
    test_fraction: float = 0.1


def make_settings(**given: Any) -> ModelSettings:
    """Make the settings of a model to train; raise :class:`BadValueError` for wrong ones."""
    try:
        settings = ModelSettings(**given)
    except ValidationError as error:
        raise BadValueError(first_problem(error)) from error
    pretrained = isinstance(settings.encoder, nn.Module) or settings.encoder in WITH_WEIGHTS
    if settings.freeze_encoder and settings.objective is None and not pretrained:
        raise BadValueError("freeze_encoder without an objective would freeze random weights")
    return settings
