"""PyG's graphs, imported without torch's compiler, which takes two seconds of CPU.

PyG imports ``torch._dynamo`` for one class of it, and takes that class from ``torch``, which
imports the compiler when it is first used.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_COMPILER = "torch._dynamo"


class _OnUse(ModuleType):
    """Imports the compiler as soon as anything of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(_COMPILER) is self:
            del sys.modules[_COMPILER]
        return getattr(import_module(_COMPILER), name)


if _COMPILER in sys.modules or "torch_geometric" in sys.modules:
    import torch_geometric
else:
    import torch  # noqa: F401

    sys.modules[_COMPILER] = _compiler = _OnUse(_COMPILER)
    try:
        import torch_geometric  # noqa: F401
    finally:
        if sys.modules.get(_COMPILER) is _compiler:
            del sys.modules[_COMPILER]

from torch_geometric.data import Batch, Data  # noqa: E402
from torch_geometric.transforms import BaseTransform  # noqa: E402

__all__ = ["BaseTransform", "Batch", "Data"]
