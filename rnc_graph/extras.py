"""What the extras install, ``pip install 'rnc-graph[...]'``: packages that not all users need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from rnc_graph.errors import MissingPackageError


def import_extra(module: str, extra: str, purpose: str) -> Any:
    """Import a module of an extra.

    Args:
        module: such as ``umap``.
        extra: that installs it.
        purpose: what needs it, for the message.

    Raises:
        MissingPackageError: it is not installed, or cannot be loaded.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingPackageError(
            f"{purpose} needs {package}: pip install 'rnc-graph[{extra}]' ({error})"
        ) from error
