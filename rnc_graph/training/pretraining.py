"""Stage 1: an encoder learns an embedding under an objective."""

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from rnc_graph.errors import BadValueError
from rnc_graph.training.classes import SELECTED_BY_ERROR, KnownError
from rnc_graph.training.contrast import Contrast
from rnc_graph.training.distributed import gathered
from rnc_graph.training.finetuning import HEAD_LOSSES
from rnc_graph.training.fit import SELECTED_BY, Batches, History, check_finite, fit
from rnc_graph.training.missing import KnownMAE
from rnc_graph.training.stage_config import StageConfig
from rnc_graph.training.trainer_config import DEFAULT_TRAINER, TrainerConfig


class Pretraining(L.LightningModule):
    """An encoder, an optional projection, and an objective; beside them an online probe.

    The probe is a linear L1 regressor on the detached embedding, or with classes a linear
    classifier: it shows how well a frozen encoder would do at each epoch, and no gradient of it
    reaches the encoder.

    Args:
        encoder: V * B inputs in, embedding (V * B, d) out; has ``embedding_dim``.
        objective: ``(features (B, V, d), labels (B, t)) -> scalar``, or a ``QueueLoss``;
            prepared, if it wants to be.
        targets: t.
        config: how it is trained.
        projection: between embedding and objective; later stages do without it.
        classes: C, where the one target is a class number; None for targets that are measured.

    Raises:
        RncGraphError: classes with several targets, or fewer than 2.
    """

    def __init__(
        self,
        encoder: nn.Module,
        objective: nn.Module,
        targets: int,
        config: StageConfig,
        projection: nn.Module | None = None,
        classes: int | None = None,
    ) -> None:
        super().__init__()
        if classes is not None and (targets != 1 or classes < 2):
            raise BadValueError(
                f"found {targets} targets and {classes} classes, right are one target, the class "
                "number, and 2 classes or more"
            )
        embedding_dim = int(encoder.embedding_dim)  # type: ignore[arg-type]
        self.encoder = encoder
        self.contrast = Contrast(objective, encoder, projection)
        # A batch normalization, since the embedding's scale is the objective's own affair.
        self.probe = nn.Sequential(
            nn.BatchNorm1d(embedding_dim, affine=False),
            nn.Linear(embedding_dim, classes or targets),
        )
        self.probe_loss = HEAD_LOSSES["l1" if classes is None else "cross-entropy"]
        self.selected_by = SELECTED_BY if classes is None else SELECTED_BY_ERROR
        self.validation = KnownMAE() if classes is None else KnownError()
        self.config = config

    def training_step(self, batch: tuple[Any, Tensor], _: int) -> Tensor:
        """Return the objective of one batch, plus the probe's own loss."""
        inputs, targets = batch
        embedding = check_finite(self.encoder(inputs))
        objective = self.contrast(self.encoder, inputs, embedding, targets)
        views = len(embedding) // len(targets)
        predicted = gathered(self.probe(embedding.detach()))
        wanted = gathered(targets.repeat(views, 1))
        probe = self.probe_loss(predicted, wanted)
        self.log(
            "training_objective", objective, on_step=False, on_epoch=True, batch_size=len(wanted)
        )
        loss: Tensor = objective + probe
        return loss

    def validation_step(self, batch: tuple[Any, Tensor], _: int) -> None:
        """Log the probe's MAE, or its error."""
        inputs, targets = batch
        self.validation.update(self.probe(self.encoder(inputs)), targets)
        self.log(self.selected_by, self.validation, batch_size=len(targets))

    def configure_optimizers(self) -> Any:
        """Return optimizer and schedule."""
        return self.config.configure(
            self.parameters(), int(self.trainer.estimated_stepping_batches)
        )


def pretrain(
    encoder: nn.Module,
    objective: nn.Module,
    training: Batches,
    validation: Batches,
    *,
    targets: int,
    config: StageConfig,
    projection: nn.Module | None = None,
    classes: int | None = None,
    seed: int,
    trainer: TrainerConfig = DEFAULT_TRAINER,
) -> History:
    """Pretrain ``encoder`` in place; it ends with the weights of the probe's best epoch.

    The arguments are those of :class:`Pretraining`; the best epoch has the lowest validation MAE of
    the probe, with ``classes`` its lowest error.
    """
    torch.manual_seed(seed)
    module = Pretraining(encoder, objective, targets, config, projection, classes)
    return fit(module, training, validation, config, trainer=trainer)
