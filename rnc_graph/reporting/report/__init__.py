"""The report: one page, for any browser and offline, that shows what an experiment found."""

from rnc_graph.reporting.report.page import write_report

__all__ = ["write_report"]
