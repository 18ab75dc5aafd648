"""A member that learns its embedding: an encoder, the descriptors beside it, and a head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rnc_graph.data import Batches
from rnc_graph.data.table import FloatArray
from rnc_graph.data.transforms import make_view
from rnc_graph.encoders import ENCODERS, Encoder, Head
from rnc_graph.losses import LOSSES, PretrainLoss
from rnc_graph.models.inputs import Inputs
from rnc_graph.models.settings import ModelSettings
from rnc_graph.training import TrainerConfig, infer, pretrain, regress


class Beside(nn.Module):
    """Fixed features beside an embedding: (inputs, (B, k)) -> (B, d + k).

    The embedding is batch-normalized first, so that both come at one scale.
    """

    def __init__(self, encoder: nn.Module, embedding_dim: int, features: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.norm = nn.BatchNorm1d(embedding_dim)
        self.embedding_dim = embedding_dim + features

    def forward(self, inputs: tuple[Any, Tensor]) -> Tensor:
        """Return the (B, d + k) features."""
        molecules, features = inputs
        return torch.cat([self.norm(self.encoder(molecules)), features], dim=1)


class Network:
    """An encoder with a head on its embedding and k scores.

    Args:
        settings: of the model.
        scores: k.
        targets: t.
    """

    kind = "network"

    def __init__(self, settings: ModelSettings, scores: int, targets: int) -> None:
        self.encoder: Encoder = ENCODERS.make(settings.encoder, **settings.options_of_encoder)
        self.beside = Beside(self.encoder, self.encoder.embedding_dim, scores)
        self.head = Head(
            self.beside.embedding_dim, targets, settings.head_hidden, settings.head_dropout
        )
        self.modules = nn.ModuleDict({"beside": self.beside, "head": self.head})

    def fit(
        self,
        inputs: Inputs,
        targets: Tensor,
        train: Tensor,
        selection: Tensor,
        settings: ModelSettings,
        *,
        seed: int,
        device: str = "cpu",
        on_epoch: Callable[[], None] = lambda: None,
    ) -> Network:
        """Train both stages; each ends with the weights of its best epoch on the selection set.

        Args:
            inputs: N molecules.
            targets: (N, t) standardized, NaN where missing.
            train: rows to learn from.
            selection: rows that choose the epoch.
            settings: of the model.
            seed: of the order of the molecules, the views and the dropout.
            device: a Lightning accelerator.
            on_epoch: called after each epoch.
        """
        config = settings.config
        if settings.objective is not None:
            width = self.encoder.embedding_dim
            objective = LOSSES.make(settings.objective, **settings.objective_options)
            if isinstance(objective, PretrainLoss):
                objective.setup(targets[train], width, seed)
            pretrain(
                self.encoder,
                objective,
                Batches(
                    inputs.batch,
                    targets,
                    train,
                    settings.batch_size,
                    shuffle_seed=seed,
                    views=settings.views,
                    view=make_view(settings.augmentation),
                ),
                Batches(inputs.batch, targets, selection),
                targets=targets.shape[1],
                config=config(settings.pretraining_epochs),
                # The objective shapes the embedding less bluntly through a projection.
                projection=Head(width, width, [width]),
                seed=seed,
                trainer=TrainerConfig(device, on_epoch),
            )
        beside: nn.Module = self.beside
        take = _with_scores(inputs.batch, inputs.scores)
        if settings.freeze_encoder:
            # Its embeddings are computed once and stand in for the molecules.
            embedded = infer(
                self.encoder, Batches(inputs.batch, targets, torch.arange(len(inputs)))
            )
            take = _with_scores(embedded.__getitem__, inputs.scores)
            self.beside.encoder = nn.Identity()
        regress(
            beside,
            self.head,
            Batches(take, targets, train, settings.batch_size, shuffle_seed=seed),
            Batches(take, targets, selection),
            head_loss=settings.head_loss,
            config=config(settings.epochs),
            seed=seed,
            trainer=TrainerConfig(device, on_epoch),
        )
        self.beside.encoder = self.encoder
        self.modules.requires_grad_(False).eval().cpu()
        return self

    def embed(self, inputs: Inputs) -> Tensor:
        """Return the encoder's (N, d) embedding."""
        rows = torch.arange(len(inputs))
        return infer(self.encoder, Batches(inputs.batch, rows, rows))

    def predict(self, inputs: Inputs) -> FloatArray:
        """Return the (N, t) standardized predictions."""
        rows = torch.arange(len(inputs))
        take = _with_scores(inputs.batch, inputs.scores)
        model = nn.Sequential(self.beside, self.head)
        return infer(model, Batches(take, rows, rows)).double().numpy()

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights."""
        return dict(self.modules.state_dict())

    def load(self, tensors: dict[str, Tensor]) -> Network:
        """Take the weights; raises ``RuntimeError`` where they do not fit."""
        self.modules.load_state_dict(tensors)
        self.modules.requires_grad_(False).eval()
        return self


def _with_scores(
    take: Callable[[Tensor], Any], scores: Tensor
) -> Callable[[Tensor], tuple[Any, Tensor]]:
    return lambda rows: (take(rows), scores[rows])
