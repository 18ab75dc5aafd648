"""Methods over many data sets: one difference a data set, and what is said of it."""

from types import SimpleNamespace
from typing import Any

import pytest
from scipy import stats

from rnc_graph.metrics import REGRESSION, Summary
from rnc_graph.reporting.findings import findings
from rnc_graph.reporting.over_datasets import draw_by_size, over_datasets, ranking_of
from rnc_graph.reporting.tables import MEAN_OF_TARGETS, MethodRow, ResultTable
from rnc_graph.reporting.text_tables import embedding_over_datasets, errors_over_datasets

PLAIN = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
LOWER = [0.9, 1.8, 2.7, 3.6, 4.5, 5.4, 7.1]
EXPERIMENT: Any = SimpleNamespace(
    reference_of=lambda name: "plain",
    baselines=["svr"],
    methods=[SimpleNamespace(name="plain"), SimpleNamespace(name="lower")],
)


def _table(
    data: str,
    scores: dict[str, float],
    target: str = "",
    split: str = "",
    order: dict[str, float] | None = None,
) -> ResultTable:
    rows = tuple(
        MethodRow(
            name,
            name == "svr",
            "plain",
            (0,),
            1.0,
            # The MAE has the opposite order.
            {
                ("test", "standardized", metric): Summary(sign * score, None, (sign * score,))
                for metric, sign in (("rmse", 1), ("mae", -1))
            },
            {},
            {"order": Summary(order[name], None, ())} if order and name in order else {},
            {},
        )
        for name, score in scores.items()
    )
    return ResultTable(data, split, "", target, "", REGRESSION, "test", rows)


def _tables(count: int = 7) -> list[ResultTable]:
    return [
        _table(f"set {number}", {"plain": plain, "lower": lower, "svr": plain - 0.5})
        for number, (plain, lower) in enumerate(zip(PLAIN[:count], LOWER, strict=False))
    ]


def test_each_data_set_is_one_difference():
    found = over_datasets(EXPERIMENT, _tables())
    assert found is not None
    lower = found.differences["lower"]
    assert (lower.wins, lower.losses, lower.n) == (6, 1, 7)
    assert lower.mean == pytest.approx((-2.1 + 0.1) / 7)
    # The methods are one family for Holm's correction, the baselines another.
    assert lower.wilcoxon_holm == stats.wilcoxon(LOWER, PLAIN).pvalue
    assert found.differences["svr"].wins == 7
    names, wins, losses, *_ = zip(*found.cells(), strict=True)
    assert (names, wins, losses) == (("lower", "svr"), ("6", "7"), ("1", "0"))


def test_both_errors_are_compared():
    rmse, mae = errors_over_datasets(EXPERIMENT, _tables())
    assert rmse.title == "over 7 data sets: difference to the reference in test RMSE, standardized"
    assert mae.title == "over 7 data sets: difference to the reference in test MAE, standardized"
    assert [line[:3] for line in rmse.cells] == [["lower", "6", "1"], ["svr", "7", "0"]]
    assert [line[:3] for line in mae.cells] == [["lower", "1", "6"], ["svr", "0", "7"]]
    assert rmse.baselines == mae.baselines == 1


def test_conditions_of_a_data_set_are_averaged_and_single_targets_left_out():
    tables = _tables()
    tables.append(_table("set 0", {"plain": 3.0, "lower": 2.0, "svr": 0.0}, split="scaffolds"))
    tables.append(_table("set 1", {"plain": 9.0, "lower": 9.0, "svr": 9.0}, target="logP"))
    tables.append(_table("set 7", dict.fromkeys(("plain", "lower", "svr"), 1.0), MEAN_OF_TARGETS))
    found = over_datasets(EXPERIMENT, tables)
    assert found is not None
    assert found.datasets == tuple(f"set {number}" for number in range(8))
    assert found.scores["plain"] == [2.0, *PLAIN[1:], 1.0]
    assert found.scores["lower"] == [1.45, *LOWER[1:], 1.0]
    assert found.differences["lower"].ties == 1


