"""Stage 2: a head on an encoder, frozen or fine-tuned; on a fresh one, plain regression."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnc_graph.errors import UnknownNameError
from rnc_graph.training.classes import SELECTED_BY_ERROR, KnownError, cross_entropy
from rnc_graph.training.contrast import Contrast
from rnc_graph.training.distributed import gathered
from rnc_graph.training.fit import SELECTED_BY, Batches, History, check_finite, fit
from rnc_graph.training.missing import KnownMAE, mean_over_known
from rnc_graph.training.stage_config import StageConfig
from rnc_graph.training.trainer_config import DEFAULT_TRAINER, TrainerConfig

MeasuredLoss = Literal["l1", "l2", "huber"]
"""For targets that are measured."""

HeadLoss = Literal["l1", "l2", "huber", "cross-entropy"]
"""Those, and the one for classes."""

# Of what the head says and targets (N, t), NaN where missing.
HEAD_LOSSES: dict[HeadLoss, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": partial(mean_over_known, F.l1_loss),
    "l2": partial(mean_over_known, F.mse_loss),
    "huber": partial(mean_over_known, F.huber_loss),
    "cross-entropy": cross_entropy,
}


class Regression(L.LightningModule):
    """An encoder with a head, trained together.

    Args:
        encoder: inputs in, embedding (N, d) out.
        head: embedding in, standardized predictions (N, t) out; with classes logits (N, C).
        head_loss: "l1", "l2" or "huber" (whose threshold is one standard deviation), selected by
            the validation MAE; or "cross-entropy", for targets (B, 1) that are class numbers,
            selected by the validation error.
        config: how it is trained.
        objective: for joint training, ``(features (B, V, d), labels (B, t)) -> scalar`` or a
            ``QueueLoss``; prepared, if it wants to be.
        objective_weight: what the objective is multiplied by before it is added to the head's loss.
        projection: between embedding and objective.

    Raises:
        UnknownNameError: an unknown head loss.
    """

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        head_loss: HeadLoss,
        config: StageConfig,
        objective: nn.Module | None = None,
        objective_weight: float = 0.0,
        projection: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        if head_loss not in HEAD_LOSSES:
            raise UnknownNameError("head loss", head_loss, list(HEAD_LOSSES))
        self.head_loss = HEAD_LOSSES[head_loss]
        classes = head_loss == "cross-entropy"
        self.selected_by = SELECTED_BY_ERROR if classes else SELECTED_BY
        self.validation = KnownError() if classes else KnownMAE()
        self.config = config
        self.contrast = Contrast(objective, encoder, projection) if objective is not None else None
        self.objective_weight = objective_weight

    def training_step(self, batch: tuple[Any, Tensor], _: int) -> Tensor:
        """Return the loss of one batch of V views."""
        inputs, targets = batch
        embedding = check_finite(self.encoder(inputs))
        views = len(embedding) // len(targets)
        predicted, wanted = gathered(self.head(embedding)), gathered(targets.repeat(views, 1))
        loss = self.head_loss(predicted, wanted)
        if self.contrast is not None:
            objective = self.contrast(self.encoder, inputs, embedding, targets)
            loss = loss + self.objective_weight * objective
        self.log("training_loss", loss, on_step=False, on_epoch=True, batch_size=len(wanted))
        return loss

    def validation_step(self, batch: tuple[Any, Tensor], _: int) -> None:
        """Log the MAE, or the error."""
        inputs, targets = batch
        self.validation.update(self.head(self.encoder(inputs)), targets)
        self.log(self.selected_by, self.validation, batch_size=len(targets))

    def configure_optimizers(self) -> Any:
        """Return optimizer and schedule."""
        return self.config.configure(
            self.parameters(), int(self.trainer.estimated_stepping_batches)
        )


def regress(
    encoder: nn.Module,
    head: nn.Module,
    training: Batches,
    validation: Batches,
    *,
    head_loss: HeadLoss,
    config: StageConfig,
    objective: nn.Module | None = None,
    objective_weight: float = 0.0,
    projection: nn.Module | None = None,
    seed: int,
    trainer: TrainerConfig = DEFAULT_TRAINER,
) -> History:
    """Train ``encoder`` and ``head`` in place; they end with the weights of their best epoch.

    For a frozen encoder give its embeddings as inputs, computed once by :func:`infer`, and
    ``nn.Identity()`` as the encoder: nothing of the real one can move then.
    """
    torch.manual_seed(seed)
    module = Regression(encoder, head, head_loss, config, objective, objective_weight, projection)
    return fit(module, training, validation, config, trainer=trainer)
