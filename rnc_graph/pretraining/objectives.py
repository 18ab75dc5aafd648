"""What an encoder is pretrained for, where there are no measurements: objectives by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from rnc_graph.data.featurizer import ATOM_FEATURE_SIZES
from rnc_graph.data.schema import MASK
from rnc_graph.data.transforms import Compose, DropEdges, MaskAttributes
from rnc_graph.encoders import GraphEncoder, Head
from rnc_graph.losses import LOSSES
from rnc_graph.training import Contrast
from rnc_graph.training.distributed import gathered

_PROJECTION = 128
_MASKED_DESCRIPTORS = 0.5
_MASKED_ATOMS = 0.15
# As strong as in the views of GraphCL (You et al., NeurIPS 2020).
_VIEW = 0.1


@dataclass(frozen=True)
class Step:
    """What an objective gets.

    Attributes:
        encoder: maps graphs to embeddings.
        graphs: a batch of B graphs.
        embedding: (B, d) of these graphs; empty if no objective sees it.
        scores: (B, k) of their descriptors, NaN where not defined.
        generator: what is drawn from.
    """

    encoder: GraphEncoder
    graphs: Any
    embedding: Tensor
    scores: Tensor
    generator: Generator


class Objective(nn.Module, ABC):
    """A loss of molecules and the scores of their descriptors, with the modules it needs.

    Args:
        encoder: what is pretrained; the objective does not keep it.
        scores: k, the number of descriptors.
    """

    sees_embedding: bool = True
    """Whether it needs the embedding of the molecules as they are."""

    @abstractmethod
    def forward(self, step: Step) -> Tensor:
        """Return the loss."""


class DescriptorRegression(Objective):
    """Predict the descriptors: the squared error over a random half of each molecule's."""

    def __init__(self, encoder: GraphEncoder, scores: int) -> None:
        super().__init__()
        self.head = Head(encoder.embedding_dim, scores, [encoder.embedding_dim])

    def forward(self, step: Step) -> Tensor:
        """Return the mean squared error."""
        predicted, scores = gathered(self.head(step.embedding)), gathered(step.scores)
        drawn = torch.rand(scores.shape, generator=step.generator)
        counted = ~scores.isnan() & (drawn.to(scores.device) >= _MASKED_DESCRIPTORS)
        error = torch.where(counted, predicted - scores.nan_to_num(), 0.0)
        return error.square().sum() / counted.sum().clamp(min=1)


class AttributeMasking(Objective):
    """Predict the elements of hidden atoms (Hu et al., ICLR 2020, arXiv 1905.12265)."""

    sees_embedding = False

    def __init__(self, encoder: GraphEncoder, scores: int) -> None:
        super().__init__()
        width = encoder.embedding_dim // (2 if encoder.readout == "both" else 1)
        self.elements = nn.Linear(width, ATOM_FEATURE_SIZES[0])
        self.hide = MaskAttributes(_MASKED_ATOMS)

    def forward(self, step: Step) -> Tensor:
        """Return the cross-entropy."""
        hidden = self.hide(step.graphs, step.generator)
        of_atoms = gathered(self.elements(step.encoder.atoms(hidden)))
        masked = gathered(hidden.x[:, 0] == MASK)
        element = gathered(step.graphs.x[:, 0])
        # By weights, so that the number of hidden atoms need not be known on the CPU.
        entropy = F.cross_entropy(of_atoms, element, reduction="none")
        return (entropy * masked).sum() / masked.sum().clamp(min=1)


class ContrastiveObjective(Objective):
    """A registered loss whose labels are the scores of the descriptors.

    A loss that needs one view gets the embedding of the molecules as they are; others get views
    with hidden atoms and dropped bonds.
    """

    def __init__(self, name: str, encoder: GraphEncoder) -> None:
        super().__init__()
        loss = LOSSES.make(name)
        self.views = int(getattr(loss, "min_views", 1))
        self.sees_embedding = self.views == 1
        self.view = Compose([MaskAttributes(_VIEW), DropEdges(_VIEW)])
        projection = Head(encoder.embedding_dim, _PROJECTION, [encoder.embedding_dim])
        self.contrast = Contrast(loss, nn.Identity(), projection)

    def forward(self, step: Step) -> Tensor:
        """Return the loss."""
        embedding = step.embedding
        if self.views > 1:
            views = [self.view(step.graphs, step.generator) for _ in range(self.views)]
            embedding = torch.cat([step.encoder(view) for view in views])
        value: Tensor = self.contrast(step.encoder, step.graphs, embedding, step.scores)
        return value


_OWN: dict[str, type[Objective]] = {
    "descriptors": DescriptorRegression,
    "attributes": AttributeMasking,
}
# The others need classes or near labels of one target, or a queue.
_CONTRASTIVE = ("attention-nce", "rnc", "simclr")


def objective_names() -> list[str]:
    """Return the names of the objectives."""
    return sorted([*_OWN, *_CONTRASTIVE])


def make_objective(name: str, encoder: GraphEncoder, scores: int) -> Objective:
    """Make one of :func:`objective_names`; see :class:`Objective`."""
    if name in _OWN:
        return _OWN[name](encoder, scores)
    return ContrastiveObjective(name, encoder)