def test_conditions_of_one_data_set_are_no_further_data_sets():
    tables = _tables()
    before = ranking_of(tables)
    assert before is not None
    assert before.names == ("svr", "lower", "plain")
    assert before.datasets == 7
    rows = {"plain": 1.0, "lower": 0.9, "svr": 0.5}
    assert ranking_of([*tables, *(_table("set 0", rows, split=f"{n}") for n in range(9))]) == before
    assert ranking_of([_table("set 0", rows, split=f"{n}") for n in range(9)]) is None


def test_below_six_data_sets_no_test_could_be_significant():
    assert over_datasets(EXPERIMENT, _tables(5)) is None
    assert ranking_of(_tables(5)) is None
    assert stats.wilcoxon(PLAIN[:5], [0.0] * 5).pvalue > 0.05
    assert stats.wilcoxon(PLAIN[:6], [0.0] * 6).pvalue < 0.05


def test_the_verdict_has_the_direction_that_is_tested():
    """On more sets higher, by little; on fewer sets lower, by much."""
    apart = [0.001 + 0.0001 * number for number in range(18)]
    apart += [-0.02 - 0.01 * number for number in range(17)]
    tables = [_table(f"{n}", {"plain": 1.0, "lower": 1 + d}) for n, d in enumerate(apart)]
    found = over_datasets(EXPERIMENT, tables)
    assert found is not None
    assert found.differences["lower"].wilcoxon_holm < 0.05
    assert found.differences["lower"].losses > found.differences["lower"].wins
    assert found.verdict("lower") == "better"


def test_a_metric_of_the_embedding_is_better_where_it_is_higher():
    tables = [
        _table(
            f"{n}", {"plain": 1.0, "lower": 1.0, "svr": 1.0}, order={"plain": 0.5, "lower": high}
        )
        for n, high in enumerate([0.6, 0.7, 0.8, 0.55, 0.65, 0.75, 0.4])
    ]
    (text,) = embedding_over_datasets(EXPERIMENT, tables)
    assert text.title == "over 7 data sets: metrics of the embedding"
    assert text.header == ["method", "order (Spearman) better in", "Wilcoxon p (Holm)"]
    p = stats.wilcoxon([0.1, 0.2, 0.3, 0.05, 0.15, 0.25, -0.1]).pvalue
    assert text.cells == [["lower", "6", f"{p:.3f}"]]
    assert embedding_over_datasets(EXPERIMENT, _tables()) == []


def test_baselines_alone_have_no_figure_and_a_reference_alone_no_comparison():
    def only(*names: str) -> list[ResultTable]:
        return [_table(f"{n}", dict.fromkeys(names, 1.0 + n)) for n in range(7)]

    assert over_datasets(EXPERIMENT, only("plain")) is None
    found = over_datasets(EXPERIMENT, only("plain", "svr"))
    assert found is not None
    assert draw_by_size(found, dict.fromkeys(found.datasets, 10), "test RMSE") is None


def test_the_findings_say_on_how_many_data_sets_a_method_is_lower():
    said = [line for line in findings(EXPERIMENT, _tables()) if line.startswith("Over 7 data sets")]
    by_both = {"RMSE": ("6, higher in 1, by -", "better"), "MAE": ("1, higher in 6, by +", "worse")}
    assert said == [
        f"Over 7 data sets, lower against plain: {error} lower in {counts}0.286 on average; "
        f"{verdict} by Wilcoxon's signed-rank test (p = 0.031 after Holm's correction)."
        for error, (counts, verdict) in by_both.items()
    ]


def test_a_panel_a_method_over_the_size_of_the_data_sets():
    sizes = {f"set {number}": 100 * 2**number for number in range(7)}
    figure = draw_by_size(over_datasets(EXPERIMENT, _tables()), sizes, "test RMSE")
    assert figure is not None
    (axis,) = figure.axes
    assert axis.get_title() == "lower\nlower than plain in 6 of 7"
    points = axis.lines[0].get_xydata()
    assert points[:, 0].tolist() == [100 * 2**number for number in range(7)]
    assert points[-1, 1] == pytest.approx(0.1)
    assert draw_by_size(None, sizes, "test RMSE") is None
