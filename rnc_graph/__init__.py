"""Representations that follow a continuous target: molecules first, images second."""

import warnings

__version__ = "0.1.0"

# PyG compiles a helper with torch.jit on import; its users can do nothing about that.
warnings.filterwarnings("ignore", message=r"`torch\.jit", category=FutureWarning)
