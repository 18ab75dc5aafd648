"""The pieces of work of an experiment, each a pure function of its identity.

A pretraining is shared by all runs that need it; a run is one point of the grid.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from rnc_graph.data import DatasetSplit, Loader, Subset
from rnc_graph.data.inputs import InputDataset, Store, make_augmentation
from rnc_graph.experiments.baselines import baseline_predictions
from rnc_graph.experiments.identity import FORMAT, stage_identity, with_code
from rnc_graph.experiments.spec.component import EncoderComponent
from rnc_graph.experiments.spec.split import SplitSpec
from rnc_graph.experiments.spec.stages import (
    PretrainingSpec,
    RegressionSpec,
    RepresentationSpec,
    Stage,
)
from rnc_graph.experiments.store import digest
from rnc_graph.losses import LOSSES
from rnc_graph.training import TrainerConfig, infer
from rnc_graph.training.config import DEFAULT_TRAINER
from rnc_graph.training.inference import torch_device

if TYPE_CHECKING:
    from rnc_graph.training import TwoStage

Record = dict[str, Any]
Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class SeededSplit:
    """The data of a task: the digest of a data set, how it is divided, and the seed.

    The seed is that of the split, the initial weights, and the order of the batches.
    """

    data: str
    spec: SplitSpec
    seed: int

    def identity(self) -> dict[str, Any]:
        """Return what training depends on."""
        return {
            "format": FORMAT,
            "data": self.data,
            "split": self.spec.training_identity(),
            "seed": self.seed,
        }

    def load(self, at: Resources) -> tuple[InputDataset, DatasetSplit]:
        """Return the data set, and its sets."""
        data = at.datasets[self.data]
        return data, data.split(self.seed, self.spec.recipe())


@dataclass(frozen=True)
class Resources:
    """What a process needs for any task.

    Attributes:
        datasets: by digest.
        device: a Lightning accelerator.
        ood: out-of-distribution sets, by digest.
    """

    datasets: dict[str, InputDataset]
    device: str = "cpu"
    ood: dict[str, Store] = field(default_factory=dict)


@dataclass(frozen=True)
class Task(ABC):
    """A piece of work on one split."""

    split: SeededSplit

    @property
    @abstractmethod
    def label(self) -> str:
        """What progress calls the task."""

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that determines the result."""
        return with_code({**self.split.identity(), **self._own_identity()})

    @abstractmethod
    def _own_identity(self) -> dict[str, Any]:
        """Return what determines the result beside the split."""

    @property
    @abstractmethod
    def _kind(self) -> str:
        """How the key begins."""

    @cached_property
    def key(self) -> str:
        """Name of the entry in the store."""
        return f"{self._kind}-seed{self.split.seed}-{digest(self.identity)}"

    @property
    def epochs(self) -> int:
        """How often the task reports an epoch."""
        return 0

    @property
    def epoch_cost(self) -> float:
        """Rough cost of an epoch, in passes of the encoder over the training set."""
        return 0.0

    @abstractmethod
    def run(self, at: Resources, trainer: TrainerConfig, stage1: Tensors) -> tuple[Record, Tensors]:
        """Compute the result, given the tensors of the pretraining it needs."""


@dataclass(frozen=True)
class TrainingTask(Task):
    """A stage of one encoder."""

    encoder: EncoderComponent
    stage: Stage

    @property
    def epochs(self) -> int:
        """How often the task reports an epoch."""
        return self.stage.epochs

    @property
    def epoch_cost(self) -> float:
        """Rough cost of an epoch, in passes of the encoder over the training set."""
        frozen = isinstance(self.stage, RegressionSpec) and self.stage.freeze
        return 0.1 if frozen else float(self.stage.views)

    def model(self, data: InputDataset, trainer: TrainerConfig = DEFAULT_TRAINER) -> TwoStage:
        """Return the model, untrained."""
        from rnc_graph.training import TwoStage

        stage = self.stage
        return TwoStage(
            self.encoder.source,
            encoder_options=self.encoder.options,
            loss=stage.objective.make(LOSSES) if stage.objective else None,
            transform=make_augmentation(stage.augmentation),
            views=stage.views,
            projection_dim=stage.projection_dim,
            n_classes=data.classes,
            standardize=False,
            trainer=trainer,
            **self._model_options(data),
        )

    @abstractmethod
    def _model_options(self, data: InputDataset) -> dict[str, Any]:
        """Return the options of the model that are the stage's own."""


