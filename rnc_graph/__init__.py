"""Representations that follow a continuous target: molecules first, images second."""

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnc_graph.data import load_dataset
    from rnc_graph.models.estimator import MoleculeRegressor

__version__ = "0.1.0"

__all__ = ["MoleculeRegressor", "__version__", "load_dataset"]

# PyG compiles a helper with torch.jit on import; its users can do nothing about that.
warnings.filterwarnings("ignore", message=r"`torch\.jit", category=FutureWarning)


def __getattr__(name: str) -> Any:
    """Load the public names when they are asked for, since they take seconds."""
    if name == "MoleculeRegressor":
        from rnc_graph.models.estimator import MoleculeRegressor

        return MoleculeRegressor
    if name == "load_dataset":
        from rnc_graph.data import load_dataset

        return load_dataset
    raise AttributeError(f"module 'rnc_graph' has no attribute {name!r}")
