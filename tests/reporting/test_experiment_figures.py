"""Figures along an axis of the grid: what is on one line."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from rnc_graph.metrics import REGRESSION, Summary
from rnc_graph.reporting.experiment_figures import along, draw_along_axis
from rnc_graph.reporting.tables import MethodRow, ResultTable


def _grid(
    splits: dict[str, dict[str, Any]], encoders: tuple[str, ...] = ("gin",)
) -> tuple[Any, list[ResultTable]]:
    score = Summary(1.0, None, (1.0,))
    row = MethodRow(
        "plain", False, "plain", (0,), 1.0, {("test", "standardized", "rmse"): score}, {}, {}, {}
    )
    tables = [
        ResultTable("esol", split, encoder, "", "", REGRESSION, "test", (row,))
        for split in splits
        for encoder in encoders
    ]
    named = {name: SimpleNamespace(axes=axes) for name, axes in splits.items()}
    return SimpleNamespace(splits=named), tables


def test_a_line_has_one_value_on_all_other_axes():
    splits = {
        f"{size}, {noise}": {"train_size": size, "label_noise": noise}
        for size in (1.0, 0.5)
        for noise in (0.0, 0.2)
    }
    found = along(*_grid(splits, ("gin", "gcn")), "train_size")
    assert {words: [value for value, _ in tables] for words, tables in found.items()} == {
        f"esol, {encoder}, label noise {noise}": [0.5, 1.0]
        for noise in (0.0, 0.2)
        for encoder in ("gin", "gcn")
    }


def test_a_table_off_the_axis_is_on_no_line():
    found = along(*_grid({"clean": {}, "noisy": {"label_noise": 0.2}}), "label_noise")
    assert {words: [value for value, _ in tables] for words, tables in found.items()} == {
        "esol, gin": [0.2]
    }


def test_a_figure_says_how_many_groups_it_leaves_out():
    splits = {
        f"{size}, {noise}": {"train_size": size, "label_noise": noise / 100}
        for size in (0.5, 1.0)
        for noise in range(15)
    }
    experiment, tables = _grid(splits)
    figure = draw_along_axis(experiment, tables, "train_size")
    assert len(figure.axes) == 12
    assert figure.get_supxlabel() == "the first 12 of 15 groups"
    assert draw_along_axis(experiment, tables, "label_noise").get_supxlabel() == ""


def test_a_row_has_one_color_in_all_panels_and_the_legend():
    splits = {str(size): {"train_size": size} for size in (0.5, 1.0)}
    experiment, tables = _grid(splits, ("gin", "gcn"))
    names = {"gin": ("plain", "RnC"), "gcn": ("RnC", "KCL", "plain")}
    tables = [
        replace(table, rows=tuple(replace(table.rows[0], name=name) for name in names[encoder]))
        for table in tables
        for encoder in [table.encoder]
    ]
    figure = draw_along_axis(experiment, tables, "train_size")
    drawn = [{line.get_label(): line.get_color() for line in a.lines} for a in figure.axes]
    assert [set(colors) for colors in drawn] == [set(names["gin"]), set(names["gcn"])]
    (legend,) = figure.legends
    shown = {
        text.get_text(): line.get_color()
        for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True)
    }
    assert list(shown) == ["plain", "RnC", "KCL"]
    assert len(set(shown.values())) == 3
    assert drawn[0] | drawn[1] == shown == drawn[1] | drawn[0]


def test_the_mean_of_the_training_set_leaves_the_others_room():
    experiment, tables = _grid({str(size): {"train_size": size} for size in (0.5, 1.0)})
    mean = replace(tables[0].rows[0], name="mean", baseline=True)
    both = [replace(table, rows=(*table.rows, mean)) for table in tables]
    (axis,) = draw_along_axis(experiment, both, "train_size").axes
    assert [line.get_label() for line in axis.lines] == ["plain"]
    alone = [replace(table, rows=(mean,)) for table in tables]
    (axis,) = draw_along_axis(experiment, alone, "train_size").axes
    assert [line.get_label() for line in axis.lines] == ["mean"]
