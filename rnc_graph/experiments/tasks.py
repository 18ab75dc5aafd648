"""The pieces of work of an experiment, each a pure function of its identity.

A pretraining is shared by all runs that need it; a run is one cell of the grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rnc_graph.data import Batches, MoleculeData, PreparedSplit
from rnc_graph.data.table import FloatArray
from rnc_graph.data.views import make_view
from rnc_graph.encoders import ENCODERS, GraphEncoder, Head
from rnc_graph.evaluation import regression_metrics
from rnc_graph.experiments.baselines import baseline_predictions
from rnc_graph.experiments.spec import Part, PretrainingSpec, RegressionSpec
from rnc_graph.experiments.store import Store, digest
from rnc_graph.losses import LOSSES
from rnc_graph.training import History, infer, pretrain, regress

# Raised when the same identity would give other numbers, so that no store mixes the two.
FORMAT = 1

Record = dict[str, Any]
Tensors = dict[str, Tensor]
OnEpoch = Callable[[], None]


@dataclass(frozen=True)
class Cell:
    """What all tasks of one split share.

    Attributes:
        data: digest of the data set.
        fractions: shares of training, validation and test part.
        seed: of the split, the initial weights, and the order of the batches.
    """

    data: str
    fractions: tuple[float, float, float]
    seed: int

    def identity(self) -> dict[str, Any]:
        """Return what results depend on."""
        return {
            "format": FORMAT,
            "data": self.data,
            "fractions": list(self.fractions),
            "seed": self.seed,
        }


@dataclass(frozen=True)
class Resources:
    """What a process needs for any task: the data, the store, and a Lightning accelerator."""

    data: MoleculeData
    store: Store
    device: str


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
        return {
            **self.cell.identity(),
            "encoder": self.encoder.model_dump(),
            "pretraining": self.pretraining.model_dump(),
        }

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
        split = at.data.split(self.cell.seed, self.cell.fractions)
        spec = self.pretraining
        encoder = _fresh_encoder(self.encoder, self.cell.seed)
        history = pretrain(
            encoder,
            spec.objective.make(LOSSES),
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
        return {"identity": self.identity(), "history": history}, encoder.state_dict()


@dataclass(frozen=True)
class RegressTask:
    """One run: stage 2, on a pretrained or a fresh encoder.

    ``row``, the method's name, is for people alone: nothing depends on it.
    """

    row: str
    cell: Cell
    encoder: Part
    pretrained: PretrainTask | None
    regression: RegressionSpec
    evaluate: str

    @property
    def label(self) -> str:
        """What progress calls the task."""
        return f"{self.row}, {self.encoder.name}"

    def identity(self) -> dict[str, Any]:
        """Return all that determines the result."""
        pretraining = self.pretrained.pretraining.model_dump() if self.pretrained else None
        return {
            **self.cell.identity(),
            "encoder": self.encoder.model_dump(),
            "pretraining": pretraining,
            "regression": self.regression.model_dump(),
            "evaluate": self.evaluate,
        }

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
        split = at.data.split(self.cell.seed, self.cell.fractions)
        encoder = _fresh_encoder(self.encoder, self.cell.seed)
        if self.pretrained is not None:
            encoder.load_state_dict(at.store.tensors(self.pretrained.key))
        head = Head(
            encoder.embedding_dim,
            split.targets.shape[1],
            self.regression.head_hidden,
            self.regression.head_dropout,
        )
        history = self._train(at, split, encoder, head, on_epoch)
        parts = _parts(split, self.evaluate)
        predictions = {}
        for name, rows in parts.items():
            embedding = infer(encoder, Batches(at.data.graphs.batch, split.targets, rows))
            predictions[name] = infer(head, [(embedding, split.targets[rows])]).double().numpy()
        record, tensors = _results(at.data.table.targets, split, predictions)
        # The part evaluated last is the one that figures show.
        return (
            {"identity": self.identity(), "history": history, **record},
            {**tensors, "embedding": embedding},
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
            objective=spec.objective.make(LOSSES) if spec.objective else None,
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
        return {**self.cell.identity(), "baseline": self.name, "evaluate": self.evaluate}

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
        split = at.data.split(self.cell.seed, self.cell.fractions)
        predicted = baseline_predictions(
            self.name, at.data.table, split.train.numpy(), self.cell.seed
        )
        standardised = split.scaler.standardise(predicted)
        predictions = {
            name: standardised[rows.numpy()] for name, rows in _parts(split, self.evaluate).items()
        }
        record, tensors = _results(at.data.table.targets, split, predictions)
        return {"identity": self.identity(), **record}, tensors


Task = PretrainTask | RegressTask | BaselineTask
Run = RegressTask | BaselineTask


def _projection(encoder: nn.Module, width: int | None) -> nn.Module | None:
    """Make the perceptron between embedding and objective, with one hidden layer."""
    if width is None:
        return None
    embedding_dim = int(encoder.embedding_dim)  # type: ignore[arg-type]
    return Head(embedding_dim, width, [embedding_dim])


def _fresh_encoder(part: Part, seed: int) -> GraphEncoder:
    torch.manual_seed(seed)
    encoder: GraphEncoder = part.make(ENCODERS)
    return encoder


def _parts(split: PreparedSplit, evaluate: str) -> dict[str, Tensor]:
    """Return the rows of the parts to evaluate; the test part is not touched for validation."""
    parts = {"validation": split.validation, "test": split.test}
    return {
        name: rows for name, rows in parts.items() if name == "validation" or evaluate == "test"
    }


def _results(
    targets: FloatArray, split: PreparedSplit, predictions: dict[str, FloatArray]
) -> tuple[Record, Tensors]:
    """Return the metrics of standardised predictions, and the predictions in the targets' unit."""
    metrics: dict[str, dict[str, dict[str, float]]] = {}
    tensors: Tensors = {}
    for part, predicted in predictions.items():
        rows = getattr(split, part)
        measured = targets[rows.numpy()]
        restored = split.scaler.restore(predicted)
        metrics[part] = {
            "standardised": regression_metrics(split.scaler.standardise(measured), predicted),
            "unit": regression_metrics(measured, restored),
        }
        tensors[f"{part}_rows"] = rows
        tensors[f"{part}_predictions"] = torch.from_numpy(restored)
    return {"metrics": metrics}, tensors
