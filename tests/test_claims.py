"""Numbers in sentences of the README and the docs are those of the results."""

import csv
import json
import runpy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import geometric_mean, mean
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from rnc_graph.metrics.statistics import compare, holm, rank_methods

ROOT = Path(__file__).parent.parent
TABLES = runpy.run_path(str(ROOT / "docs" / "result_tables.py"))
WEIGHTS = ROOT / "rnc_graph" / "encoders" / "weights"


@cache
def read(name: str) -> Any:
    return json.loads((ROOT / "results" / name).read_text(encoding="utf-8"))


def row(experiment: str, method: str, data: str = "esol", split: str = "") -> dict[str, Any]:
    """Return a method's row in the first table of a data set and split."""
    tables = read(f"{experiment}/table.json")["tables"]
    return next(t for t in tables if (t["data"], t["split"]) == (data, split))["rows"][method]


def rmse(*of: str) -> float:
    return row(*of)["metrics"]["test"]["standardized"]["rmse"]["mean"]


def lower(*of: str) -> float:
    return -row(*of)["difference"]["rmse"]["mean"]


def band(method: str, split: str, data: str = "esol") -> float:
    return row("unseen_targets", method, data, split)["measures"]["rmse_unseen"]["mean"]


def less_than(benchmark: str, one: str, other: str) -> float:
    """Return by how much an error is lower, in percent, as a geometric mean over all draws."""
    draws = [n[k] for sets in read(benchmark)["sets"].values() for n in sets for k in n]
    return 100 - 100 * geometric_mean(draw[one] / draw[other] for draw in draws)


