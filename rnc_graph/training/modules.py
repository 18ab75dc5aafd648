"""The two stages as Lightning modules."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from rnc_graph.data.bounds import exact
from rnc_graph.data.loader import split_targets
from rnc_graph.encoders.wrapper import takes_parts
from rnc_graph.errors import BadValueError, RunError, UnknownNameError
from rnc_graph.training.config import FinetuneConfig, HeadLoss, StageConfig
from rnc_graph.training.contrast import Contrast
from rnc_graph.training.distributed import gathered
from rnc_graph.training.head_losses import HEAD_LOSSES, KnownError, KnownMAE
from rnc_graph.training.inference import check_rows


class StageModule(L.LightningModule):
    """What the two stages share: batches, validation, optimizer.

    A batch is a pair of V * B inputs and targets (B, t), NaN where missing, as
    ``rnc_graph.data.Loader`` yields them, or a PyG ``Batch`` with ``y``. Targets with bounds and
    weights are (B, t, 3), as ``weighted_bounds`` makes them. ``selected_by`` names the validation
    metric: "validation_mae", or "validation_error" (1 - accuracy) for classes.
    """

    def __init__(self, config: StageConfig, classes: bool) -> None:
        super().__init__()
        self.config = config
        self.validation = KnownError() if classes else KnownMAE()
        self.selected_by = self.validation.logged_as

    @abstractmethod
    def forward(self, inputs: Any) -> Tensor:
        """Return predictions (B, t), or logits (B, C), in the units of the targets."""

    def validation_step(self, batch: Any, _: int) -> None:
        """Log the validation metric."""
        self._evaluate(batch, self.selected_by)

    def test_step(self, batch: Any, *_: int) -> None:
        """Log the same metric as "test_mae" or "test_error"."""
        self._evaluate(batch, self.selected_by.replace("validation", "test"))

    def _evaluate(self, batch: Any, name: str) -> None:
        inputs, y_true = split_targets(batch)
        self.validation.update(check_rows(self(inputs), inputs), y_true)
        self.log(name, self.validation, batch_size=len(y_true))

    def predict_step(self, batch: Any, *_: int) -> Tensor:
        """Return what :meth:`forward` does of the inputs of a batch; it needs no targets."""
        predicted: Tensor = self(batch[0] if isinstance(batch, list | tuple) else batch)
        return predicted

    def configure_optimizers(self) -> Any:
        """Return the optimizer and its schedule."""
        steps = int(self.trainer.estimated_stepping_batches)
        return self.config.configure(self.parameter_groups(), steps)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return what an optimizer of PyTorch takes."""
        return [{"params": list(self.parameters())}]


