"""Figures for a paper: what is on one line."""

from types import SimpleNamespace
from typing import Any

from rnc_graph.metrics import MEASURED
from rnc_graph.reporting.report.paper import along, by_axis


def _results(splits: dict[str, dict[str, Any]], encoders: tuple[str, ...] = ("gin",)) -> Any:
    return SimpleNamespace(
        experiment=SimpleNamespace(
            splits={name: SimpleNamespace(axes=axes) for name, axes in splits.items()}
        ),
        tables=[
            SimpleNamespace(data="esol", split=split, encoder=encoder)
            for split in splits
            for encoder in encoders
        ],
    )


def test_a_line_has_one_value_on_all_other_axes():
    splits = {
        f"{size}, {noise}": {"train_size": size, "label_noise": noise}
        for size in (0.5, 1.0)
        for noise in (0.0, 0.2)
    }
    found = along(_results(splits, ("gin", "gcn")), "train_size")
    assert {words: [place for place, _ in tables] for words, tables in found.items()} == {
        f"esol, {encoder}, label noise {noise}": [0.5, 1.0]
        for noise in (0.0, 0.2)
        for encoder in ("gin", "gcn")
    }


def test_a_table_off_the_axis_is_on_no_line():
    found = along(_results({"clean": {}, "noisy": {"label_noise": 0.2}}), "label_noise")
    assert {words: [place for place, _ in tables] for words, tables in found.items()} == {
        "esol, gin": [0.2]
    }


def test_a_figure_says_how_many_groups_it_leaves_out():
    splits = {
        f"{size}, {noise}": {"train_size": size, "label_noise": noise / 100}
        for size in (0.5, 1.0)
        for noise in range(15)
    }
    results = _results(splits)
    results.experiment.evaluate = "test"
    for table in results.tables:
        table.rows, table.scoring = [SimpleNamespace(name="plain")], MEASURED
        table.error = lambda row, part: SimpleNamespace(mean=1.0, low=None, high=None)
    figure = by_axis(results, "train_size")
    assert len(figure.axes) == 12
    assert figure.get_supxlabel() == "the first 12 of 15 groups"
    assert by_axis(results, "label_noise").get_supxlabel() == ""
