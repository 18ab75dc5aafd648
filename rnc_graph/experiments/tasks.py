"""The pieces of work of an experiment, each a pure function of its identity.

A pretraining is shared by all runs that need it; a run is one cell of the grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rnc_graph.data import Batches, PreparedSplit
from rnc_graph.data.views import make_view
from rnc_graph.encoders import ENCODERS, GraphEncoder, Head
from rnc_graph.experiments.baselines import baseline_predictions
from rnc_graph.experiments.cell import Cell, Record, Resources, Tensors, with_code
from rnc_graph.experiments.judging import evaluated_parts, judge_embedding, judge_predictions
from rnc_graph.experiments.sections import (
    Part,
    PretrainingSpec,
    RegressionSpec,
    RepresentationSpec,
    Stage,
)
from rnc_graph.experiments.store import digest
from rnc_graph.objectives import OBJECTIVES
from rnc_graph.training import History, Objective, infer, pretrain, regress

OnEpoch = Callable[[], None]


@dataclass(frozen=True)
class PretrainTask:
    """Stage 1 of one encoder, objective and seed."""

    cell: Cell
    encoder: Part
    pretraining: PretrainingSpec

    @property
    def label(self) -> str:
        """What progress calls the task."""
        return f"pretraining with {self.pretraining.objective.name}, {self.encoder.name}"

    def identity(self) -> dict[str, Any]:
        """Return all that determines the result."""
        return with_code(
            {
                **self.cell.identity(),
                "encoder": self.encoder.identity(ENCODERS),
                "pretraining": _stage_identity(self.pretraining),
            }
        )

    @property
    def key(self) -> str:
        """Name of the entry in the store."""
        return f"stage1-{self.encoder.name}-seed{self.cell.seed}-{digest(self.identity())}"

    @property
    def epochs(self) -> int:
        """How often the task reports an epoch."""
        return self.pretraining.epochs

    @property
    def epoch_cost(self) -> float:
        """Rough cost of an epoch, in passes of the encoder over the training part."""
        return float(self.pretraining.views)

    def run(self, at: Resources, on_epoch: OnEpoch) -> tuple[Record, Tensors]:
        """Pretrain, and return the encoder's weights and the history."""
        split = self.cell.split(at.data)
        spec = self.pretraining
        encoder = _fresh_encoder(self.encoder, self.cell.seed)
        objective = prepared_objective(spec, split, encoder, self.cell.seed)
        history = pretrain(
            encoder,
            objective,
            Batches(
                at.data.graphs.batch,
                split.targets,
                split.train,
                spec.batch_size,
                shuffle_seed=self.cell.seed,
                views=spec.views,
                view=make_view(spec.augmentation),
            ),
            Batches(at.data.graphs.batch, split.targets, split.validation),
            targets=split.targets.shape[1],
            optimisation=spec,
            projection=_projection(encoder, spec.projection_dim),
            seed=self.cell.seed,
            device=at.device,
            on_epoch=on_epoch,
        )
        parts = nn.ModuleDict({"encoder": encoder, "objective": objective})
        return {"identity": self.identity(), "history": history}, parts.state_dict()


