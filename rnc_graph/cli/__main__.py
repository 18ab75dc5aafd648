"""``python -m rnc_graph.cli``."""

from rnc_graph.cli import main

main()
