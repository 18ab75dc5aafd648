"""The command line: thin, and quick to answer."""

# In the order of the help: they enter their commands.
# isort: off
from rnc_graph.cli import datasets, experiments, train, models, compare, explain, pretraining  # noqa: F401

# isort: on
from rnc_graph.cli.app import app, say

__all__ = ["app", "main", "say"]


def main() -> None:
    """Run the command line."""
    from rnc_graph.cli.__main__ import main

    main()
