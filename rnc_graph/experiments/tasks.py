"""The pieces of work of an experiment, each a pure function of its identity.

A pretraining is shared by all runs that need it; a run is one cell of the grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from rnc_graph.data import Batches, PreparedSplit
from rnc_graph.data.samples import Samples, make_augmentation
from rnc_graph.encoders import ENCODERS, Encoder, Head
from rnc_graph.experiments.baselines import baseline_predictions
from rnc_graph.experiments.evaluation import evaluate_run, evaluate_run_embedding, evaluated_parts
from rnc_graph.experiments.grid_point import GridPoint, Record, Resources, Tensors, with_code
from rnc_graph.experiments.spec.part import Part
from rnc_graph.experiments.spec.sections import (
    PretrainingSpec,
    RegressionSpec,
    RepresentationSpec,
    Stage,
)
from rnc_graph.experiments.store import digest
from rnc_graph.losses import LOSSES, PretrainLoss
from rnc_graph.training import History, TrainerConfig, infer, pretrain, regress


@dataclass(frozen=True)
class PretrainTask:
    """Stage 1 of one encoder, objective and seed."""

    cell: GridPoint
    encoder: Part
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
                **self.cell.identity(),
                "encoder": self.encoder.identity(ENCODERS),
                "pretraining": _stage_identity(self.pretraining),
            }
        )

    @cached_property
    def key(self) -> str:
        """Name of the entry in the store."""
        return f"stage1-{self.encoder.name}-seed{self.cell.seed}-{digest(self.identity)}"

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
        split = self.cell.prepared(at)
        inputs = at.datasets[self.cell.data].inputs
        spec = self.pretraining
        encoder = _fresh_encoder(self.encoder, self.cell.seed)
        objective = prepared_objective(spec, split, encoder, self.cell.seed)
        history = pretrain(
            encoder,
            objective,
            Batches(
                inputs.batch,
                split.targets,
                split.train,
                spec.batch_size,
                shuffle_seed=self.cell.seed,
                views=spec.views,
                view=make_augmentation(spec.augmentation),
            ),
            Batches(inputs.batch, split.targets, split.validation),
            targets=split.targets.shape[1],
            classes=at.datasets[self.cell.data].classes,
            config=spec,
            projection=_projection(encoder, spec.projection_dim),
            seed=self.cell.seed,
            trainer=trainer,
        )
        parts = nn.ModuleDict({"encoder": encoder, "objective": objective})
        return {"identity": self.identity, "history": history}, parts.state_dict()


@dataclass(frozen=True)
class RegressTask:
    """One run: stage 2, on a pretrained or a fresh encoder.

    ``row``, the method's name, is for people alone: nothing depends on it. ``outside`` is the
    digest of the samples from elsewhere, ``groups`` the group of each class, for measures by group.
    """

    row: str
    cell: GridPoint
    encoder: Part
    pretrained: PretrainTask | None
    regression: RegressionSpec
    evaluate: str
    representation: RepresentationSpec | None
    outside: str | None
    groups: tuple[int, ...] | None = None

    @property
    def label(self) -> str:
        """What progress calls the task."""
        return f"{self.row}, {self.encoder.name}"

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that determines the result."""
        # Stage 1 may have learnt from other molecules.
        pretraining = self.pretrained.identity if self.pretrained else None
        return with_code(
            {
                **self.cell.identity(),
                **self.cell.split.evaluation_identity(),
                "encoder": self.encoder.identity(ENCODERS),
                "pretraining": pretraining,
                "regression": _stage_identity(self.regression),
                "evaluate": self.evaluate,
                "representation": self.representation.identity() if self.representation else None,
                "outside": self.outside,
                **({"groups": list(self.groups)} if self.groups else {}),
            }
        )

    @cached_property
    def key(self) -> str:
        """Name of the entry in the store."""
        return f"run-{self.encoder.name}-seed{self.cell.seed}-{digest(self.identity)}"

    @property
    def epochs(self) -> int:
        """How often the task reports an epoch."""
        return self.regression.epochs

    @property
    def epoch_cost(self) -> float:
        """Rough cost of an epoch, in passes of the encoder over the training set."""
        return 0.1 if self.regression.freeze else float(self.regression.views)

    def run(self, at: Resources, trainer: TrainerConfig, stage1: Tensors) -> tuple[Record, Tensors]:
        """Train, predict the validation set, and then the test set once."""
        data = at.datasets[self.cell.data]
        split = self.cell.prepared(at)
        encoder = _fresh_encoder(self.encoder, self.cell.seed)
        if self.pretrained is not None:
            own = "encoder."
            encoder.load_state_dict(
                {k.removeprefix(own): v for k, v in stage1.items() if k.startswith(own)}
            )
        head = Head(
            encoder.embedding_dim,
            data.classes or split.targets.shape[1],
            self.regression.head_hidden,
            self.regression.head_dropout,
        )
        history = self._train(data, split, encoder, head, trainer)
        embeddings, predictions = {}, {}
        for name, rows in evaluated_parts(split, self.evaluate).items():
            noise = self.cell.split.graph_noise if name == self.evaluate else {}
            batches = Batches(data.inputs.batch, split.targets, rows, view=make_augmentation(noise))
            embeddings[name] = infer(encoder, batches)
            predicted = infer(head, [(embeddings[name], split.targets[rows])])
            predictions[name] = predicted.double().numpy()
        record, tensors = evaluate_run(data, split, predictions, self.cell.split.long_tail)
        judged = embeddings[self.evaluate]
        if self.representation is not None:
            record["measures"] |= evaluate_run_embedding(
                encoder,
                data,
                split,
                self.evaluate,
                judged,
                at.outside[self.outside] if self.outside else None,
                self.representation,
            )
        return (
            {"identity": self.identity, "history": history, **record},
            {**tensors, "embedding": judged},
        )

    def _train(
        self,
        data: Samples,
        split: PreparedSplit,
        encoder: nn.Module,
        head: nn.Module,
        trainer: TrainerConfig,
    ) -> History:
        """Train the head, and the encoder unless it is frozen."""
        take: Callable[[Tensor], Any] = data.inputs.batch
        if self.regression.freeze:
            # Its embeddings are computed once and stand in for the molecules. The test set has
            # its turn later.
            rows = torch.cat([split.train, split.validation])
            embedded = infer(encoder, Batches(take, split.targets, rows))
            by_row = embedded.new_zeros(len(split.targets), embedded.shape[1])
            by_row[rows] = embedded
            take = by_row.__getitem__
            encoder = nn.Identity()
        spec = self.regression
        projection = _projection(encoder, spec.projection_dim)
        objective = None
        if spec.objective is not None:
            objective = prepared_objective(spec, split, encoder, self.cell.seed)
        return regress(
            encoder,
            head,
            Batches(
                take,
                split.targets,
                split.train,
                spec.batch_size,
                shuffle_seed=self.cell.seed,
                views=spec.views,
                view=make_augmentation(spec.augmentation),
                balanced=split.targets[:, 0] if spec.balanced else None,
            ),
            Batches(take, split.targets, split.validation),
            head_loss=spec.head_loss,
            config=spec,
            objective=objective,
            objective_weight=spec.objective_weight,
            projection=projection,
            seed=self.cell.seed,
            trainer=trainer,
        )


