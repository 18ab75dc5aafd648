"""The pieces of work of an experiment, each a pure function of its identity.

A pretraining is shared by all runs that need it; a run is one point of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import nn

from rnc_graph.data import Loader, PreparedSplit, Subset
from rnc_graph.data.samples import Samples, make_augmentation
from rnc_graph.experiments.baselines import baseline_predictions
from rnc_graph.experiments.evaluation import evaluate_run, evaluate_run_embedding, evaluated_indices
from rnc_graph.experiments.seeded_split import Record, Resources, SeededSplit, Tensors, with_code
from rnc_graph.experiments.spec.component import EncoderComponent
from rnc_graph.experiments.spec.sections import (
    PretrainingSpec,
    RegressionSpec,
    RepresentationSpec,
    Stage,
)
from rnc_graph.experiments.store import digest
from rnc_graph.losses import LOSSES
from rnc_graph.training import TrainerConfig, TwoStage, infer
from rnc_graph.training.config import DEFAULT_TRAINER
from rnc_graph.training.inference import torch_device


@dataclass(frozen=True)
class PretrainTask:
    """Stage 1 of one encoder, objective and seed."""

    split: SeededSplit
    encoder: EncoderComponent
    pretraining: PretrainingSpec

    @property
    def label(self) -> str:
        """What progress calls the task."""
        return f"pretraining with {self.pretraining.objective.name}, {self.encoder.name}"

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that determines the result."""
        return with_code(
            {
                **self.split.identity(),
                "encoder": self.encoder.described(),
                "pretraining": _stage_identity(self.pretraining),
            }
        )

    @cached_property
    def key(self) -> str:
        """Name of the entry in the store."""
        return f"stage1-{self.encoder.name}-seed{self.split.seed}-{digest(self.identity)}"

    @property
    def epochs(self) -> int:
        """How often the task reports an epoch."""
        return self.pretraining.epochs

    @property
    def epoch_cost(self) -> float:
        """Rough cost of an epoch, in passes of the encoder over the training set."""
        return float(self.pretraining.views)

    def run(self, at: Resources, trainer: TrainerConfig, stage1: Tensors) -> tuple[Record, Tensors]:
        """Pretrain, and return the encoder's weights and the history."""
        data, split = at.datasets[self.split.data], self.split.prepared(at)
        model = self.model(data, trainer)
        model.pretrain(*training_sets(data, split), seed=self.split.seed)
        modules = nn.ModuleDict({"encoder": model.encoder, "objective": model.loss})
        record = {"identity": self.identity, "history": model.history["pretrain"]}
        return record, modules.state_dict()

    def model(self, data: Samples, trainer: TrainerConfig = DEFAULT_TRAINER) -> TwoStage:
        """Return the model, untrained."""
        spec = self.pretraining
        return TwoStage(
            self.encoder.source,
            encoder_options=self.encoder.options,
            loss=spec.objective.make(LOSSES),
            transform=make_augmentation(spec.augmentation),
            views=spec.views,
            projection_dim=spec.projection_dim,
            head_loss="l1" if data.classes is None else "cross-entropy",
            n_classes=data.classes,
            pretrain=spec,
            standardize=False,
            trainer=trainer,
        )


