"""The two stages as one estimator."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from rnc_graph.data.bounds import exact
from rnc_graph.data.loader import Transforms
from rnc_graph.data.scaling import TargetScaler
from rnc_graph.data.schema import GraphSchema
from rnc_graph.encoders import GraphEncoder, Head, make_encoder
from rnc_graph.encoders.graph import Readout
from rnc_graph.errors import BadValueError, RunError, UnknownNameError
from rnc_graph.losses import LOSSES, class_numbers
from rnc_graph.seeding import seeded
from rnc_graph.training.arguments import check_arguments, checked_seed
from rnc_graph.training.batches import StageData
from rnc_graph.training.config import (
    DEFAULT_TRAINER,
    FinetuneConfig,
    HeadLoss,
    StageConfig,
    TrainerConfig,
)
from rnc_graph.training.contrast import check_loss
from rnc_graph.training.fit import History, fit
from rnc_graph.training.head_losses import HEAD_LOSSES
from rnc_graph.training.inference import evaluating, infer, torch_device
from rnc_graph.training.modules import FinetuneModule, PretrainModule
from rnc_graph.training.weights import Weights, put_weights, read_weights, write_weights

Config = StageConfig | Mapping[str, Any] | None


class TwoStage(nn.Module):
    """Contrastive pretraining of an encoder, then regression (or classification) on top of it.

    Stage 1 trains the encoder with a loss that compares samples by their labels; stage 2 trains a
    head on it, with the encoder or on a frozen one. Every stage keeps the weights of the epoch with
    the best validation metric, or without a validation set those of its last epoch. Targets are
    standardized by the training set; NaN targets are missing.

    Data are a dataset of this package, a PyG dataset, a list of ``Data`` with ``y``, a ``Batch``, a
    map-style dataset of torch with pairs of inputs and targets, or a loader such as PyG's
    ``DataLoader``, which keeps its own order and batch size. A tensor of inputs can be predicted.

    The same arguments, data and seed give the same bits on the same machine. Torch's global
    generators are restored after a stage; stages in several threads run one after another, and no
    other thread should draw from these generators meanwhile. Several threads may predict with one
    model at once.

    Args:
        encoder: the name of a registered encoder, the import path of a class, or a module that maps
            a batch to (B, d), or a PyG model. A module is copied; training starts from its weights.
        encoder_options: arguments for an encoder that is given by name or path.
        loss: of stage 1: a module, or the name of a registered one. None leaves stage 1 out.
        loss_weight: of ``loss`` beside the head's loss in joint training, a single stage. None
            trains the stages one after the other.
        transform: augmentations of each view, applied in order in the stage with ``loss`` (without
            a loss, in stage 2): those of ``rnc_graph.data.transforms`` or of
            ``torch_geometric.transforms``.
        views: V, views of each sample in that stage.
        projection_dim: width of a perceptron between embedding and loss; None for none.
        head_loss: "l1", "l2", "huber" or "cross-entropy".
        head_hidden: widths of the head's hidden layers.
        head_dropout: dropout probability after each of them.
        freeze: train the head alone, on embeddings computed once.
        balanced: stage 2 draws each class of the first target equally often.
        pretrain: configuration of stage 1, or a dict of its fields.
        finetune: the same of stage 2, a ``FinetuneConfig``: the head may learn first, and the
            encoder slower.
        readout: pools the outputs for each node: "sum", "mean", "max" or "both" (sum and mean).
            None is "both" of ``gin`` and the other encoders of this package, "mean" of others.
        n_classes: C for class targets; None for the largest class number in ``fit``'s data plus 1.
        standardize: False leaves continuous targets as they are.
        trainer: device, checkpoint and loggers of both stages.

    Attributes:
        encoder: the trained encoder, None before training.
        head: the trained head.
        loss: the loss, set up.
        history: what each epoch logged, under "pretrain", "finetune", and "head" where the head
            learned first.

    Raises:
        BadValueError: an argument that cannot be used, or arguments that exclude each other.
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
        readout: Readout | None = None,
        n_classes: int | None = None,
        standardize: bool = True,
        trainer: TrainerConfig = DEFAULT_TRAINER,
    ) -> None:
        super().__init__()
        if head_loss not in HEAD_LOSSES:
            raise UnknownNameError("head loss", head_loss, list(HEAD_LOSSES))
        check_arguments(locals())
        given_loss = LOSSES.make(loss) if isinstance(loss, str) else loss
        if given_loss is not None:
            check_loss(given_loss)
        if loss_weight is not None and (given_loss is None or freeze):
            raise BadValueError("loss_weight: joint training needs a loss and freeze=False")
        fewest = getattr(given_loss, "min_views", 1)
        if given_loss is None and freeze and (transform is not None or views > 1):
            raise BadValueError(
                "transform, views: expected none without a loss: embeddings for a frozen encoder's "
                "head are computed once"
            )
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
        self.pretrain_config = StageConfig.of(pretrain, "pretrain")
        self.finetune_config = FinetuneConfig.of(finetune, "finetune")
        if freeze:
            self.finetune_config.check_frozen()
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
            BadValueError: data that cannot be trained on.
            RunError: training diverged.
        """
        # Once for both stages: a list of graphs is packed, and a dataset moved to the device.
        train, val, seed = *self._sets(train, val), checked_seed(seed)
        self._check_stages(train, val)
        self.encoder = self.head = self.projection = None
        joint = self.loss_weight is not None
        given = self.trainer
        try:
            if self._given[1] is not None and not joint:
                # Neither stage resumes from the other's state.
                self.trainer = given.of_stage("pretrain")
                self.pretrain(train, val, seed)
            self.trainer = given.of_stage("finetune", last=True)
            return self.finetune(train, val, seed)
        finally:
            self.trainer = given

    def pretrain(self, train: Any, val: Any = None, seed: int = 0) -> TwoStage:
        """Train stage 1 alone: the encoder, from the weights that it has; see :meth:`fit`.

        The validation metric is that of a linear probe on the embedding.
        """
        samples, held_out, seed = *self._sets(train, val), checked_seed(seed)
        if self._given[1] is None:
            raise BadValueError("pretrain: expected a loss, got None")
        self._setup(samples, held_out, seed)
        with self._seeded(seed):
            module = PretrainModule(
                self.encoder,
                self._set_up_loss(samples.y, seed),
                samples.y.shape[1],
                self.pretrain_config,
                self.projection,
                self._classes,
            )
            self._run("pretrain", module, samples, held_out, seed, augmented=True)
        return self

    def finetune(self, train: Any, val: Any = None, seed: int = 0) -> TwoStage:
        """Train stage 2 alone: on the encoder as it is, or on a fresh one; see :meth:`fit`."""
        samples, held_out, seed = *self._sets(train, val), checked_seed(seed)
        samples.check_known()
        self._setup(samples, held_out, seed)
        config = self.finetune_config
        if self.freeze:
            self._train_head("finetune", samples, held_out, seed)
        else:
            if config.head_epochs:
                self._train_head("head", samples, held_out, seed)
            joint = self.loss_weight is not None
            with self._seeded(seed):
                module = FinetuneModule(
                    self.encoder,
                    self.head,
                    self.head_loss,
                    config,
                    self._set_up_loss(samples.y, seed) if joint else None,
                    self.loss_weight or 0.0,
                    self.projection if joint else None,
                )
                augmented = joint or self._given[1] is None
                self._run("finetune", module, samples, held_out, seed, augmented)
        self._head_is_trained = True
        return self

    def _train_head(
        self,
        stage: str,
        samples: StageData,
        held_out: StageData | None,
        seed: int,
    ) -> None:
        """Train the head alone, on embeddings computed once."""
        embedded = samples.embedded(self.encoder)
        held_out = held_out and held_out.embedded(self.encoder)
        config = self.finetune_config.of_head()
        with self._seeded(seed):
            module = FinetuneModule(nn.Identity(), self.head, self.head_loss, config)
            self._run(stage, module, embedded, held_out, seed, augmented=False)

    def build(self, data: Any, seed: int = 0) -> TwoStage:
        """Make encoder and head, and set the loss up, without training.

        A state dict of a trained model can then be loaded: of one with a loss that learns from the
        training labels (SupCon, KCL, TSC), where ``data`` is its training set.
        """
        samples, seed = self._stage_data(data, "data"), checked_seed(seed)
        self.encoder = self.head = self.projection = None
        self._setup(samples, None, seed)
        if self._given[1] is not None:
            self._set_up_loss(samples.y, seed)
        return self

    def save(self, path: str | Path) -> None:
        """Write the weights of encoder and head, and the scale of the targets, as safetensors.

        The arguments are code and are not written: see :meth:`load`.

        Raises:
            RunError: the model is not trained; an encoder alone is ``model.encoder.state_dict()``.
            BadValueError: a module keeps something else than tensors.
            WriteError: the file cannot be written.
        """
        self._trained()
        weights = Weights(
            self.encoder.state_dict(),
            self.head.state_dict(),
            self.mean,
            self.sd,
            classes=self._classes or 0,
            schema=self.encoder.schema if isinstance(self.encoder, GraphEncoder) else None,
        )
        write_weights(Path(path), weights)

    def load(self, path: str | Path, data: Any) -> TwoStage:
        """Make encoder and head, and read the weights that :meth:`save` wrote.

        The model predicts, or its stages go on from these weights. If the file cannot be used, the
        model stays as it is.

        Args:
            path: the file, of a model that was made with the arguments of this one.
            data: a few samples with the features of the training set; they need no targets.

        Raises:
            FileError: the file cannot be read.
            BadValueError: it has other weights than those of this model.
        """
        path, samples = Path(path), self._stage_data(data, "data")
        weights = read_weights(path)
        is_classifier = self.head_loss == "cross-entropy"
        expected = (self.n_classes or weights.classes) if is_classifier else 0
        if weights.classes != expected or (is_classifier and not expected):
            wanted = f"{expected or 'some'} classes" if is_classifier else "continuous targets"
            raise BadValueError(
                f"{path}: expected the weights of a model of {wanted}, got those of one of "
                + (f"{weights.classes} classes" if weights.classes else "continuous targets")
            )
        with self._seeded(0):
            encoder = self._make_encoder(samples, weights.schema)
            head = self._make_head(encoder, weights.outputs)
        put_weights(path, "encoder", encoder, weights.encoder)
        put_weights(path, "head", head, weights.head)
        self._check(samples, encoder)
        self.encoder, self.head = encoder, head
        self.mean, self.sd = weights.mean, weights.sd
        self._counted_classes = weights.classes or None
        self.projection = self.loss = None
        self.history = {}
        self._head_is_trained = True
        return self

    def forward(self, batch: Any) -> Tensor:
        """Return predictions (B, t) in the units of the targets, or logits (B, C).

        They have gradients, and are those of the evaluation mode, whatever the mode is: a stage,
        or a ``FinetuneModule``, trains.
        """
        trained = self._trained()
        with evaluating(trained):
            predicted: Tensor = trained(batch)
        return predicted * self.sd.to(predicted) + self.mean.to(predicted)

    def predict(self, data: Any) -> Tensor:
        """Return predictions (N, t) in the units of the targets, or class numbers (N, 1).

        ``data`` as in :meth:`fit`; it needs no targets.

        Raises:
            RunError: the model is not trained.
        """
        outputs = self._infer(self._trained(), data)
        if self.head_loss == "cross-entropy":
            return outputs.argmax(1, keepdim=True).float()
        return (outputs.double() * self.sd.cpu() + self.mean.cpu()).float()

    def embed(self, data: Any) -> Tensor:
        """Return the encoder's embedding (N, d).

        ``data`` as in :meth:`fit`; it needs no targets.

        Raises:
            RunError: the model is not trained.
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

    def _stage_data(self, data: Any, name: str) -> StageData:
        return data if isinstance(data, StageData) else StageData(data, self._device, name)

    def _sets(self, train: Any, val: Any) -> tuple[StageData, StageData | None]:
        held_out = None if val is None else self._stage_data(val, "val")
        return self._stage_data(train, "train"), held_out

    def _seeded(self, seed: int) -> AbstractContextManager[None]:
        return seeded(seed, cuda=self._device.type == "cuda")

    def _trained(self) -> nn.Module:
        if self.encoder is None or self.head is None or not self._head_is_trained:
            raise RunError("TwoStage is not trained: call fit or finetune first")
        return nn.Sequential(self.encoder, self.head)

    def _infer(self, module: nn.Module, data: Any) -> Tensor:
        samples = self._stage_data(data, "data")
        self._check(samples)
        samples.check_order()
        return infer(module, ((found,) for found in samples.inputs()), self._device)

    def _check_stages(self, train: StageData, val: StageData | None) -> None:
        """Raise :class:`BadValueError` for what stage 2 would find after all of stage 1."""
        if val is None and (patience := self.finetune_config.patience) is not None:
            raise BadValueError(
                f"finetune, patience: expected a validation set or None, got {patience} without one"
            )
        if self.balanced and train.loader is not None:
            raise BadValueError("balanced: expected a dataset, got a loader, which has its order")
        if self._given[1] is not None and len(train.y) < 2:
            raise BadValueError(
                f"train: expected two samples or more, which the loss compares, got {len(train.y)}"
            )
        train.check_known()

    def _check(self, samples: StageData, encoder: nn.Module | None = None) -> None:
        encoder = encoder or self.encoder
        if not isinstance(encoder, GraphEncoder) or samples.schema is None:
            return
        try:
            encoder.check(samples.schema)
        except BadValueError as error:
            raise BadValueError(f"{samples.name}: {error}") from error

    def _setup(self, samples: StageData, held_out: StageData | None, seed: int) -> None:
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
            if self.n_classes is None:
                samples.check_known()
            labels = y if held_out is None else torch.cat([y, held_out.y])
            self._counted_classes = self.n_classes or int(class_numbers(labels).max()) + 1
        elif self.standardize:
            scaler = TargetScaler.fit((y if y.dim() == 2 else y[..., 0]).double().numpy())
            self.mean, self.sd = torch.from_numpy(scaler.mean), torch.from_numpy(scaler.sd)
        with self._seeded(seed):
            if self.encoder is None:
                self.encoder = self._make_encoder(samples)
            self._check(samples)
            if held_out is not None and held_out.loader is None:
                self._check(held_out)
            outputs = self._classes or y.shape[1]
            if self.head is None or self.head[-1].out_features != outputs:
                self.head = self._make_head(self.encoder, outputs)
            if self.projection is None and self.projection_dim is not None:
                width = int(self.encoder.embedding_dim)
                self.projection = Head(width, self.projection_dim, [width])

    def _make_encoder(self, samples: StageData, schema: GraphSchema | None = None) -> nn.Module:
        """Make an encoder for samples, or one of this package for a schema."""
        given, _ = self._given
        if isinstance(given, nn.Module):
            # It is made already: any batch shows the width of its embedding.
            given, made_for = copy.deepcopy(given), samples.example
        else:
            made_for = SimpleNamespace(schema=schema) if schema else samples.described
        return make_encoder(given, self.encoder_options, made_for, self.readout)

    def _make_head(self, encoder: nn.Module, outputs: int) -> Head:
        width = int(encoder.embedding_dim)  # type: ignore[arg-type]
        return Head(width, outputs, self.head_hidden, self.head_dropout)

    def _set_up_loss(self, y: Tensor, seed: int) -> Any:
        loss: Any = copy.deepcopy(self._given[1])
        if hasattr(loss, "setup"):
            loss.setup(
                exact(self._scale(y)), self.projection_dim or self.encoder.embedding_dim, seed
            )
        self.loss = loss
        return loss

    def _scale(self, y: Tensor) -> Tensor:
        if y.dim() == 3:  # Bounds and weights are no values.
            return torch.cat([self._scale(y[..., 0])[..., None], y[..., 1:].float()], dim=2)
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
        if augmented and self._given[1] is not None and self.views == 1:
            samples.check_last_batch()
        train = samples.batches(
            self._scale,
            module.config,
            seed=seed,
            views=self.views if augmented else 1,
            transform=self.transform if augmented else None,
            balanced=self.balanced and stage != "pretrain",
        )
        val = None if held_out is None else held_out.batches(self._scale)
        # The head's own training does not resume from the state of the stage that follows.
        trainer = self.trainer.of_stage("head") if stage == "head" else self.trainer
        self.history[stage] = fit(module, train, val, trainer=trainer)


def _note_loaded(model: TwoStage, keys: Any) -> None:
    """Note that a state dict had the weights of a trained head."""
    model._head_is_trained |= not keys.missing_keys