@dataclass(frozen=True)
class BaselineTask:
    """One run of a baseline."""

    cell: GridPoint
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
            **self.cell.identity(),
            **self.cell.split.evaluation_identity(),
            "baseline": self.name,
            "evaluate": self.evaluate,
        }

    @cached_property
    def key(self) -> str:
        """Name of the entry in the store."""
        return f"baseline-{self.name}-seed{self.cell.seed}-{digest(self.identity)}"

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
        data = at.datasets[self.cell.data]
        split = self.cell.prepared(at)
        predicted = baseline_predictions(
            self.name, data.table, split.train.numpy(), split.training_targets, self.cell.seed
        )
        # Logits stay as they are: the scaler of classes does nothing.
        standardized = split.scaler.standardize(predicted)
        predictions = {
            name: standardized[rows.numpy()]
            for name, rows in evaluated_parts(split, self.evaluate).items()
        }
        record, tensors = evaluate_run(data, split, predictions, self.cell.split.long_tail)
        return {"identity": self.identity, **record}, tensors


Task = PretrainTask | RegressTask | BaselineTask
Run = RegressTask | BaselineTask


def _projection(encoder: nn.Module, width: int | None) -> nn.Module | None:
    """Make the perceptron between embedding and objective, with one hidden layer."""
    if width is None:
        return None
    embedding_dim = int(encoder.embedding_dim)  # type: ignore[arg-type]
    return Head(embedding_dim, width, [embedding_dim])


def _stage_identity(stage: Stage) -> dict[str, Any]:
    """Return all that determines a stage, its objective's options in full."""
    objective = stage.objective.identity(LOSSES) if stage.objective else None
    # What it learns from is told by the cell.
    found = {**stage.model_dump(exclude={"data"}), "objective": objective}
    if not found.get("balanced"):  # As runs were named before there were classes.
        found.pop("balanced", None)
    return found


def prepared_objective(
    stage: Stage, split: PreparedSplit, encoder: nn.Module, seed: int
) -> nn.Module:
    """Make a stage's objective and let it see the training set's labels."""
    assert stage.objective is not None
    objective: nn.Module = stage.objective.make(LOSSES)
    if isinstance(objective, PretrainLoss):
        width = stage.projection_dim or int(encoder.embedding_dim)  # type: ignore[arg-type]
        objective.setup(split.targets[split.train], width, seed)
    return objective


def _fresh_encoder(part: Part, seed: int) -> Encoder:
    torch.manual_seed(seed)
    encoder: Encoder = part.make(ENCODERS)
    return encoder
