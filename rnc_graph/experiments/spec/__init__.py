"""What an experiment is: a typed spec, its grid, and the file it is read from."""

from rnc_graph.experiments.spec.experiment import Experiment
from rnc_graph.experiments.spec.file import example_spec, read_spec
from rnc_graph.experiments.spec.method import Method

__all__ = ["Experiment", "Method", "example_spec", "read_spec"]
