"""Experiments: a spec, its runs, their store."""

from rnc_graph.experiments.results import Outcome
from rnc_graph.experiments.run import ExecutionConfig, run_experiment
from rnc_graph.experiments.spec import Experiment, example_spec, read_spec

__all__ = [
    "ExecutionConfig",
    "Experiment",
    "Outcome",
    "example_spec",
    "read_spec",
    "run_experiment",
]
