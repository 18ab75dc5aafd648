"""The report: one page, for any browser and offline, that shows what an experiment found."""

from rnc_graph.report.page import write_report

__all__ = ["write_report"]