def in_words(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p {p:.3f}"


def grids() -> Iterator[str]:
    rows = read("freeze_vs_finetune/table.json")["tables"]
    differing = [
        (table["data"], name, found["difference"]["rmse"])
        for table in rows
        for name, found in table["rows"].items()
        if name not in ("plain, L1", "mean") and found["difference"]["rmse"]["p_holm"] < 0.05
    ]
    assert [(data, name) for data, name, _ in differing] == [
        ("esol", "RnC, L2, frozen"),
        ("esol", "svr"),
        ("logbb", "extra-trees"),
    ]
    frozen, support, trees = (found for *_, found in differing)
    yield f"frozen RnC under L2 on ESOL, {frozen['mean']:.3f} higher (p = {frozen['p_holm']:.3f})"
    for words, found in (
        ("support vectors are {:.3f} lower on ESOL", support),
        ("extra trees {:.3f} lower on logBB", trees),
    ):
        yield f"{words.format(-found['mean'])} (corrected p {found['p_holm']:.3f})"
    for data in ("esol", "freesolv", "logbb"):
        for loss in ("L1", "L2", "Huber"):
            both = (f"RnC, {loss}, {how}" for how in ("frozen", "fine-tuned"))
            assert rmse("freeze_vs_finetune", next(both), data) > rmse(
                "freeze_vs_finetune", next(both), data
            )
    gain = row("freeze_vs_finetune", "RnC, L1, fine-tuned")["difference"]["rmse"]
    yield (
        f"is {-gain['mean']:.3f} lower (difference {gain['mean']:.3f}, interval {gain['low']:.3f} "
        f"to {gain['high']:+.3f}, corrected p {gain['p_holm']:.3f})"
    )
    esol, freesolv = (
        row("data_efficiency", "svr", data, "train_size=0.1")["difference"]["rmse"]
        for data in ("esol", "freesolv")
    )
    yield f"vectors are {-esol['mean']:.3f} lower than L1 (corrected p {esol['p_holm']:.3f})"
    yield f"on FreeSolv {-freesolv['mean']:.3f} lower (corrected {in_words(freesolv['p_holm'])})"
    whole = row("data_efficiency", "svr", "esol", "train_size=1.0")["difference"]["rmse"]
    yield f"on ESOL by {-whole['mean']:.3f} (corrected p {whole['p_holm']:.3f})"
    frozen = row("data_efficiency", "RnC+freeze", "esol", "train_size=0.6")["difference"]["rmse"]
    yield f"is {frozen['mean']:.3f} higher (corrected p {frozen['p_holm']:.3f} over"
    low, middle, high = "unseen=0.0-0.2", "unseen=0.4-0.6", "unseen=0.8-1.0"
    every = [(data, split) for data in ("esol", "lipophilicity") for split in (low, middle, high)]
    inside = [
        row("unseen_targets", "RnC", *of)["measure_difference"]["rmse_unseen"] for of in every
    ]
    assert sum(found["mean"] > 0 for found in inside) == 5
    (worse,) = [found for found in inside if found["p_holm"] < 0.05]
    bands = (band(name, middle, "lipophilicity") for name in ("RnC", "L1"))
    yield "({:.3f} against {:.3f}, corrected p {:.3f})".format(*bands, worse["p_holm"])
    frozen = [row("unseen_targets", "RnC+freeze", *of)["difference"] for of in every]
    rmses = [found["rmse"]["mean"] for found in frozen]
    yield f"on all six, by {min(rmses):.3f} to {max(rmses):.3f} in RMSE"
    assert min(found["rmse"]["p_holm"] for found in frozen) >= 0.05
    p_middle, p_high = (f["mae"]["p_holm"] for f in frozen if f["mae"]["p_holm"] < 0.05)
    yield f"(corrected p {p_middle:.3f}) and without the highest (corrected {in_words(p_high)})"
    yield f"{band('svr', high):.3f} against {band('L1', high):.3f} for L1"
    yield f"{band('svr', low):.3f} against {band('L1', low):.3f}"


def rnc_loss() -> Iterator[str]:
    timed = read("benchmarks/rnc_loss.json")
    to_loop = {(one["embeddings"], one["targets"]): one["speedup"] for one in timed["compared"]}
    yield f"it is {to_loop[256, 1]:.0f} times as fast at N = 256, and {to_loop[1024, 1]:.0f} times"
    to_sort = [one["speedup_to_sort"] for one in timed["compared"] if one["targets"] == 1]
    yield f"and {min(to_sort):.1f} to {max(to_sort):.1f} times as fast as a sort"
    yield f"three targets {to_loop[1024, 3]:.0f} times at 1,024"
    yield f"takes {timed['large']['seconds']:.1f} s and {timed['large']['peak_gib']:.1f} GiB"


def temperatures() -> Iterator[str]:
    yield from rnc_loss()
    rows = TABLES["rows_of"]("temperature", "gin")

    def error(name: str) -> float:
        return rows[name]["metrics"]["validation"]["standardized"]["rmse"]["mean"]

    best = {loss: min((n for n in rows if n.startswith(loss)), key=error) for loss in _DEFAULTS}
    moved = {loss: name for loss, name in best.items() if name != _DEFAULTS[loss]}
    assert [*moved.values()] == ["rince, 0.1-0.5", "kcl, 0.1", "near labels, 0.5"]
    for loss, name in moved.items():
        yield f"({error(name):.3f} against {error(_DEFAULTS[loss]):.3f})"


_DEFAULTS = {
    "rnc": "rnc, 2",
    "supcon": "supcon, 0.05",
    "rince": "rince, 0.1-0.2",
    "kcl": "kcl, 0.3",
    "tsc": "tsc, 0.3",
    "attention": "attention-nce, 0.1",
    "near": "near labels, 0.3",
}


def noise() -> Iterator[str]:
    def error(name: str, split: str) -> float:
        return rmse("robustness", name, "esol", split)

    gains = [
        row("robustness", name, "esol", f"labels {share}%")["difference"]["rmse"]
        for name in ("RnC", "RnC+freeze")
        for share in (10, 20, 40)
    ]
    assert min(gain["p_holm"] for gain in gains) >= 0.05
    least, most = (end(-gain["mean"] for gain in gains) for end in (min, max))
    yield f"by {least:.3f} to {most:.3f}, and no difference"
    wrong = (error(name, "labels 40%") for name in ("L1, masked", "RnC+freeze", "RnC", "svr"))
    found = "has {:.3f} with 40% wrong, frozen RnC {:.3f}, fine-tuned {:.3f}. Support vectors"
    yield f"{found} lose their lead there ({{:.3f}})".format(*wrong)
    p = row("robustness", "RnC", "esol", "atoms 10%")["difference"]["rmse"]["p_holm"]
    errors = [error(name, "atoms 10%") for name in ("RnC", "L1", "L1, masked")]
    yield f"({errors[0]:.3f} against {errors[1]:.3f} with 10% hidden, corrected p {p:.3f})"
    yield f"masked atoms has {errors[2]:.3f}"
    others = ("L1", "RnC", "RnC+freeze")
    masked, *values = (
        row("robustness", name, "esol", "atoms 20%")["metrics"]["test"]["standardized"]["rmse"]
        for name in ("L1, masked", *others)
    )
    of_others = {name: found["values"] for name, found in zip(others, values, strict=True)}
    worse = compare(of_others, masked["values"], 0.1 / 0.8)["RnC"]
    errors = [error(name, "atoms 20%") for name in ("RnC", "L1, masked")]
    found = "({:.3f} against {:.3f}, p = {:.3f}; {:.3f} after"
    yield found.format(*errors, worse.p, worse.p_holm)


def losses() -> Iterator[str]:
    frozen = ("RnC+freeze", "RINCE (out)+freeze", "AttentionNCE+freeze")
    of = {name: row("objectives", name) for name in ("RnC", "L1", *frozen)}
    error = {name: rmse("objectives", name) for name in (*of, "svr", "extra-trees")}
    both = ("RINCE (out)", "RnC", "RINCE (out)+freeze", "RnC+freeze")
    yield "fine-tuned {:.3f} against {:.3f}; frozen {:.3f} against {:.3f}".format(
        *(rmse("objectives", name) for name in both)
    )
    for count, words in (10, "molecules have a label error"), (20, "the 20 nearest"):
        key = f"label_error_{count}"
        near = [of[name]["measures"][key]["mean"] for name in (both[2], both[3])]
        p = of[both[2]]["measure_difference"][key]["p_holm"]
        found = "{:.3f} against {:.3f} (p = {:.3f})".format(*near, p)
        yield f"{words} of {found}" if count == 10 else f"{words} {found}"
    free = of["AttentionNCE+freeze"]
    metrics = free["measure_difference"]
    for found, words in (
        (free["difference"]["rmse"], "Its RMSE is higher"),
        (metrics["knn_rmse"], "its kNN RMSE"),
        (metrics["label_error_10"], "its label error@10"),
    ):
        yield f"{words} by {found['mean']:.3f} (p = {found['p_holm']:.3f})"
    order = [of[name]["measures"]["order"]["mean"] for name in ("RnC+freeze", "RnC")]
    yield "highest order**: {:.3f}, the next {:.3f}, RnC fine-tuned".format(*order)
    yield f"to label-free AttentionNCE, has p = {metrics['order']['p_holm']:.3f}"
    label = [of[name]["measures"]["label_error_10"]["mean"] for name in ("RnC", "L1")]
    against = of["L1"]["measure_difference"]["label_error_10"]
    yield "{:.3f} against {:.3f} for the ten nearest".format(*label)
    yield f"(p = {against['p']:.3f}; {against['p_holm']:.3f} after Holm"
    assert against["losses"] == against["n"] == 5
    yield f"in RMSE ({error['RnC']:.3f} against {error['L1']:.3f})"
    yield f"regression has {error['svr']:.3f} and extra trees {error['extra-trees']:.3f}"
    kinds = ("KCL+freeze", "TSC (ordered)+freeze", "TSC+freeze")
    mae, squared = (
        [row("long_tail", name)["difference"][metric]["p_holm"] for name in kinds]
        for metric in ("mae", "rmse")
    )
    yield "(p = {:.3f} for KCL, {:.3f} for TSC (ordered), {:.3f} for TSC)".format(*mae)
    tuned = [row("long_tail", name.removesuffix("+freeze"))["difference"] for name in kinds]
    assert min(squared + [found[m]["p_holm"] for found in tuned for m in ("mae", "rmse")]) >= 0.05
    vectors, plain = (row("long_tail", name) for name in ("svr", "L1"))
    rmses = [x["metrics"]["test"]["standardized"]["rmse"]["values"] for x in (vectors, plain)]
    p_rmse, p_mae = (vectors["difference"][metric]["p_holm"] for metric in ("rmse", "mae"))
    yield "its RMSE is {:.3f}, that of plain L1 {:.3f}".format(*map(mean, rmses))
    yield f"(p = {p_rmse:.3f}; in MAE p = {p_mae:.3f})"
    assert sum(one < other for one, other in zip(*rmses, strict=True)) == 9
    few = [row("long_tail", name)["measures"]["mae_few"]["mean"] for name in ("RnC", "RnC+freeze")]
    yield "({:.3f} and {:.3f}".format(*few)


def readme() -> Iterator[str]:
    sets = read("benchmarks/model.json")["sets"]
    assert [len(splits) for splits in sets.values()] == [10, 10, 5]
    for kind, words in {
        "the model": "is {:.3f} log mol/L on ESOL, {:.3f} kcal/mol on FreeSolv and {:.3f} log "
        "units on lipophilicity;",
        "svr": "alone have {:.3f}, {:.3f} and {:.3f}.",
    }.items():
        yield words.format(*(mean(split["rmse"][kind] for split in s) for s in sets.values()))
    covered = (mean(split["coverage"] for split in splits) for splits in sets.values())
    yield "cover {:.1%}, {:.1%} and {:.1%} of the test".format(*covered)
    less = less_than("benchmarks/few_labels.json", "no networks", "random forest")
    yield f"{less:.0f}% less error"
    sets = read("moleculeace/moleculeace.json")["sets"]
    ours = {name: of["rmse"]["defaults"] for name, of in sets.items()}
    without = mean(of["rmse"]["mixture"] for of in sets.values())
    yield f"its mean is {mean(ours.values()):.3f}, without networks (`--networks 0`) {without:.3f}"
    with (ROOT / "results/moleculeace/published.csv").open(encoding="utf-8", newline="") as file:
        published = [row for row in csv.DictReader(file) if row["set"] in ours]
    higher = []
    for model, words in {
        "CheMeleon": "than the published CheMeleon",
        "random forest": "than a random forest",
        "chemprop": "and chemprop",
    }.items():
        theirs = {row["set"]: float(row["rmse"]) for row in published if row["model"] == model}
        yield f"{words} ({mean(theirs.values()):.3f})"
        higher.append(sum(theirs[name] > ours[name] for name in ours))
    assert higher == [29, 30, 30]
    *_, embedding = over_sets()
    assert embedding["RnC"][0] == embedding["SupCon"][0]
    yield f"SupCon or Rank-N-Contrast, better on {embedding['RnC'][0]} of 35 sets"


def rnc() -> Iterator[str]:
    every = [pair for experiment in TABLES["RNC"] for pair in TABLES["rnc_pairs"](experiment)]
    tuned, frozen, to_tuned = (
        [pair[kind] for pair in every] for kind in ("tuned", "frozen", "frozen to tuned")
    )
    assert min(holm([d.p for d in tuned])) >= 0.05
    (better,) = (d for d in tuned if d.p < 0.05 and d.mean < 0)
    on_logbb, worse = (d for d in tuned if d.p < 0.05 and d.mean > 0)
    yield f"is wrong (p = {better.p:.3f}, over the ten splits of the hard splits;"
    yield f"on logBB (p = {on_logbb.p:.3f}) and where a fifth of the"
    yield f"atoms is hidden (p = {worse.p:.3f})"
    lower = sum(d.mean < 0 for d in tuned)
    yield f"lower in {lower} of {len(every)} comparisons, by {-mean(d.mean for d in tuned):.3f}"
    corrected = holm([d.p for d in frozen])
    worse = [(d, p) for d, p in zip(frozen, corrected, strict=True) if d.p < 0.05]
    (logbb, p_logbb), (share, p_share), (middle, p_middle), (high, p_high) = worse
    yield f"on logBB by {logbb.mean:.3f} (p = {logbb.p:.3f})"
    yield f"of ESOL's labels by {share.mean:.3f} (p = {share.p:.3f})"
    yield f"by {middle.mean:.3f} and {high.mean:.3f} (p = {middle.p:.3f} and {high.p:.3f};"
    yield f"{p_logbb:.2f}, {p_share:.2f}, {p_middle:.2f} and {p_high:.2f} after Holm's"
    higher = sum(d.mean > 0 for d in to_tuned)
    yield f"in {higher} of {len(every)} comparisons, by {mean(d.mean for d in to_tuned):.3f} on"
    on_esol, p_esol = to_tuned[0], holm([d.p for d in to_tuned])[0]
    yield f"with GIN by {on_esol.mean:.3f} (p = {on_esol.p:.3f}, {p_esol:.2f} after"
    moses = TABLES["rows_of"]("esol", "gin-moses")
    on_top = [
        moses[name]["difference"]["rmse"]
        for name in ("RnC(L1), 25 epochs", "RnC(L1, 5 epochs)+freeze")
    ]
    yield "{:.3f} fine-tuned (p = {:.3f}) and {:.3f} frozen (p = {:.3f};".format(
        *(d[key] for d in on_top for key in ("mean", "p_holm"))
    )
    detectable = row("data_efficiency", "RnC", "freesolv", "train_size=0.2")["difference"]["rmse"]
    yield f"up to {detectable['detectable']:.2f} with a fifth of those of FreeSolv"
    for data in ("esol", "freesolv"):
        for name in ("svr", "extra-trees"):
            found = row("data_efficiency", name, data, "train_size=0.1")["difference"]["rmse"]
            assert found["mean"] < 0 < found["p_holm"] < 0.05


def over_sets() -> tuple[dict[str, list[str]], ...]:
    """The cells by row of the tables over data sets: of RMSE, MAE and the embedding."""
    text = "\n".join(TABLES["many_sets"]())
    return tuple(
        {
            line.split(" | ")[0].removeprefix("| "): line.removesuffix(" |").split(" | ")[1:]
            for line in part.splitlines()[2:]
        }
        for part in text.split("\n\n")
    )


def embedding_of(metric: str) -> dict[str, NDArray[np.float64]]:
    """The mean of a metric of the embedding on each of the 35 sets, by row."""
    sets = [
        found["rows"]
        for found in read("many_sets/table.json")["tables"]
        if found.get("target") in (None, "mean of the targets")
    ]
    assert len(sets) == 35
    return {
        name: np.array([rows[name]["measures"][metric]["mean"] for rows in sets])
        for name in ("L1", "RnC", "SupCon")
    }


def against_supcon() -> list[tuple[int, float]]:
    """On how many sets SupCon is lower than Rank-N-Contrast, and p after Holm, by metric."""
    found = [embedding_of(metric) for metric in ("label_error_10", "order", "knn_rmse")]
    p_values = holm([wilcoxon(of["SupCon"], of["RnC"]).pvalue for of in found])
    return [
        (int((of["SupCon"] < of["RnC"]).sum()), p) for of, p in zip(found, p_values, strict=True)
    ]


def many_sets() -> Iterator[str]:
    """Of the tables over data sets, which docs/result_tables.py copies from the page of results."""
    cells, absolute, embedding = over_sets()
    lower, higher, mean_difference, p, verdict = cells["RnC"]
    yield (
        f"lower on {lower} sets, higher on {higher} (p = {p}), "
        f"by {mean_difference.split()[0][1:]} on average"
    )
    assert mean_difference.startswith("+")
    assert verdict == "not significant"
    _, higher, mean_difference, p, verdict = absolute["RnC"]
    yield f"The MAE is higher on {higher}, by {mean_difference.split()[0][1:]} (p = {p})"
    assert verdict == absolute["RnC+freeze"][4] == "worse"
    frozen, pretrained = cells["RnC+freeze"], cells["gin-moses-1m+freeze"]
    yield f"on {frozen[1]} of 35, by {frozen[2].split()[0][1:]} on average"
    unlabeled = cells["AttentionNCE"]
    yield (
        f"encoder, on {pretrained[1]}, by {pretrained[2].split()[0][1:]}, and AttentionNCE, "
        f"which sees no labels, on {unlabeled[1]}, by {unlabeled[2].split()[0][1:]}."
    )
    kernel = cells["fingerprint-svr"]
    yield f"on {kernel[0]} of 35 sets, by {kernel[2].split()[0][1:]} on average"
    assert pretrained[4] == frozen[4] == unlabeled[4] == "worse"
    yield f"on {embedding['RnC'][0]} of 35 data sets"
    yield "neighbors, on {}, {} and {} sets".format(*embedding["RnC"][::2])
    for name in ("RnC", "RnC+freeze", "SupCon"):
        assert embedding[name][1::2] == ["&lt; 0.001"] * 3
    (nearer, p_nearer), (_, p_order), (_, p_neighbors) = against_supcon()
    yield f"than that of Rank-N-Contrast on {nearer} sets (p < 0.001, Holm"
    assert p_nearer < 0.001
    yield f"significantly (p = {p_order:.3f} and {p_neighbors:.3f})"
    errors = embedding_of("label_error_10")
    less = {name: 100 * (1 - np.mean(errors[name] / errors["L1"])) for name in ("RnC", "SupCon")}
    yield f"label error@10 is {less['RnC']:.0f}% lower on average"
    yield f"three metrics), {less['SupCon']:.0f}% lower than that of plain L1"


def nearest() -> Iterator[str]:
    sets = read("benchmarks/retrieval.json")["sets"]
    structure, without, ranked = "structure (Tanimoto)", "networks, no stage 1", "networks, Rank-N"
    splits = [
        {name.removesuffix("-Contrast"): error for name, error in split.items()}
        for found in sets.values()
        for split in found
    ]
    lower = sum(split[ranked] < split[without] for split in splits)
    yield f"nearer on {lower} of {len(splits)} splits of ESOL, FreeSolv, logBB and photoswitch"
    assert all(split[ranked] < split[structure] for split in splits)
    gains = [
        100 - 100 * mean(s["networks, Rank-N-Contrast"] for s in x) / mean(s[structure] for s in x)
        for x in sets.values()
    ]
    yield f"on all {len(splits)}, by {min(gains):.0f} to {max(gains):.0f}%"


def hard_splits() -> Iterator[str]:
    tables = read("hard_splits/table.json")["tables"]
    methods = ("RnC", "RnC+freeze", "joint, 0.3")
    assert len(tables) == 10
    for table in tables:
        rows = table["rows"]
        assert min(rows[name]["difference"]["rmse"]["p_holm"] for name in methods) >= 0.05
        assert rows["RnC"]["measure_difference"]["label_error_10"]["mean"] < 0
        assert rows["RnC"]["measure_difference"]["label_error_10"]["p_holm"] < 0.05
    wrong, few = (
        row("hard_splits", name, "esol", split)["difference"]["rmse"]
        for name, split in (
            ("RnC", "a fifth of the labels wrong"),
            ("joint, 0.3", "a fifth of the training set"),
        )
    )
    yield f"({wrong['mean']:.3f}, corrected p {wrong['p_holm']:.3f})"
    yield f"({few['mean']:.3f}, corrected p {few['p_holm']:.3f})"
    found = {
        (table["data"], table["split"], name): mae
        for table in tables
        for name in methods
        if (mae := table["rows"][name]["difference"]["mae"])["p_holm"] < 0.05
    }
    (only,) = found
    assert only == ("esol", "a fifth of the training set", "joint, 0.3")
    difference = found[only]
    yield f"is significant ({difference['mean']:.3f}, corrected p {difference['p_holm']:.3f})"
    svr = {
        table["split"]: table["rows"]["svr"]["difference"]["rmse"]
        for table in tables
        if table["data"] == "esol"
    }
    better = [name for name, d in svr.items() if d["mean"] < 0 and d["p_holm"] < 0.05]
    assert len(better) == 4
    assert "a fifth of the labels wrong" not in better


def choose() -> Iterator[str]:
    of = {name: TABLES["rows_of"]("esol", name) for name in ("gin", "mpnn", "gcn", "gin-moses")}

    def error(encoder: str, name: str) -> float:
        values = of[encoder][name]["metrics"]["test"]["standardized"]["rmse"]["values"]
        assert len(values) == 10
        return mean(values)

    plain = error("gin", "normal-L1")
    yield f"fine-tuned has {error('gin', 'RnC(L1)'):.3f} and plain L1 {plain:.3f}"
    every = [pair for experiment in TABLES["RNC"] for pair in TABLES["rnc_pairs"](experiment)]
    yield f"In none of {len(every)} comparisons"
    errors, absolute, embedding = over_sets()
    lower, higher_on, _, p, _ = errors["RnC"]
    yield f"over 35 sets it is lower on {lower}, higher on {higher_on} (p = {p}), and the MAE is"
    yield f"higher on {absolute['RnC'][1]} (p = {absolute['RnC'][3]}; [does"
    ours = embedding_of("label_error_10")
    yield f"(p < 0.001), by {100 * (1 - np.mean(ours['RnC'] / ours['L1'])):.0f}% on average"
    yield f"nearer still, on {against_supcon()[0][0]} of 35 (p < 0.001)"
    yield f"Over 35 sets it is worse than plain L1 on {errors['RnC+freeze'][1]}."
    yield f"on {embedding['RnC'][0]} of 35 sets (p < 0.001)"
    nearest = [
        row("long_tail", name)["measure_difference"]["label_error_10"]
        for name in ("RnC", "RnC+freeze")
    ]
    yield "by {:.3f} fine-tuned and {:.3f} frozen".format(*(-found["mean"] for found in nearest))
    yield "rare end (p = {:.3f} and {:.3f}".format(*(found["p_holm"] for found in nearest))
    worse = row("objectives", "AttentionNCE+freeze")["measure_difference"]["label_error_10"]
    yield f"label error@10 by {worse['mean']:.3f} (p = {worse['p_holm']:.3f})"
    differences = [pair["frozen to tuned"].mean for pair in every]
    higher = sum(difference > 0 for difference in differences)
    yield f"in {higher} of {len(every)} comparisons, by {mean(differences):.3f} on average"
    yield "on ESOL {:.3f} against {:.3f} with GIN, {:.3f} against {:.3f} with MPNN".format(
        *(error(e, name) for e in ("gin", "mpnn") for name in ("RnC(L1)+freeze", "RnC(L1)"))
    )
    yield "the weights of `gin-moses` {:.3f}, GIN {:.3f}, MPNN {:.3f}, GCN {:.3f}".format(
        *(error(encoder, "normal-L1") for encoder in ("gin-moses", "gin", "mpnn", "gcn"))
    )
    for name, words in (("esol", "ESOL"), ("freesolv", "FreeSolv"), ("lipophilicity",) * 2):
        yield f"{words}, by {higher_without(name):.1f}%"
    few, all_of_esol = (
        row("data_efficiency", "svr", "esol", f"train_size={share}")["difference"]["rmse"]
        for share in (0.1, 1.0)
    )
    yield f"{-few['mean']:.3f} on ESOL (90 labels, p = {few['p_holm']:.3f})"
    yield f"difference is {-all_of_esol['mean']:.3f} on ESOL (902, p = {all_of_esol['p_holm']:.3f})"
    few, every = (
        row("data_efficiency", "svr", "freesolv", f"train_size={share}")["difference"]["rmse"]
        for share in (0.1, 1.0)
    )
    yield f"{-few['mean']:.3f} on FreeSolv (51, {in_words(few['p_holm'])})"
    assert every["p_holm"] > 0.5
    few, many = error("gin-moses", "L1, 25 epochs"), error("gin-moses", "normal-L1")
    yield f"{few:.3f} after 25, {many:.3f} after 100"
    yield f"have {error('gin', 'svr'):.3f} on the same ten splits"


def gpu() -> Iterator[str]:
    steps = read("benchmarks/training.json")["steps"]
    slower = [
        sum(step["ms"][way] > step["ms"]["as it is"] for step in steps)
        for way in ("bf16", "compiled")
    ]
    yield "bf16 is slower in {}, and compiling in {}".format(*slower)
    gains = {
        kind: sorted(
            step["ms"]["PyG's layers"] / step["ms"]["as it is"]
            for step in steps
            if step["encoder"] == kind
        )
        for kind in ("gin", "gcn", "mpnn")
    }
    yield "of GIN {:.1f} to {:.1f} times".format(gains["gin"][0], gains["gin"][-1])
    yield "of GCN {:.1f} to {:.1f} times".format(*gains["gcn"])
    yield "of MPNN {:.0f} to {:.0f} times".format(*gains["mpnn"])
    found = read("benchmarks/gpu.json")
    fits = found["fit"].values()
    assert all(fit["same_bits"] for fit in fits)
    yield f"each of {len(fits)} models has the same bits in a second run"
    yield f"differ by at most {max(fit['prediction_of_loaded'] for fit in fits):.0e}"
    yield f"on one or the other, by up to {max(fit['prediction'] for fit in fits):.2f}"
    small = [step for step in found["steps"] if step["size"][0] == step["batch_size"] == 64]
    most = [
        max(step["gpu"] / step[threads] for step in small if not step["two_views"])
        for threads in ("CPU, 1 thread", "CPU, all cores")
    ]
    yield "at most {:.1f} times the speed of one thread, {:.1f} times that of all".format(*most)
    rnc = {row["embeddings"]: row for row in found["rnc"]}
    pair = [rnc[4096][name] for name in ("gpu", "CPU, 1 thread")]
    yield "{:.1f} ms for 4,096 embeddings ({:.0f} ms on the one thread)".format(*pair)
    largest = rnc[65536]
    yield f"{largest['gpu'] / 1000:.1f} s and {largest['peak_mib'] / 1024:.1f} GiB for 65,536"
    for width in (64, 300):
        ms = [
            found["variants"][f"gin {width} x 3, batch 1024, {how}"]
            for how in ("plain", "bf16", "compiled")
        ]
        yield "{:.1f} ms, {:.1f} with bf16 and {:.1f} compiled, {} wide".format(*ms, width)


def shipped() -> Iterator[str]:
    first, second = (
        json.loads((WEIGHTS / name / "encoder.json").read_text(encoding="utf-8"))
        for name in ("gin-moses", "gin-moses-1m")
    )
    yield f"| molecules | {first['corpus']['molecules']:,} | {second['corpus']['molecules']:,} |"
    yield f"| steps of 1,024 molecules | {first['steps']:,} | {second['steps']:,} |"
    yield f"| whole run, s | {first['seconds']:.0f} | {second['seconds']:.0f} |"
    yield f"| pretrained on | {first['device']} | {second['device']} |"


def frozen() -> Iterator[str]:
    found = read("pretraining/objectives.json")
    errors = [
        [one[name]["kernel, 100%"] for name in found["encoders"]] for one in found["sets"].values()
    ]
    ranking = rank_methods(np.array(errors), found["encoders"])
    ranks = dict(zip(ranking.names, ranking.ranks, strict=True))
    yield f"probe, {ranks['rnc']:.1f} of {len(ranks)} against {ranks['descriptors']:.1f}"
    yield f"critical difference {ranking.critical:.1f}, five splits"
    assert found["seeds"] == 5


def pretraining() -> Iterator[str]:
    found = read("benchmarks/pretraining_kills.json")["kills"]
    assert [kill["trained"] for kill in found["kills"]] == [False, True, True]
    assert found["differing"] == []
    yield f"A run on {found['molecules']:,} molecules that was killed three times"
    yield from shipped()
    found = read("pretraining/finetuned.json")
    assert found["seeds"] == 3
    every = [name for name in found["encoders"] if name != "random"]

    def error(name: str, column: str) -> float:
        return mean(one[name][column] for one in found["sets"].values())

    ranker, regression, masked, random = (
        error(name, "fine-tuned, 100%") for name in ("rnc", "descriptors", "attributes", "random")
    )
    yield f"RMSE of {ranker:.3f} standard deviations"
    yield from frozen()
    yield f"regression {regression:.3f} and masked atoms {masked:.3f}"
    yield f"has {random:.3f} after as many"
    for words, column in (("fine-tuning ({})", "fine-tuned, 10%"), ("({})", "kernel, 10%")):
        errors = [error(name, column) for name in every]
        yield words.format(f"{min(errors):.3f} to {max(errors):.3f}")


def hierarchy() -> Iterator[str]:
    names = ("SupCon", "RINCE out-in", "RINCE in", "RINCE out")
    rows = {name: row("fashion_hierarchy", name, "fashion-mnist") for name in names}

    def means(measure: str, *of: str) -> list[float]:
        return [rows[name]["measures"][measure]["mean"] for name in of]

    def p(measure: str, name: str) -> float:
        found: float = rows[name]["measure_difference"][measure]["p_holm"]
        return found

    accuracies = "{:.3f}; RINCE out-in has {:.3f}, RINCE-in {:.3f}, RINCE-out {:.3f}"
    yield accuracies.format(*means("accuracy", *names))
    yield "(mAP {:.3f} against {:.3f} for".format(*means("map_coarse", "RINCE out", "SupCon"))
    yield "after SupCon ({:.3f} against {:.3f})".format(*means("map", "SupCon", "RINCE out"))
    outside = means("ood_knn_auroc", "RINCE out-in", "SupCon")
    yield "(AUROC {:.3f} against {:.3f})".format(*outside)
    assert p("map_coarse", "RINCE out") < 0.05
    assert max(p("accuracy", name) for name in ("RINCE in", "RINCE out")) < 0.05
    level = [("accuracy", names[1]), ("map", names[3]), ("ood_knn_auroc", names[1])]
    assert min(p(*of) for of in level) >= 0.05


def long_tail_of_clothes() -> Iterator[str]:
    names = ("cross-entropy, classes alike", "KCL", "TSC")
    rows = [row("fashion_long_tail", name, "fashion-mnist") for name in names]
    plain = row("fashion_long_tail", "cross-entropy", "fashion-mnist")
    shown = (found["measures"]["accuracy"]["mean"] for found in (*rows, plain))
    yield "{:.3f}; KCL has {:.3f}, TSC {:.3f}, plain cross-entropy {:.3f}".format(*shown)
    few = (found["measures"]["accuracy_few"]["mean"] for found in (rows[1], rows[0]))
    yield "mean, {:.3f} against {:.3f}".format(*few)

    def differences(measure: str) -> list[dict[str, float]]:
        return [found["measure_difference"][f"accuracy{measure}"] for found in rows]

    yield f"(least corrected p {min(found['p_holm'] for found in differences('')):.3f})"
    assert min(found["p_holm"] for found in differences("_few")) >= 0.05
    for measure, side in {"_medium": 1, "_many": -1}.items():
        for found in differences(measure):
            assert found["p_holm"] < 0.05
            assert side * found["mean"] > 0


def views() -> Iterator[str]:
    six, two = (row("fashion_views", name, "fashion-mnist") for name in ("AttentionNCE", "SimCLR"))
    shown = {"accuracy": "{:.3f} and SimCLR with two {:.3f}", "map": "{:.3f} against {:.3f}"}
    for measure, words in shown.items():
        yield words.format(*(found["measures"][measure]["mean"] for found in (six, two)))
        yield f"(p = {six['measure_difference'][measure]['p_holm']:.3f})"


def few_labels() -> Iterator[str]:
    forest = less_than("benchmarks/few_labels.json", "no networks", "random forest")
    encoder = less_than("benchmarks/few_labels.json", "no networks", "no networks, no encoder")
    yield (
        f"{forest:.0f}% less error than a random forest on Morgan bits, and {encoder:.0f}% less "
        "than members that need no encoder"
    )
    networks = less_than("benchmarks/few_labels.json", "three networks", "no networks")
    pair = "three networks", "three networks, no encoder"
    encoder = less_than("benchmarks/few_labels.json", *pair)
    yield f"with three it has {-networks:.1f}% more error than without"
    yield f"and {encoder:.1f}% less than with three new GINs"


def bioactivity() -> Iterator[str]:
    splits = read("benchmarks/censored.json")["splits"]
    bounds, without = (mean(split[kind] for split in splits) for kind in ("bounds", "left out"))
    yield f"is {100 - 100 * bounds / without:.0f}% lower than without these rows"


def against_chemprop() -> Iterator[str]:
    against = read("benchmarks/against_chemprop.json")["splits"]
    ours, quick, theirs = (
        {what: [split[what][label] for split in against] for what in ("rmse", "seconds")}
        for label in ("rnc-graph train", "rnc-graph train --networks 0", "chemprop train")
    )
    found = compare({"ours": ours["rmse"], "quick": quick["rmse"]}, theirs["rmse"], 1 / 9)["ours"]
    times = [
        mean(t / s for s, t in zip(own["seconds"], theirs["seconds"], strict=True))
        for own in (ours, quick)
    ]
    yield f"the model has {mean(ours['rmse']):.3f} log mol/L where"
    yield f"chemprop has {mean(theirs['rmse']):.3f} (lower in {found.wins} of {len(against)},"
    yield f"p = {found.p_holm:.2g}), in {1 / times[0]:.1f} times its CPU time"
    yield f"it has {mean(quick['rmse']):.3f} and is {times[1]:.1f} times as fast"


def higher_without(name: str) -> float:
    """How much higher the error of a set is without networks, in percent."""
    splits = read("benchmarks/choose_number_of_networks.json")["sets"][name]
    ratios = [split["none"]["model"] / split["three"]["model"] for split in splits]
    return 100 * (geometric_mean(ratios) - 1)


def number_of_networks() -> Iterator[str]:
    sets = read("benchmarks/choose_number_of_networks.json")["sets"]
    every = [split for splits in sets.values() for split in splits]
    yield f"MoleculeACE, {len(every)} splits"

    def higher(way: str, splits: list[dict[str, Any]]) -> float:
        ratios = [split[way]["model"] / split["three"]["model"] for split in splits]
        return 100 * (geometric_mean(ratios) - 1)

    yield f"is {higher('none', every):.1f}% higher than with three"
    names = (("esol", "ESOL"), ("freesolv", "FreeSolv"), ("lipophilicity", "lipophilicity"))
    for name, words in names:
        yield f"{higher_without(name):.1f}% on {words}"
    others = [s for name, splits in sets.items() if name not in dict(names) for s in splits]
    assert higher("none", others) < 0
    without = [split for split in every if split["auto"]["networks"] is None]
    assert all(split in others for split in without)
    yield f"left them out on {len(without)} splits"
    yield f"the error was {-higher('auto', without):.1f}% lower than with three"
    times = (sum(split[way]["seconds"] for split in without) for way in ("auto", "three"))
    yield f"took {next(times) / next(times):.0%} of the time"


def defaults() -> Iterator[str]:
    chosen = read("benchmarks/choose_defaults.json")["sets"]

    def error(label: str) -> float:
        return mean(mean(split["errors"][label] for split in splits) for splits in chosen.values())

    trees, kernel, process = "fingerprint-trees", "fingerprint-svr", "gaussian-process"
    new = f"{trees} + {kernel} + embedding-svr + {process}, stacked"
    of_sets = read("moleculeace/moleculeace.json")["sets"].values()
    for row, words in (
        ("fingerprint-svr", "is {:.3f} log units, and {:.3f} on molecules"),
        ("morgan", "with Morgan counts alone {:.3f} and {:.3f}."),
        ("defaults", "The default model has {:.3f} and {:.3f}, its"),
        ("mixture", "without networks {:.3f} and {:.3f}"),
    ):
        yield words.format(*(mean(one[of][row] for one in of_sets) for of in ("rmse", "cliff")))
    with_networks = sum("network" in one["weights"]["defaults"] for one in of_sets)
    yield f"It has networks on {with_networks} of the sets"
    splits = [s["rmse"] for of in read("benchmarks/model.json")["sets"].values() for s in of]
    plain = "mean of svr, extra-trees, networks"
    with_them = [split for split in splits if plain in split]
    better = sum(split[plain] < split["the model"] for split in with_them)
    yield f"the lower error in {better} of the {len(with_them)} splits that have networks"
    yield from against_chemprop()
    others = read("benchmarks/model_photoswitch_logbb.json")["sets"]
    means = [
        {
            name: mean(split["rmse"][name] for split in splits)
            for name in splits[0]["rmse"]
            if all(name in split["rmse"] for split in splits)
        }
        for splits in others.values()
    ]
    nm, log = means
    yield f"the model has {nm['the model']:.1f} nm"
    yield f"support vectors on descriptors {nm['svr']:.1f} and"
    yield f"{nm[process]:.1f}; on five of logBB it has {log['the model']:.3f} log units, the lowest"
    assert min(nm, key=nm.__getitem__) == process
    assert min(log, key=log.__getitem__) == "the model"
    worse = sum(split["svr"] > split["the model"] for split in splits)
    yield f"worse than the model in {worse} of the {len(splits)}"
    every = [label for split in chosen["esol"][:1] for label in split["errors"]]
    assert min(every, key=error) == new
    yield f"lowest mean error, {error(new):.3f} standard deviations with stacked weights"
    without = f"{trees} + embedding-svr + {process}, stacked"
    better = {
        name
        for name, splits in chosen.items()
        if mean(split["errors"][without] for split in splits)
        < mean(split["errors"][new] for split in splits)
    }
    assert better == {"esol", "freesolv", "moleculeace/CHEMBL2147_Ki"}
    yield f"it is {error(without):.3f}, lower on ESOL, FreeSolv and one set of MoleculeACE"
    for words, label in (
        ("without the Gaussian process {:.3f};", f"{trees} + {kernel} + embedding-svr, stacked"),
        (
            "`fingerprint-trees` and `fingerprint-svr`, {:.3f};",
            f"svr + {trees} + {kernel}, stacked",
        ),
        ("members {:.3f};", new.replace("stacked", "equal")),
        ("an earlier default, {:.3f}.", "svr + extra-trees, equal"),
    ):
        yield words.format(error(label))
    kinds = (process, trees, kernel, "embedding-svr", "svr", "extra-trees")
    best, *others = sorted((f"{kind}, stacked" for kind in kinds), key=error)
    assert best.startswith(process)
    yield f"best single member, {error(best):.3f} alone (the next has {error(others[0]):.3f})"
    yield from number_of_networks()
    with_networks = read("benchmarks/choose_defaults_networks.json")["sets"].values()

    def on_two(label: str) -> float:
        return mean(mean(split["errors"][label] for split in splits) for splits in with_networks)

    ours = new.replace(", stacked", " + networks, stacked")
    yield f"the default has {on_two(ours):.3f}, without networks {on_two(new):.3f}"
    pulls = [on_two(f"{ours}, pull {pull}") for pull in (0, 3, 10, 30, 100)]
    yield f"Without the ridge it is {pulls[0]:.3f}; with"
    equal = f"{trees} + {kernel} + embedding-svr + {process} + networks, equal"
    yield f"and networks has {on_two(equal):.3f}"
    labels = next(iter(with_networks))[0]["errors"]
    yield f"down to {min(map(on_two, labels)):.3f}"
    yield "{:.3f}, {:.3f}, {:.3f} and {:.3f}".format(*pulls[1:])


def serving() -> Iterator[str]:
    found = read("benchmarks/serving.json")
    one, ten, hundred = (query["median_ms"] for query in found["queries"])
    yield f"{one:.0f} ms for one molecule, {ten:.0f} ms for ten, {hundred / 1000:.1f} s for"
    yield f"{found['ready_s']:.0f} s from the start of the process"
    predicted = read("benchmarks/prediction.json")
    yield f"one molecule {predicted['one']['one_ms']:.0f} ms"
    few, *_, most = predicted["files"]
    assert few["MiB"] == pytest.approx(most["MiB"], rel=0.05)
    yield f"{most['rows']:,} rows take {most['wall'] / 60:.0f} minutes with two processes"
    yield f"{most['MiB'] / 1024:.1f} GiB, as {few['rows']:,} rows do"


PAGES = {
    "README.md": readme,
    "docs/bioactivity.md": bioactivity,
    "docs/choose.md": choose,
    "docs/does-rnc-help.md": lambda: [*many_sets(), *hard_splits(), *rnc(), *nearest()],
    "docs/few-labels.md": few_labels,
    "docs/gpu.md": gpu,
    "docs/images.md": lambda: [*hierarchy(), *long_tail_of_clothes(), *views()],
    "docs/model.md": defaults,
    "docs/objectives.md": temperatures,
    "docs/pretraining.md": pretraining,
    "docs/serving.md": serving,
    "docs/what-grids-show.md": lambda: [*grids(), *noise()],
    "docs/which-objective.md": losses,
}


@pytest.mark.parametrize("name", PAGES)
def test_the_sentences_of_a_page(name: str):
    page = " ".join((ROOT / name).read_text(encoding="utf-8").split())
    assert [words for words in PAGES[name]() if words not in page] == []
