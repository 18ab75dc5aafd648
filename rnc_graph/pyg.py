"""PyG's graphs, imported without torch's compiler, which takes two seconds of CPU.

PyG imports ``torch._dynamo`` for one class of it, and takes that class from ``torch``, which
imports the compiler when it is first used.
"""

import sys
from types import ModuleType

_COMPILER = "torch._dynamo"

if _COMPILER in sys.modules or "torch_geometric" in sys.modules:
    import torch_geometric
else:
    import torch  # noqa: F401

    sys.modules[_COMPILER] = ModuleType(_COMPILER)
    try:
        import torch_geometric  # noqa: F401
    finally:
        del sys.modules[_COMPILER]

from torch_geometric.data import Batch, Data  # noqa: E402
from torch_geometric.transforms import BaseTransform  # noqa: E402

__all__ = ["BaseTransform", "Batch", "Data"]
