"""The command line: thin, and quick to answer."""

from rnc_graph.cli import (  # noqa: F401 - they enter their commands
    datasets,
    experiments,
    explain,
    models,
    pretraining,
)
from rnc_graph.cli.app import app, say

__all__ = ["app", "main", "say"]


def main() -> None:
    """Run the command line."""
    from rnc_graph.cli.__main__ import main

    main()
