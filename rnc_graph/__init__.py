"""Representations that follow a continuous target: graphs and molecules first, images second."""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnc_graph import encoders, losses
    from rnc_graph.data import GraphDataset, MoleculeDataset, load_dataset
    from rnc_graph.models.estimator import MoleculeRegressor
    from rnc_graph.training import (
        FinetuneConfig,
        FinetuneModule,
        PretrainModule,
        StageConfig,
        TwoStage,
    )

__version__ = "0.1.0"

__all__ = [
    "FinetuneConfig",
    "FinetuneModule",
    "GraphDataset",
    "MoleculeDataset",
    "MoleculeRegressor",
    "PretrainModule",
    "StageConfig",
    "TwoStage",
    "__version__",
    "encoders",
    "load_dataset",
    "losses",
]

# Public names and their modules, which are imported on first use: they take seconds.
_MODULES = {
    "FinetuneConfig": "training",
    "FinetuneModule": "training",
    "GraphDataset": "data",
    "MoleculeDataset": "data",
    "MoleculeRegressor": "models.estimator",
    "PretrainModule": "training",
    "StageConfig": "training",
    "TwoStage": "training",
    "load_dataset": "data",
}

# PyG compiles a helper with torch.jit on import; its users can do nothing about that.
warnings.filterwarnings("ignore", message=r"`torch\.jit", category=FutureWarning)


def __getattr__(name: str) -> Any:
    """Import a public name."""
    if name in ("encoders", "losses"):
        return import_module(f"{__name__}.{name}")
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
