"""The command line: thin, and quick to answer."""

from rnc_graph.cli import datasets, experiments, models  # noqa: F401 - they enter their commands
from rnc_graph.cli.app import app, main

__all__ = ["app", "main"]