@dataclass(frozen=True)
class PretrainTask(TrainingTask):
    """Stage 1 of one encoder, objective and seed."""

    stage: PretrainingSpec

    @property
    def label(self) -> str:
        """What progress calls the task."""
        return f"pretraining with {self.stage.objective.name}, {self.encoder.name}"

    def _own_identity(self) -> dict[str, Any]:
        return {
            "encoder": self.encoder.described(),
            "pretraining": stage_identity(self.stage),
        }

    @property
    def _kind(self) -> str:
        return f"stage1-{self.encoder.name}"

    def run(self, at: Resources, trainer: TrainerConfig, stage1: Tensors) -> tuple[Record, Tensors]:
        """Pretrain, and return the encoder's weights and the history."""
        data, split = self.split.load(at)
        model = self.model(data, trainer)
        model.pretrain(*training_sets(data, split), seed=self.split.seed)
        modules = nn.ModuleDict({"encoder": model.encoder, "objective": model.loss})
        record = {"identity": self.identity, "history": model.history["pretrain"]}
        return record, modules.state_dict()

    def _model_options(self, data: InputDataset) -> dict[str, Any]:
        head_loss = "l1" if data.classes is None else "cross-entropy"
        return {"head_loss": head_loss, "pretrain": self.stage}


@dataclass(frozen=True)
class RegressTask(TrainingTask):
    """One run: stage 2, on a pretrained or a fresh encoder.

    Attributes:
        method: its name, for people alone: nothing depends on it.
        pretrained: stage 1, None for a fresh encoder.
        evaluate: "test" or "validation".
        representation: how the embedding is evaluated, None for not at all.
        ood: digest of the out-of-distribution set.
        groups: the group of each class, for metrics by group.
    """

    stage: RegressionSpec
    method: str
    pretrained: PretrainTask | None
    evaluate: str
    representation: RepresentationSpec | None
    ood: str | None
    groups: tuple[int, ...] | None = None

    @property
    def label(self) -> str:
        """What progress calls the task."""
        return f"{self.method}, {self.encoder.name}"

    def _own_identity(self) -> dict[str, Any]:
        return {
            **self.split.spec.evaluation_identity(),
            "encoder": self.encoder.described(),
            # Whole: stage 1 may have learnt from other molecules.
            "pretraining": self.pretrained.identity if self.pretrained else None,
            "regression": stage_identity(self.stage),
            "evaluate": self.evaluate,
            "representation": self.representation.identity() if self.representation else None,
            "outside": self.ood,
            **({"groups": list(self.groups)} if self.groups else {}),
        }

    @property
    def _kind(self) -> str:
        return f"run-{self.encoder.name}"

    @property
    def epochs(self) -> int:
        """How often the task reports an epoch."""
        return self.stage.head_epochs + self.stage.epochs

    def run(self, at: Resources, trainer: TrainerConfig, stage1: Tensors) -> tuple[Record, Tensors]:
        """Train, predict the validation set, and then the test set once."""
        from rnc_graph.experiments.evaluation import (
            evaluate_run,
            evaluate_run_embedding,
            evaluated_indices,
        )

        data, split = self.split.load(at)
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

    def _model_options(self, data: InputDataset) -> dict[str, Any]:
        stage = self.stage
        return {
            "loss_weight": stage.objective_weight if stage.objective else None,
            "head_loss": stage.head_loss,
            "head_hidden": stage.head_hidden,
            "head_dropout": stage.head_dropout,
            "freeze": stage.freeze,
            "balanced": stage.balanced,
            "finetune": stage,
        }


@dataclass(frozen=True)
class BaselineTask(Task):
    """One run of a baseline."""

    name: str
    evaluate: str

    @property
    def label(self) -> str:
        """What progress calls the task."""
        return self.name

    def _own_identity(self) -> dict[str, Any]:
        return {
            **self.split.spec.evaluation_identity(),
            "baseline": self.name,
            "evaluate": self.evaluate,
        }

    @property
    def _kind(self) -> str:
        return f"baseline-{self.name}"

    def run(self, at: Resources, trainer: TrainerConfig, stage1: Tensors) -> tuple[Record, Tensors]:
        """Fit, and predict the validation and the test set."""
        from rnc_graph.experiments.evaluation import evaluate_run, evaluated_indices

        data, split = self.split.load(at)
        predicted = baseline_predictions(self.name, data.table, split, self.split.seed)
        predictions = {
            name: predicted[rows.numpy()]
            for name, rows in evaluated_indices(split, self.evaluate).items()
        }
        record, tensors = evaluate_run(data, split, predictions, self.split.spec.long_tail)
        return {"identity": self.identity, **record}, tensors


Run = RegressTask | BaselineTask


def needs(task: Task) -> PretrainTask | None:
    """Return the task that must be finished before ``task``, if any."""
    return task.pretrained if isinstance(task, RegressTask) else None


def training_sets(data: InputDataset, split: DatasetSplit) -> tuple[Subset, Subset]:
    """Return training and validation set, with standardized targets."""
    train, validation = (
        Subset(data.inputs, rows, split.targets[rows]) for rows in (split.train, split.validation)
    )
    return train, validation