@dataclass(frozen=True)
class RegressTask:
    """One run: stage 2, on a pretrained or a fresh encoder.

    ``method``, its name, is for people alone: nothing depends on it. ``ood`` is the digest of the
    out-of-distribution set, ``groups`` the group of each class, for metrics by group.
    """

    method: str
    split: SeededSplit
    encoder: EncoderComponent
    pretrained: PretrainTask | None
    regression: RegressionSpec
    evaluate: str
    representation: RepresentationSpec | None
    ood: str | None
    groups: tuple[int, ...] | None = None

    @property
    def label(self) -> str:
        """What progress calls the task."""
        return f"{self.method}, {self.encoder.name}"

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that determines the result."""
        # Stage 1 may have learnt from other molecules.
        pretraining = self.pretrained.identity if self.pretrained else None
        return with_code(
            {
                **self.split.identity(),
                **self.split.spec.evaluation_identity(),
                "encoder": self.encoder.described(),
                "pretraining": pretraining,
                "regression": _stage_identity(self.regression),
                "evaluate": self.evaluate,
                "representation": self.representation.identity() if self.representation else None,
                "outside": self.ood,
                **({"groups": list(self.groups)} if self.groups else {}),
            }
        )

    @cached_property
    def key(self) -> str:
        """Name of the entry in the store."""
        return f"run-{self.encoder.name}-seed{self.split.seed}-{digest(self.identity)}"

    @property
    def epochs(self) -> int:
        """How often the task reports an epoch."""
        return self.regression.head_epochs + self.regression.epochs

    @property
    def epoch_cost(self) -> float:
        """Rough cost of an epoch, in passes of the encoder over the training set."""
        return 0.1 if self.regression.freeze else float(self.regression.views)

    def run(self, at: Resources, trainer: TrainerConfig, stage1: Tensors) -> tuple[Record, Tensors]:
        """Train, predict the validation set, and then the test set once."""
        data, split = at.datasets[self.split.data], self.split.prepared(at)
        model = self.model(data, trainer)
        train, validation = training_sets(data, split)
        model.build(train, self.split.seed)
        if self.pretrained is not None:
            own = "encoder."
            model.encoder.load_state_dict(
                {k.removeprefix(own): v for k, v in stage1.items() if k.startswith(own)}
            )
        model.finetune(train, validation, self.split.seed)
        embeddings, predictions = {}, {}
        device = torch_device(trainer.device)
        for name, rows in evaluated_indices(split, self.evaluate).items():
            noise = self.split.spec.graph_noise if name == self.evaluate else {}
            dataset = Subset(data.inputs, rows, split.targets[rows])
            loader = Loader(dataset, transform=make_augmentation(noise))
            embeddings[name] = infer(model.encoder, loader, device)
            predicted = infer(model.head, [(embeddings[name],)])
            predictions[name] = predicted.double().numpy()
        record, tensors = evaluate_run(data, split, predictions, self.split.spec.long_tail)
        embedding = embeddings[self.evaluate]
        if self.representation is not None:
            record["measures"] |= evaluate_run_embedding(
                model.encoder,
                data,
                split,
                self.evaluate,
                embedding,
                at.ood[self.ood] if self.ood else None,
                self.representation,
                device,
            )
        return (
            {"identity": self.identity, "history": model.history["finetune"], **record},
            {**tensors, "embedding": embedding},
        )

    def model(self, data: Samples, trainer: TrainerConfig = DEFAULT_TRAINER) -> TwoStage:
        """Return the model, untrained."""
        spec = self.regression
        return TwoStage(
            self.encoder.source,
            encoder_options=self.encoder.options,
            loss=spec.objective.make(LOSSES) if spec.objective else None,
            loss_weight=spec.objective_weight if spec.objective else None,
            transform=make_augmentation(spec.augmentation),
            views=spec.views,
            projection_dim=spec.projection_dim,
            head_loss=spec.head_loss,
            head_hidden=spec.head_hidden,
            head_dropout=spec.head_dropout,
            freeze=spec.freeze,
            balanced=spec.balanced,
            n_classes=data.classes,
            finetune=spec,
            standardize=False,
            trainer=trainer,
        )


@dataclass(frozen=True)
class BaselineTask:
    """One run of a baseline."""

    split: SeededSplit
    name: str
    evaluate: str

    @property
    def label(self) -> str:
        """What progress calls the task."""
        return self.name

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that determines the result."""
        return {
            **self.split.identity(),
            **self.split.spec.evaluation_identity(),
            "baseline": self.name,
            "evaluate": self.evaluate,
        }

    @cached_property
    def key(self) -> str:
        """Name of the entry in the store."""
        return f"baseline-{self.name}-seed{self.split.seed}-{digest(self.identity)}"

    @property
    def epochs(self) -> int:
        """How often the task reports an epoch."""
        return 0

    @property
    def epoch_cost(self) -> float:
        """Rough cost of an epoch."""
        return 0.0

    def run(self, at: Resources, trainer: TrainerConfig, stage1: Tensors) -> tuple[Record, Tensors]:
        """Fit, and predict the validation and the test set."""
        data = at.datasets[self.split.data]
        split = self.split.prepared(at)
        predicted = baseline_predictions(self.name, data.table, split, self.split.seed)
        predictions = {
            name: predicted[rows.numpy()]
            for name, rows in evaluated_indices(split, self.evaluate).items()
        }
        record, tensors = evaluate_run(data, split, predictions, self.split.spec.long_tail)
        return {"identity": self.identity, **record}, tensors


Task = PretrainTask | RegressTask | BaselineTask
Run = RegressTask | BaselineTask


def training_sets(data: Samples, split: PreparedSplit) -> tuple[Subset, Subset]:
    """Return training and validation set, with standardized targets."""
    train, validation = (
        Subset(data.inputs, rows, split.targets[rows]) for rows in (split.train, split.validation)
    )
    return train, validation


def _stage_identity(stage: Stage) -> dict[str, Any]:
    """Return all that determines a stage, its objective's options in full."""
    objective = stage.objective.identity(LOSSES) if stage.objective else None
    # The grid point identifies the training data.
    found = {**stage.model_dump(exclude={"data"}), "objective": objective}
    # As runs were named before there were these fields.
    for field in ("balanced", "head_epochs", "encoder_learning_rate"):
        if not found.get(field):
            found.pop(field, None)
    return found