class PretrainModule(StageModule):
    """Stage 1: an encoder, a projection and a pretraining loss; with an online probe.

    The probe, linear on the detached embedding (L1, or a classifier), shows at each epoch how good
    the encoder would be if it were frozen.

    The checkpoints of a Lightning ``Trainer`` hold the weights and the plain arguments; the modules
    are passed again: ``PretrainModule.load_from_checkpoint(path, encoder=..., loss=...)``.

    Args:
        encoder: maps V * B inputs to an embedding (V * B, d); has ``embedding_dim``; trained in
            place. ``rnc_graph.encoders.make_encoder`` makes one of any PyG model.
        loss: ``(features (B, V, d), labels (B, t)) -> scalar``, or a ``QueueLoss``; set up.
        n_targets: t.
        config: of the stage, or a dict of its fields.
        projection: between embedding and loss.
        n_classes: C, where the target is a class number.
    """

    def __init__(
        self,
        encoder: nn.Module,
        loss: nn.Module,
        n_targets: int = 1,
        config: StageConfig | Mapping[str, Any] | None = None,
        projection: nn.Module | None = None,
        n_classes: int | None = None,
    ) -> None:
        super().__init__(StageConfig.of(config), n_classes is not None)
        if n_classes is not None and (n_targets != 1 or n_classes < 2):
            raise BadValueError(
                "classes: expected one target and at least 2 classes, got "
                f"{n_targets} targets and {n_classes} classes"
            )
        self.save_hyperparameters(
            {"n_targets": n_targets, "n_classes": n_classes, "config": self.config.model_dump()}
        )
        _check_encoder(encoder, has_width=True)
        self.encoder = encoder
        self.contrast = Contrast(loss, encoder, projection)
        width = int(encoder.embedding_dim)  # type: ignore[arg-type]
        # Normalized, since the scale of the embedding is up to the loss.
        self.probe = nn.Sequential(
            nn.BatchNorm1d(width, affine=False), nn.Linear(width, n_classes or n_targets)
        )
        self.probe_loss = HEAD_LOSSES["l1" if n_classes is None else "cross-entropy"]

    def forward(self, inputs: Any) -> Tensor:
        """Return the probe's predictions (B, t), or logits (B, C)."""
        predicted: Tensor = self.probe(self.encoder(inputs))
        return predicted

    def training_step(self, batch: Any, _: int) -> Tensor:
        """Return the pretraining loss of a batch plus the loss of the probe."""
        inputs, y_true = split_targets(batch)
        y_true = exact(y_true)
        embedding = embed(self.encoder, inputs, len(y_true))
        loss = self.contrast(self.encoder, inputs, embedding, y_true)
        y_pred = gathered(self.probe(embedding.detach()))
        by_view = gathered(y_true.repeat(len(embedding) // len(y_true), 1))
        self.log("training_loss", loss, on_step=False, on_epoch=True, batch_size=len(by_view))
        total: Tensor = loss + self.probe_loss(y_pred, by_view)
        return total


class FinetuneModule(StageModule):
    """Stage 2: an encoder and a head; with a loss, joint training of both in one stage.

    ``FinetuneModule.load_from_checkpoint(path, encoder=..., head=...)`` takes the modules again, as
    :class:`PretrainModule` does.

    Args:
        encoder: maps V * B inputs to an embedding (V * B, d); trained in place. For a frozen one
            pass ``nn.Identity()`` and batches of embeddings.
        head: maps an embedding to predictions (B, t), or to logits (B, C).
        head_loss: "l1", "l2" or "huber"; or "cross-entropy" for class numbers (B, 1).
        config: of the stage, or a dict of its fields; ``TwoStage`` alone uses ``head_epochs``.
        loss: for joint training: as in :class:`PretrainModule`.
        loss_weight: factor of ``loss`` beside the head's loss.
        projection: between embedding and ``loss``.
    """

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        head_loss: HeadLoss = "l1",
        config: StageConfig | Mapping[str, Any] | None = None,
        loss: nn.Module | None = None,
        loss_weight: float = 1.0,
        projection: nn.Module | None = None,
    ) -> None:
        if head_loss not in HEAD_LOSSES:
            raise UnknownNameError("head loss", head_loss, list(HEAD_LOSSES))
        found = FinetuneConfig.of(config)
        super().__init__(found, head_loss == "cross-entropy")
        self.encoder_learning_rate = found.encoder_learning_rate
        self.save_hyperparameters(
            {"head_loss": head_loss, "loss_weight": loss_weight, "config": found.model_dump()}
        )
        _check_encoder(encoder)
        self.encoder = encoder
        self.head = head
        self.head_loss = HEAD_LOSSES[head_loss]
        self.contrast = Contrast(loss, encoder, projection) if loss is not None else None
        self.loss_weight = loss_weight

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the encoder's parameters with their own learning rate, and the others."""
        if self.encoder_learning_rate is None:
            return super().parameter_groups()
        own = dict.fromkeys(self.encoder.parameters())
        others = [parameter for parameter in self.parameters() if parameter not in own]
        return [{"params": others}, {"params": list(own), "lr": self.encoder_learning_rate}]

    def forward(self, inputs: Any) -> Tensor:
        """Return the head's predictions (B, t), or logits (B, C)."""
        predicted: Tensor = self.head(self.encoder(inputs))
        return predicted

    def training_step(self, batch: Any, _: int) -> Tensor:
        """Return the loss of a batch of V views."""
        inputs, y_true = split_targets(batch)
        embedding = embed(self.encoder, inputs, len(y_true))
        y_pred = gathered(self.head(embedding))
        by_view = gathered(torch.cat([y_true] * (len(embedding) // len(y_true))))
        loss = self.head_loss(y_pred, by_view)
        if self.contrast is not None:
            contrast = self.contrast(self.encoder, inputs, embedding, exact(y_true))
            loss = loss + self.loss_weight * contrast
        self.log("training_loss", loss, on_step=False, on_epoch=True, batch_size=len(by_view))
        return loss


def _check_encoder(encoder: nn.Module, has_width: bool = False) -> None:
    known = not has_width or isinstance(getattr(encoder, "embedding_dim", None), int)
    if takes_parts(encoder, optional=False) or not known:
        raise BadValueError(
            "encoder: expected a module that maps a batch to (B, d)"
            + (" and has embedding_dim" if has_width else "")
            + f", got {type(encoder).__name__}; make_encoder(encoder, dataset=dataset) of "
            "rnc_graph.encoders makes one of it"
        )


def embed(encoder: nn.Module, inputs: Any, samples: int) -> Tensor:
    """Return the embedding (V * B, d) of inputs that are the V views of B samples.

    Raises:
        BadValueError: it does not have a row for each view of each sample, or another width than
            the encoder's ``embedding_dim``.
        RunError: training has diverged.
    """
    embedding = check_rows(encoder(inputs), inputs)
    width = getattr(encoder, "embedding_dim", None)
    if width is not None and embedding.shape[1:] != (width,):
        raise BadValueError(
            f"encoder: expected an embedding (V * B, {width}) as its embedding_dim says, got the "
            f"shape {tuple(embedding.shape)}"
        )
    if embedding.dim() != 2 or len(embedding) % samples:
        raise BadValueError(
            f"encoder: expected an embedding (V * B, d) of {samples} samples, got the shape "
            f"{tuple(embedding.shape)}; are the outputs for nodes pooled?"
        )
    if not embedding.isfinite().all():
        raise RunError("training diverged: the embedding is not finite; try a lower learning rate")
    return embedding
