"""Experiments: a spec, its runs, their store, tables and figures."""

from rnc_graph.experiments.run import Outcome, run_experiment
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec_file import read_spec, shipped_spec

__all__ = ["Experiment", "Outcome", "read_spec", "run_experiment", "shipped_spec"]
