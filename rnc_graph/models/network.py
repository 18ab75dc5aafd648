"""A member that learns its embedding: an encoder, descriptors next to its embedding, and a head."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rnc_graph.data import Subset
from rnc_graph.data.table import FloatArray
from rnc_graph.data.transforms import make_view
from rnc_graph.encoders import Head, make_encoder
from rnc_graph.losses import LOSSES
from rnc_graph.models.inputs import Inputs, example_molecules
from rnc_graph.models.settings import ModelSettings
from rnc_graph.seeding import seeded
from rnc_graph.training import TrainerConfig, infer
from rnc_graph.training.inference import torch_device


class DescriptorEncoder(nn.Module):
    """Concatenates the embedding (B, d) of inputs, batch-normalized, and descriptors (B, k)."""

    def __init__(self, encoder: nn.Module, embedding_dim: int, descriptors: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.norm = nn.BatchNorm1d(embedding_dim)
        self.embedding_dim = embedding_dim + descriptors

    def forward(self, inputs: tuple[Any, Tensor]) -> Tensor:
        """Return the (B, d + k) features."""
        molecules, descriptors = inputs
        return self.joined(self.encoder(molecules), descriptors)

    def joined(self, embedding: Tensor, descriptors: Tensor) -> Tensor:
        """Return the (B, d + k) features of molecules that the encoder has embedded."""
        return torch.cat([self.norm(embedding), descriptors], dim=1)


@dataclass(frozen=True)
class _WithDescriptors:
    """N molecules, or their embeddings (N, d), with their descriptors (N, k)."""

    molecules: Inputs | Tensor
    descriptors: Tensor

    @property
    def nbytes(self) -> int:
        return self.molecules.nbytes + self.descriptors.nbytes

    @property
    def device(self) -> torch.device:
        return self.descriptors.device

    def batch(self, index: Tensor) -> tuple[Any, Tensor]:
        own = index.to(self.descriptors.device)
        if isinstance(self.molecules, Tensor):
            return self.molecules[own], self.descriptors[own]
        return self.molecules.batch(index), self.descriptors[own]

    def to(self, device: torch.device) -> _WithDescriptors:
        return _WithDescriptors(self.molecules.to(device), self.descriptors.to(device))


class Network:
    """An encoder with a head on its embedding and k descriptors.

    Args:
        settings: of the model.
        n_scores: k.
        n_targets: t.
        seed: of the first weights.
    """

    kind = "network"

    def __init__(
        self, settings: ModelSettings, n_scores: int, n_targets: int, seed: int = 0
    ) -> None:
        with seeded(seed):
            encoder = make_encoder(
                copy.deepcopy(settings.encoder), settings.options_of_encoder, example_molecules()
            )
            width = int(encoder.embedding_dim)  # type: ignore[arg-type]
            beside = DescriptorEncoder(encoder, width, n_scores)
            head = Head(
                beside.embedding_dim, n_targets, settings.head_hidden, settings.head_dropout
            )
        # The names are those of saved models.
        self.modules = nn.ModuleDict({"beside": beside, "head": head})

    @property
    def encoder(self) -> Any:
        """The encoder of the molecules."""
        return self.modules["beside"].encoder

    @property
    def embedding_dim(self) -> int:
        """d."""
        return int(self.encoder.embedding_dim)

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

        ``targets`` are (N, t) standardized, NaN where missing, or as ``weighted_bounds`` makes
        them; ``train`` and ``selection`` are rows of them; ``seed`` is that of order, views and
        dropout.
        """
        from rnc_graph.training import TwoStage

        trainer = TrainerConfig(device, on_epoch)

        def sets(molecules: Any) -> dict[str, Subset]:
            named = {"train": train, "val": selection}
            return {
                name: Subset(molecules, rows, targets[rows])
                for name, rows in named.items()
                if len(rows)
            }

        pretrain, finetune = settings.stages
        if settings.objective is not None:
            stage_1 = TwoStage(
                self.encoder,
                loss=LOSSES.make(settings.objective, **settings.objective_options),
                transform=make_view(settings.augmentation),
                views=settings.views,
                projection_dim=self.embedding_dim,
                pretrain=pretrain,
                standardize=False,
                trainer=trainer,
            ).pretrain(**sets(inputs), seed=seed)
            self.encoder.load_state_dict(stage_1.encoder.state_dict())
        encoder, beside = self.encoder, self.modules["beside"]
        molecules: Inputs | Tensor = inputs
        if settings.freeze_encoder:
            batches = ((one.batch,) for one in inputs.molecules)
            molecules = infer(encoder, batches, torch_device(device))
            beside.encoder = nn.Identity()
        stage_2 = TwoStage(
            beside,
            loss=None,
            head_loss=settings.head_loss,
            head_hidden=settings.head_hidden,
            head_dropout=settings.head_dropout,
            finetune=finetune,
            standardize=False,
            trainer=trainer,
        ).finetune(**sets(_WithDescriptors(molecules, inputs.scores)), seed=seed)
        if settings.freeze_encoder:
            stage_2.encoder.encoder = encoder
        self.modules = nn.ModuleDict({"beside": stage_2.encoder, "head": stage_2.head})
        self.modules.requires_grad_(False).eval()
        return self

    def embed(self, inputs: Inputs) -> Tensor:
        """Return the encoder's (N, d) embedding."""
        return inputs.molecules.embed(self.encoder)

    @torch.no_grad()
    def predict(self, inputs: Inputs) -> FloatArray:
        """Return the (N, t) standardized predictions."""
        device = next(self.modules.parameters()).device
        embedding, scores = (x.to(device) for x in (self.embed(inputs), inputs.scores))
        beside: Any = self.modules["beside"]
        predicted: Tensor = self.modules["head"](beside.joined(embedding, scores))
        values: FloatArray = predicted.cpu().double().numpy()
        return values

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights."""
        return dict(self.modules.state_dict())

    def load(self, tensors: dict[str, Tensor]) -> Network:
        """Take the weights; raises ``RuntimeError`` where they do not fit."""
        self.modules.load_state_dict(tensors)
        self.modules.requires_grad_(False).eval()
        return self