@dataclass(frozen=True)
class RegressTask:
    """One run: stage 2, on a pretrained or a fresh encoder.

    ``row``, the method's name, is for people alone: nothing depends on it. ``outside`` is the
    digest of the molecules from elsewhere.
    """

    row: str
    cell: Cell
    encoder: Part
    pretrained: PretrainTask | None
    regression: RegressionSpec
    evaluate: str
    representation: RepresentationSpec | None
    outside: str | None

    @property
    def label(self) -> str:
        """What progress calls the task."""
        return f"{self.row}, {self.encoder.name}"

    def identity(self) -> dict[str, Any]:
        """Return all that determines the result."""
        pretraining = _stage_identity(self.pretrained.pretraining) if self.pretrained else None
        return with_code(
            {
                **self.cell.identity(),
                **self.cell.judged(),
                "encoder": self.encoder.identity(ENCODERS),
                "pretraining": pretraining,
                "regression": _stage_identity(self.regression),
                "evaluate": self.evaluate,
                "representation": (
                    self.representation.model_dump() if self.representation else None
                ),
                "outside": self.outside,
            }
        )

    @property
    def key(self) -> str:
        """Name of the entry in the store."""
        return f"run-{self.encoder.name}-seed{self.cell.seed}-{digest(self.identity())}"

    @property
    def epochs(self) -> int:
        """How often the task reports an epoch."""
        return self.regression.epochs

    @property
    def epoch_cost(self) -> float:
        """Rough cost of an epoch, in passes of the encoder over the training part."""
        return 0.1 if self.regression.freeze else float(self.regression.views)

    def run(self, at: Resources, on_epoch: OnEpoch) -> tuple[Record, Tensors]:
        """Train, predict the validation part, and then the test part once."""
        split = self.cell.split(at.data)
        encoder = _fresh_encoder(self.encoder, self.cell.seed)
        if self.pretrained is not None:
            stored = at.store.tensors(self.pretrained.key)
            own = "encoder."
            encoder.load_state_dict(
                {k.removeprefix(own): v for k, v in stored.items() if k.startswith(own)}
            )
        head = Head(
            encoder.embedding_dim,
            split.targets.shape[1],
            self.regression.head_hidden,
            self.regression.head_dropout,
        )
        history = self._train(at, split, encoder, head, on_epoch)
        embeddings, predictions = {}, {}
        for name, rows in evaluated_parts(split, self.evaluate).items():
            embeddings[name] = infer(encoder, Batches(at.data.graphs.batch, split.targets, rows))
            predicted = infer(head, [(embeddings[name], split.targets[rows])])
            predictions[name] = predicted.double().numpy()
        record, tensors = judge_predictions(at.data, split, predictions, self.cell.long_tail)
        judged = embeddings[self.evaluate]
        if self.representation is not None:
            record["measures"] |= judge_embedding(
                encoder, at.data, split, self.evaluate, judged, at.outside, self.representation
            )
        return (
            {"identity": self.identity(), "history": history, **record},
            {**tensors, "embedding": judged},
        )

    def _train(
        self,
        at: Resources,
        split: PreparedSplit,
        encoder: nn.Module,
        head: nn.Module,
        on_epoch: OnEpoch,
    ) -> History:
        """Train the head, and the encoder unless it is frozen."""
        take: Callable[[Tensor], Any] = at.data.graphs.batch
        if self.regression.freeze:
            # Its embeddings are computed once and stand in for the molecules. The test part has
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
                view=make_view(spec.augmentation),
            ),
            Batches(take, split.targets, split.validation),
            head_loss=spec.head_loss,
            optimisation=spec,
            objective=objective,
            objective_weight=spec.objective_weight,
            projection=projection,
            seed=self.cell.seed,
            device=at.device,
            on_epoch=on_epoch,
        )


@dataclass(frozen=True)
class BaselineTask:
    """One run of a baseline."""

    cell: Cell
    name: str
    evaluate: str

    @property
    def label(self) -> str:
        """What progress calls the task."""
        return self.name

    def identity(self) -> dict[str, Any]:
        """Return all that determines the result."""
        return {
            **self.cell.identity(),
            **self.cell.judged(),
            "baseline": self.name,
            "evaluate": self.evaluate,
        }

    @property
    def key(self) -> str:
        """Name of the entry in the store."""
        return f"baseline-{self.name}-seed{self.cell.seed}-{digest(self.identity())}"

    @property
    def epochs(self) -> int:
        """How often the task reports an epoch."""
        return 0

    @property
    def epoch_cost(self) -> float:
        """Rough cost of an epoch."""
        return 0.0

    def run(self, at: Resources, on_epoch: OnEpoch) -> tuple[Record, Tensors]:
        """Fit, and predict the validation and the test part."""
        split = self.cell.split(at.data)
        predicted = baseline_predictions(
            self.name, at.data.table, split.train.numpy(), self.cell.seed
        )
        standardised = split.scaler.standardise(predicted)
        predictions = {
            name: standardised[rows.numpy()]
            for name, rows in evaluated_parts(split, self.evaluate).items()
        }
        record, tensors = judge_predictions(at.data, split, predictions, self.cell.long_tail)
        return {"identity": self.identity(), **record}, tensors


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
    objective = stage.objective.identity(OBJECTIVES) if stage.objective else None
    return {**stage.model_dump(), "objective": objective}


def prepared_objective(
    stage: Stage, split: PreparedSplit, encoder: nn.Module, seed: int
) -> nn.Module:
    """Make a stage's objective and let it see the training part's labels."""
    assert stage.objective is not None
    objective: nn.Module = stage.objective.make(OBJECTIVES)
    if isinstance(objective, Objective):
        width = stage.projection_dim or int(encoder.embedding_dim)  # type: ignore[arg-type]
        objective.prepare(split.targets[split.train], width, seed)
    return objective


def _fresh_encoder(part: Part, seed: int) -> GraphEncoder:
    torch.manual_seed(seed)
    encoder: GraphEncoder = part.make(ENCODERS)
    return encoder
