"""The report: one page for any browser, offline, that shows the results of an experiment."""

from rnc_graph.reporting.report.write import write_report

__all__ = ["write_report"]
