"""The interface of a pretraining loss, and the registry that names them in a spec."""

from types import FunctionType
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from rnc_graph.errors import BadValueError
from rnc_graph.losses.checks import Shapes, as_columns, eager
from rnc_graph.registry import Registry

LOSSES: Registry[nn.Module] = Registry("objective")
"""The losses of stage 1 by name."""


class Loss(nn.Module):
    """A module that prints its options, and computes without autocast."""

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        """Call ``forward``. Small differences of large sums have no digits in half precision."""
        devices = [x.device.type for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        with torch.autocast(devices[0] if devices else "cpu", enabled=False):
            value: Tensor = super().__call__(*args, **kwargs)
        return value

    def extra_repr(self) -> str:
        """Return the options that are numbers, texts or functions, for ``print``."""
        shown = {
            name: value.__name__ if isinstance(value, FunctionType) else repr(value)
            for name, value in vars(self).items()
            if name[0] != "_" and isinstance(value, float | int | str | FunctionType)
        }
        return ", ".join(f"{name}={shown[name]}" for name in shown if name != "training")


class PretrainLoss(Loss):
    """A loss of features (B, V, d) and labels (B, t), set up from the training labels.

    Any ``nn.Module`` with this ``forward`` can pretrain an encoder. Derive from this class where
    the loss needs bins, thresholds, prototypes or weights that depend on the training labels, or
    several views.
    """

    min_views = 1
    """The smallest V."""

    _shapes: ClassVar[dict[str, tuple[str, ...]]] = {
        "features": ("B", "V", "d"),
        "labels": ("B", "t"),
    }

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        """Call ``forward`` of features (B, V, d) and labels (B, t), or (B,) for one target."""
        args, kwargs = self._checked(args, kwargs)
        return super().__call__(*args, **kwargs)

    def setup(self, labels: Tensor, embedding_dim: int, seed: int) -> None:
        """Compute what the loss needs from the training set.

        Called once, before training, and before a state dict is loaded: what it computes decides
        the shapes of the state.

        ``labels`` are its standardized targets (M, t), or class numbers (M, 1), NaN where missing;
        ``embedding_dim`` is d of the features. The same seed gives the same state.
        """

    @eager
    def _checked(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of ``forward``, with labels as columns."""
        given = dict(zip(self._shapes, args, strict=False)) | kwargs
        if not self._shapes.keys() <= given.keys():  # A loss of one's own may have other names.
            return args, kwargs
        shapes = Shapes()
        for name, letters in self._shapes.items():
            if "labels" in name:
                given[name] = as_columns(given[name])
            shapes.shape(name, given[name], letters)
        if shapes.sizes.get("V", self.min_views) < self.min_views:
            raise BadValueError(
                f"{type(self).__name__} takes V >= {self.min_views} views, got features "
                f"{tuple(given['features'].shape)}"
            )
        first = [given.pop(name) for name in self._shapes]
        return (*first, *args[len(first) :]), given


class QueueLoss(PretrainLoss):
    """A loss that compares queries with the keys of a momentum encoder and of a queue.

    ``forward(query, key, labels, queue, queue_labels)`` takes (N, d), (N, d), (N, t), (K, d) and
    (K, t) and returns a scalar. K is 0 in the first step, ``queue_size`` at most; ``momentum``, in
    [0, 1), is that of the momentum encoder.
    """

    _shapes: ClassVar = {
        "query": ("N", "d"),
        "key": ("N", "d"),
        "labels": ("N", "t"),
        "queue": ("K", "d"),
        "queue_labels": ("K", "t"),
    }

    def __init__(self, queue_size: int, momentum: float) -> None:
        super().__init__()
        check_queue_size(queue_size)
        check_momentum(momentum)
        self.queue_size, self.momentum = queue_size, momentum


def check_queue_size(size: int) -> None:
    """Raise :class:`BadValueError` for a size below 1."""
    if size < 1:
        raise BadValueError(f"queue_size must be at least 1, got {size}")


def check_momentum(momentum: float) -> None:
    """Raise :class:`BadValueError` for a momentum outside [0, 1)."""
    if not 0 <= momentum < 1:
        raise BadValueError(f"momentum must be in [0, 1), got {momentum}")


def has_target(labels: Tensor) -> Tensor:
    """Return (B,) booleans: whether a sample of labels (B, t) has any target."""
    return ~labels.isnan().all(1)


def select(kept: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
    """Index each tensor (B, ...) by the booleans ``kept`` (B,); no copy if all are kept."""
    return tensors if kept.all() else tuple(tensor[kept] for tensor in tensors)


def zero_loss(embedding: Tensor) -> Tensor:
    """Return 0, with a gradient of zeros: the loss of a batch without comparable samples."""
    return (0 * embedding).sum(dtype=torch.promote_types(embedding.dtype, torch.float32))
