"""The two stages as one estimator."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from rnc_graph.data.loader import Transforms
from rnc_graph.data.scaling import TargetScaler
from rnc_graph.encoders import GraphEncoder, Head, make_encoder
from rnc_graph.encoders.readout import Readout
from rnc_graph.errors import BadValueError, RunError, UnknownNameError
from rnc_graph.losses import LOSSES, class_numbers
from rnc_graph.seeding import seeded
from rnc_graph.training.batches import StageData
from rnc_graph.training.fit import History, fit
from rnc_graph.training.head_losses import HEAD_LOSSES, HeadLoss
from rnc_graph.training.inference import infer, torch_device
from rnc_graph.training.modules import FinetuneModule, PretrainModule
from rnc_graph.training.stage_config import StageConfig
from rnc_graph.training.trainer_config import DEFAULT_TRAINER, TrainerConfig

Config = StageConfig | Mapping[str, Any] | None


class TwoStage(nn.Module):
    """Contrastive pretraining of an encoder, then regression (or classification) on top of it.

    Stage 1 trains the encoder with a loss that compares samples by their labels; stage 2 trains a
    head on it, with the encoder or on a frozen one. Every stage keeps the weights of the epoch with
    the best validation metric, or without a validation set those of its last epoch. Targets are
    standardized by the training set; NaN targets are missing.

    Data are a dataset of this package, a PyG dataset, a list of ``Data`` with ``y``, or a loader of
    batches such as PyG's ``DataLoader``. A loader keeps its own order and batch size.

    The same arguments, data and seed give the same bits on the same machine. Torch's global
    generators are not touched: a stage borrows them and restores their state, so that stages in
    several threads run one after another.

    Args:
        encoder: the name of a registered encoder, the import path of a class, or a module: any that
            maps a batch to (B, d), or a PyG model. A module is copied: training starts from its
            weights, and leaves it as it is.
        encoder_options: arguments for an encoder that is given by name or path.
        loss: of stage 1: a module, or the name of a registered one. None leaves stage 1 out.
        loss_weight: joint training: a single stage with the head's loss plus ``loss_weight`` times
            ``loss``. None trains the stages one after the other.
        transform: augmentations of each view, applied in order to batches of the stage with
            ``loss`` (without a loss, of stage 2): those of ``rnc_graph.data.transforms`` or of
            ``torch_geometric.transforms``.
        views: V, views of each sample in these batches.
        projection_dim: width of a perceptron between embedding and loss; None for none.
        head_loss: "l1", "l2", "huber" or "cross-entropy".
        head_hidden: widths of the head's hidden layers.
        head_dropout: dropout probability after each of them.
        freeze: train the head alone, on embeddings computed once: no weight and no batch statistic
            of the encoder moves.
        balanced: stage 2 draws each class of the first target equally often.
        pretrain: configuration of stage 1, or a dict of its fields.
        finetune: configuration of stage 2, or a dict of its fields.
        readout: pools the outputs of a model that has one for each node: "sum", "mean", "max" or
            "both".
        n_classes: C for class targets; None for the largest class number in ``fit``'s data plus 1.
        standardize: False leaves continuous targets as they are.
        trainer: device, checkpoint and loggers of both stages.

    Attributes:
        encoder: the trained encoder, None before training.
        head: the trained head.
        loss: the loss, set up.
        history: what each epoch logged, under "pretrain" and "finetune".

    Raises:
        UnknownNameError: an unknown head loss or an unknown name of a loss.
        RncGraphError: arguments that exclude each other.
    """

    encoder: Any
    head: Any
    loss: Any
    projection: Any
    mean: Tensor
    sd: Tensor

    def __init__(
        self,
        encoder: str | Callable[..., nn.Module] | nn.Module = "gin",
        *,
        encoder_options: Mapping[str, Any] | None = None,
        loss: nn.Module | str | None = "rnc",
        loss_weight: float | None = None,
        transform: Transforms = None,
        views: int = 1,
        projection_dim: int | None = None,
        head_loss: HeadLoss = "l1",
        head_hidden: Sequence[int] = (),
        head_dropout: float = 0.0,
        freeze: bool = False,
        balanced: bool = False,
        pretrain: Config = None,
        finetune: Config = None,
        readout: Readout = "mean",
        n_classes: int | None = None,
        standardize: bool = True,
        trainer: TrainerConfig = DEFAULT_TRAINER,
    ) -> None:
        super().__init__()
        if head_loss not in HEAD_LOSSES:
            raise UnknownNameError("head loss", head_loss, list(HEAD_LOSSES))
        given_loss = LOSSES.make(loss) if isinstance(loss, str) else loss
        if loss_weight is not None and (given_loss is None or freeze):
            raise BadValueError("loss_weight: joint training needs a loss and freeze=False")
        fewest = getattr(given_loss, "min_views", 1)
        if views < fewest:
            raise BadValueError(
                f"views: {type(given_loss).__name__} needs at least {fewest}, got {views}"
            )
        # In a tuple, so that they are no submodules: training works on copies.
        self._given = (encoder, given_loss)
        self.encoder_options = dict(encoder_options or {})
        self.loss_weight = loss_weight
        self.transform = transform
        self.views = views
        self.projection_dim = projection_dim
        self.head_loss = head_loss
        self.head_hidden = list(head_hidden)
        self.head_dropout = head_dropout
        self.freeze = freeze
        self.balanced = balanced
        self.stages = {
            "pretrain": StageConfig.of(pretrain or {}),
            "finetune": StageConfig.of(finetune or {}),
        }
        self.readout = readout
        self.n_classes = n_classes
        self._counted_classes = n_classes
        self.standardize = standardize
        self.trainer = trainer
        self.history: dict[str, History] = {}
        self.encoder = self.head = self.loss = self.projection = None
        self._head_is_trained = False
        self.register_load_state_dict_post_hook(_note_loaded)  # type: ignore[no-untyped-call]
        self.register_buffer("mean", torch.zeros(1, dtype=torch.float64))
        self.register_buffer("sd", torch.ones(1, dtype=torch.float64))

    def fit(self, train: Any, val: Any = None, seed: int = 0) -> TwoStage:
        """Train both stages from the start.

        Args:
            train: the training set.
            val: the validation set, which selects the epoch of each stage.
            seed: of weights, order, views and dropout.

        Raises:
            RncGraphError: data that cannot be trained on, or training diverged.
        """
        self.encoder = self.head = self.projection = None
        # Once for both stages: a list of graphs is packed, and a dataset moved to the device.
        train, val = self._samples(train), self._samples(val)
        joint = self.loss_weight is not None
        given = self.trainer
        try:
            if self._given[1] is not None and not joint:
                # Neither stage resumes from the other's state.
                self.trainer = given.of_stage("pretrain")
                self.pretrain(train, val, seed)
            self.trainer = given.of_stage("finetune")
            return self.finetune(train, val, seed)
        finally:
            self.trainer = given

    def pretrain(self, train: Any, val: Any = None, seed: int = 0) -> TwoStage:
        """Train stage 1 alone: the encoder, from the weights that it has; see :meth:`fit`.

        The validation metric is that of a linear probe on the embedding.
        """
        samples, held_out = self._samples(train), self._samples(val)
        if self._given[1] is None:
            raise BadValueError("pretrain: expected a loss, got None")
        self._prepare(samples, held_out, seed)
        with self._seeded(seed):
            module = PretrainModule(
                self.encoder,
                self._set_up_loss(samples.y, seed),
                samples.y.shape[1],
                self.stages["pretrain"],
                self.projection,
                self._classes,
            )
            self._run("pretrain", module, samples, held_out, seed, augmented=True)
        return self

    def finetune(self, train: Any, val: Any = None, seed: int = 0) -> TwoStage:
        """Train stage 2 alone: on the encoder as it is, or on a fresh one; see :meth:`fit`."""
        samples, held_out = self._samples(train), self._samples(val)
        self._prepare(samples, held_out, seed)
        encoder = self.encoder
        if self.freeze:
            samples = samples.embedded(encoder)
            held_out = held_out and held_out.embedded(encoder)
            encoder = nn.Identity()
        joint = self.loss_weight is not None
        with self._seeded(seed):
            module = FinetuneModule(
                encoder,
                self.head,
                self.head_loss,
                self.stages["finetune"],
                self._set_up_loss(samples.y, seed) if joint else None,
                self.loss_weight or 0.0,
                self.projection if joint else None,
            )
            augmented = joint or (self._given[1] is None and not self.freeze)
            self._run("finetune", module, samples, held_out, seed, augmented)
        self._head_is_trained = True
        return self

    def build(self, data: Any, seed: int = 0) -> TwoStage:
        """Make encoder and head, and set the loss up, without training.

        A state dict of a trained model can then be loaded.

        Args:
            data: as in :meth:`fit`.
            seed: of the weights.
        """
        samples = self._samples(data)
        self.encoder = self.head = self.projection = None
        self._prepare(samples, None, seed)
        if self._given[1] is not None:
            self._set_up_loss(samples.y, seed)
        return self

    def forward(self, batch: Any) -> Tensor:
        """Return predictions (B, t) in the units of the targets, or logits (B, C)."""
        predicted: Tensor = self._trained()(batch)
        return predicted * self.sd.to(predicted) + self.mean.to(predicted)

    def predict(self, data: Any) -> Tensor:
        """Return predictions (N, t) in the units of the targets, or class numbers (N, 1).

        Args:
            data: as in :meth:`fit`; it needs no targets.

        Raises:
            RncGraphError: the model is not trained.
        """
        outputs = self._infer(self._trained(), data)
        if self.head_loss == "cross-entropy":
            return outputs.argmax(1, keepdim=True).float()
        return (outputs.double() * self.sd.cpu() + self.mean.cpu()).float()

    def embed(self, data: Any) -> Tensor:
        """Return the encoder's embedding (N, d).

        Args:
            data: as in :meth:`fit`; it needs no targets.

        Raises:
            RncGraphError: the model is not trained.
        """
        if self.encoder is None:
            raise RunError("TwoStage is not trained: call fit or pretrain first")
        return self._infer(self.encoder, data)

    @property
    def _device(self) -> torch.device:
        return torch_device(self.trainer.device)

    @property
    def _classes(self) -> int | None:
        return self._counted_classes if self.head_loss == "cross-entropy" else None

    def _samples(self, data: Any) -> Any:
        if data is None or isinstance(data, StageData):
            return data
        return StageData(data, self._device)

    def _seeded(self, seed: int) -> AbstractContextManager[None]:
        return seeded(seed, cuda=self._device.type == "cuda")

    def _trained(self) -> nn.Module:
        if self.encoder is None or self.head is None or not self._head_is_trained:
            raise RunError("TwoStage is not trained: call fit or finetune first")
        return nn.Sequential(self.encoder, self.head)

    def _infer(self, module: nn.Module, data: Any) -> Tensor:
        samples = self._samples(data)
        self._check(samples)
        return infer(module, ((found,) for found in samples.inputs()), self._device)

    def _check(self, samples: StageData) -> None:
        """Check that the encoder takes the features of some data."""
        if isinstance(self.encoder, GraphEncoder) and samples.schema is not None:
            self.encoder.check(samples.schema)

    def _prepare(self, samples: StageData, held_out: StageData | None, seed: int) -> None:
        """Take scale and classes from the training set, and make the modules that are missing."""
        y = samples.y
        if held_out is not None and held_out.y.shape[1] != y.shape[1]:
            raise BadValueError(
                f"validation set: expected {y.shape[1]} targets as in the training set, got "
                f"{held_out.y.shape[1]}"
            )
        # An old head does not fit the new scale until it is trained again.
        self._head_is_trained = False
        if self.head_loss == "cross-entropy":
            labels = y if held_out is None else torch.cat([y, held_out.y])
            self._counted_classes = self.n_classes or int(class_numbers(labels).max()) + 1
        elif self.standardize:
            scaler = TargetScaler.fit(y.double().numpy())
            self.mean, self.sd = torch.from_numpy(scaler.mean), torch.from_numpy(scaler.sd)
        with self._seeded(seed):
            if self.encoder is None:
                given, _ = self._given
                if isinstance(given, nn.Module):
                    given = copy.deepcopy(given)
                self.encoder = make_encoder(
                    given, self.encoder_options, samples.described, self.readout
                )
            self._check(samples)
            width = int(self.encoder.embedding_dim)
            outputs = self._classes or y.shape[1]
            if self.head is None or self.head[-1].out_features != outputs:
                self.head = Head(width, outputs, self.head_hidden, self.head_dropout)
            if self.projection is None and self.projection_dim is not None:
                self.projection = Head(width, self.projection_dim, [width])

    def _set_up_loss(self, y: Tensor, seed: int) -> Any:
        """Return a copy of the loss, set up with the labels of the training set."""
        loss: Any = copy.deepcopy(self._given[1])
        if hasattr(loss, "setup"):
            loss.setup(self._scale(y), self.projection_dim or self.encoder.embedding_dim, seed)
        self.loss = loss
        return loss

    def _scale(self, y: Tensor) -> Tensor:
        return ((y.double() - self.mean.to(y.device)) / self.sd.to(y.device)).float()

    def _run(
        self,
        stage: str,
        module: PretrainModule | FinetuneModule,
        samples: StageData,
        held_out: StageData | None,
        seed: int,
        augmented: bool,
    ) -> None:
        train = samples.batches(
            self._scale,
            module.config,
            seed=seed,
            views=self.views if augmented else 1,
            transform=self.transform if augmented else None,
            balanced=self.balanced and stage == "finetune",
        )
        val = None if held_out is None else held_out.batches(self._scale)
        self.history[stage] = fit(module, train, val, trainer=self.trainer)


def _note_loaded(model: TwoStage, keys: Any) -> None:
    """Note that a state dict had the weights of a trained head."""
    model._head_is_trained |= not keys.missing_keys
