"""Write the tables of README.md, docs/ and results/README.md from the files of results/.

python docs/result_tables.py

A page has a table between `<!-- table: NAME -->` and `<!-- end of table -->`.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

from rnc_graph.metrics import PairedDifference, Summary, compare
from rnc_graph.reporting import numbers
from rnc_graph.reporting.provenance import PROVENANCE

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"
PAGES = [ROOT / "README.md", RESULTS / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Folders of experiments apart, these have results of several commands, each in its own files.
OTHERS = {
    "benchmarks": "`make benchmarks`; the others name their command in their own `.md`",
    "moleculeace": "`python benchmarks/moleculeace.py`; `published.csv` has results of others",
    "pretraining": "`python benchmarks/pretraining_objectives.py`, `rnc-graph pretrain`",
}
_ABLATION = {
    "plain L1 (100 epochs)": ("", "L1"),
    "RnC, one view, no projection": ("RnC+freeze", "RnC"),
    "+ two views with masked atoms": ("RnC, masked+freeze", "RnC, masked"),
    "+ a projection": ("RnC, projected+freeze", "RnC, projected"),
    "+ two masked views and a projection": (
        "RnC, masked, projected+freeze",
        "RnC, masked, projected",
    ),
    "+ a projection and temperature 0.5": (
        "RnC, projected, T=0.5+freeze",
        "RnC, projected, T=0.5",
    ),
    "L1 and RnC in one stage, weight 0.1": ("", "L1 beside RnC"),
    "the same with a projection": ("", "L1 beside RnC, projected"),
    "plain L1 with masked atoms": ("", "L1, masked"),
}

# Rank-N-Contrast fine-tuned, plain L1, and Rank-N-Contrast frozen, all under an L1 head.
RNC = {
    "esol": ("RnC(L1)", "normal-L1", "RnC(L1)+freeze"),
    "freeze_vs_finetune": ("RnC, L1, fine-tuned", "plain, L1", "RnC, L1, frozen"),
    "objectives": ("RnC", "L1", "RnC+freeze"),
    "data_efficiency": ("RnC", "L1", "RnC+freeze"),
    "unseen_targets": ("RnC", "L1", "RnC+freeze"),
    "long_tail": ("RnC", "L1", "RnC+freeze"),
    "hard_splits": ("RnC", "L1", "RnC+freeze"),
    # Its test sets are masked as the views are: plain L1 sees masked molecules, too.
    "robustness": ("RnC", "L1, masked", "RnC+freeze"),
}
_ASKED = {
    "esol": "ESOL, by encoder",
    "freeze_vs_finetune": "ESOL, FreeSolv, logBB",
    "objectives": "ESOL, beside other losses",
    "data_efficiency": "10% to 100% of the labels of ESOL, FreeSolv",
    "unseen_targets": "a fifth of the labels missing, ESOL, lipophilicity",
    "long_tail": "labels of one end rare, ESOL",
    "hard_splits": "hard splits of ESOL, FreeSolv",
    "robustness": "wrong labels, hidden atoms of ESOL, against L1 with masked atoms",
}
# Their test sets are an eighth as large as their training sets.
_TEST_SHARE = 0.1 / 0.8


@cache
def tables_of(experiment: str) -> list[dict[str, Any]]:
    """Return the tables of an experiment."""
    found: list[dict[str, Any]] = json.loads(
        (RESULTS / experiment / "table.json").read_text("utf-8")
    )["tables"]
    return found


def rows_of(experiment: str, encoder: str) -> dict[str, Any]:
    """Return the rows of the first table of an encoder, by name."""
    rows: dict[str, Any] = next(
        table["rows"] for table in tables_of(experiment) if table["encoder"] == encoder
    )
    return rows


def spread(summary: dict[str, Any] | None) -> str:
    """Return a mean with its standard deviation; nothing where there is none."""
    if summary is None:
        return ""
    return numbers.mean_and_sd(Summary(summary["mean"], summary.get("sd"), ()))


def difference(row: dict[str, Any], metric: str = "rmse") -> tuple[str, str]:
    """Return a row's difference in a metric with its interval, and its p value."""
    if (found := (row["difference"] | row["measure_difference"]).get(metric)) is None:
        return "", ""
    known = {field.name: found.get(field.name) for field in fields(PairedDifference)}
    paired = PairedDifference(**known)
    return numbers.difference(paired), numbers.p_value(paired.p_holm)


def table(header: list[str], lines: list[list[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    for line in [header, ["---"] * len(header), *lines]:
        yield f"| {' | '.join(line)} |"


def esol() -> Iterator[str]:
    """The README's table."""
    found = []
    rows = rows_of("esol", "gin")
    baselines = {name: row for name, row in rows.items() if row["baseline"]}
    own = rows_of("esol", "gin-moses")
    pretrained = {f"{name}, gin-moses": own[name] for name in ("normal-L1", "L1+freeze")}
    networks = {name: row for name, row in rows.items() if not row["baseline"]}
    for name, row in (networks | pretrained | baselines).items():
        test = row["metrics"]["test"]
        errors = [spread(test[s][m]) for s in ("standardized", "unit") for m in ("rmse", "mae")]
        found.append([name, *errors, *difference(row)])
    scales = ("sd", "log mol/L")
    errors = [f"test {metric}, {scale}" for scale in scales for metric in ("RMSE", "MAE")]
    last = ["Δ test RMSE to normal-L1, sd [95%]", "p (Holm)"]
    return table(["method", *errors, *last], found)


def rnc_pairs(experiment: str) -> Iterator[dict[str, PairedDifference]]:
    """Yield the paired differences in test RMSE of each table of an experiment.

    Of Rank-N-Contrast to plain L1, "tuned" and "frozen", and of "frozen to tuned".
    """
    for of in tables_of(experiment):
        if not of["rows"].keys() >= set(RNC[experiment]):
            continue
        tuned, plain, frozen = (
            of["rows"][name]["metrics"]["test"]["standardized"]["rmse"]["values"]
            for name in RNC[experiment]
        )
        found = compare({"tuned": tuned, "frozen": frozen}, plain, _TEST_SHARE)
        yield found | compare({"frozen to tuned": frozen}, tuned, _TEST_SHARE)


def rnc_errors() -> Iterator[str]:
    """In how many comparisons the error is lower with Rank-N-Contrast, and by how much."""
    asked = {
        f"[{words}](../results/{experiment}/table.md)": [*rnc_pairs(experiment)]
        for experiment, words in _ASKED.items()
    }
    asked["all"] = [pair for pairs in asked.values() for pair in pairs]
    lines = []
    for words, pairs in asked.items():
        cells = [words, str(len(pairs))]
        for kind in ("tuned", "frozen", "frozen to tuned"):
            differences = [pair[kind].mean for pair in pairs]
            lower = sum(difference < 0 for difference in differences)
            cells.append(f"{lower} lower; mean {mean(differences):+.3f}")
        lines.append(cells)
    header = ["asked on", "comparisons", "fine-tuned, against plain L1", "frozen, against plain L1"]
    return table([*header, "frozen, against fine-tuned"], lines)


def _sections(experiment: str, count: int) -> Iterator[str]:
    """Yield the lines of the first tables of an experiment's page."""
    page = (RESULTS / experiment / "table.md").read_text("utf-8")
    for number, section in enumerate(page.split("\n## ")[1 : count + 1]):
        if number:
            yield ""
        yield from (line for line in section.splitlines() if line.startswith("|"))


def many_sets() -> Iterator[str]:
    """The errors and the embedding's metrics over all data sets."""
    return _sections("many_sets", 3)


def hard_splits() -> Iterator[str]:
    """The differences to plain L1 on each split of each set."""
    lines = []
    for of in tables_of("hard_splits"):
        rows = of["rows"]
        errors = [difference(rows[name])[0] for name in ("RnC", "RnC+freeze", "joint, 0.3")]
        nearest, p = difference(rows["RnC"], "label_error_10")
        lines.append([of["data"], of["split"], *errors, f"{nearest.split()[0]} ({_p(p)})"])
    header = ["set", "split", "RnC [95%]", "RnC+freeze [95%]", "joint, 0.3 [95%]"]
    return table([*header, "RnC, label error@10 (p)"], lines)


def robustness() -> Iterator[str]:
    """The test errors by what is corrupted; "" for baselines that see no corrupted molecules."""
    tables = {table["split"]: table["rows"] for table in tables_of("robustness")}
    lines = []
    for name in next(iter(tables.values())):
        of = [rows[name]["metrics"]["test"] if name in rows else None for rows in tables.values()]
        lines.append([name, *(f"{m['standardized']['rmse']['mean']:.3f}" if m else "" for m in of)])
    return table(["test RMSE, standardized", *tables], lines)


def _p(p: str) -> str:
    return f"p {p}" if p.startswith("<") else f"p = {p}"


def retrieval() -> Iterator[str]:
    """How far the labels of the nearest training molecules are."""
    lines = []
    for experiment, name, words in (
        ("long_tail", "RnC", "fine-tuned, labels of one end rare"),
        ("long_tail", "RnC+freeze", "frozen, labels of one end rare"),
        ("objectives", "L1", "plain L1, against fine-tuned Rank-N-Contrast"),
    ):
        row = rows_of(experiment, "gin")[name]
        lines.append([words, *difference(row, "label_error_10"), str(len(row["seeds"]))])
    header = ["ESOL, GIN", "difference of the label error@10 [95%]", "p (Holm)", "seeds"]
    return table(header, lines)


def few_labels() -> Iterator[str]:
    """The error of the members without networks, by set and number of labels."""
    sets = json.loads((RESULTS / "benchmarks" / "few_labels.json").read_text("utf-8"))["sets"]
    sizes = ("50", "100", "200")
    lines = []
    for name, draws in sets.items():
        for label, kind in ((name, "no networks"), (f"{name}, random forest", "random forest")):
            errors = (mean(draw[size][kind] for draw in draws) for size in sizes)
            lines.append([label, *(f"{error:.3f}" for error in errors)])
    return table(["set", *(f"{size} labels" for size in sizes)], lines)


def ablation() -> Iterator[str]:
    """The validation errors of what was added to RnC, frozen and fine-tuned."""
    rows = rows_of("ablation", "mpnn")

    def error(name: str) -> str:
        return spread(rows[name]["metrics"]["validation"]["standardized"]["rmse"]) if name else ""

    lines = [[label, *map(error, names)] for label, names in _ABLATION.items()]
    return table(["validation RMSE, standardized", "frozen", "fine-tuned"], lines)


def variants() -> Iterator[str]:
    """The validation errors of forms of Rank-N-Contrast, on both sets."""
    of = {table["data"]: table["rows"] for table in tables_of("variants")}
    lines = []
    for name in of["esol"]:
        found = [rows[name]["metrics"]["validation"] for rows in of.values()]
        errors = [metrics["standardized"]["rmse"] for metrics in found]
        means = mean(error["mean"] for error in errors)
        lines.append([name, *map(spread, errors), f"{means:.3f}"])
    return table(["validation RMSE, standardized", "ESOL", "FreeSolv", "mean"], lines)


def methods(experiment: str, reference: str, further: dict[str, str]) -> Iterator[str]:
    """All methods with their test RMSE and further metrics."""
    lines = []
    for name, row in rows_of(experiment, "gin").items():
        rmse = spread(row["metrics"]["test"]["standardized"]["rmse"])
        metrics = [spread(row["measures"].get(metric)) for metric in further]
        lines.append([name, rmse, *difference(row), *metrics])
    header = ["method", "test RMSE", f"Δ to {reference} [95%]", "p (Holm)", *further.values()]
    return table(header, lines)


def objectives() -> Iterator[str]:
    """All losses."""
    shown = {"order": "order", "knn_rmse": "kNN RMSE", "label_error_10": "label error@10"}
    return methods("objectives", "RnC, or RnC+freeze", shown)


def long_tail() -> Iterator[str]:
    """Errors by region of a long tail."""
    shown = {f"mae_{region}": f"MAE, {region}-shot" for region in ("many", "medium", "few")}
    return methods("long_tail", "L1", {**shown, "balanced_mae": "balanced MAE"})


def model() -> Iterator[str]:
    """The default model's errors, and how many values its intervals cover."""
    lines = (RESULTS / "benchmarks" / "model.md").read_text("utf-8").splitlines()
    yield from (line for line in lines if line.startswith("|"))
    yield from ("", "90% intervals on the test sets:", "")
    yield from (line for line in lines if line.startswith("- "))


def nearest() -> Iterator[str]:
    """How near the labels of the nearest training molecules are."""
    lines = (RESULTS / "benchmarks" / "retrieval.md").read_text("utf-8").splitlines()
    yield from (re.sub(r" \(\d+ of \d+\)", "", line) for line in lines if line.startswith("|"))


def pretraining() -> Iterator[str]:
    """Speed and memory of the parts of pretraining."""
    names = {
        "list": "list",
        "describe": "describe",
        "train": "train, descriptors",
        "train, rnc": "train, descriptors and Rank-N-Contrast",
    }
    measured = json.loads((RESULTS / "benchmarks" / "pretraining.json").read_text("utf-8"))
    lines = [
        [
            f"{row['molecules']:,}",
            name,
            f"{row[part]['molecules'] / row[part]['seconds']:,.0f}",
            f"{row[part]['own_mib'] / 1024:.1f}",
        ]
        for row in measured["sizes"]
        for part, name in names.items()
        if part in row
    ]
    return table(["molecules in the corpus", "part", "molecules/s", "peak, GiB"], lines)


def gpu() -> Iterator[str]:
    """Training steps on a GPU and on one thread of its machine's processor."""
    by_case: dict[tuple[int, int], dict[str, str]] = {}
    for row in json.loads((RESULTS / "benchmarks" / "gpu.json").read_text("utf-8"))["steps"]:
        if not row["two_views"]:
            speed = row["gpu"]
            cell = f"{speed:.0f} ({speed / row['CPU, 1 thread']:.1f} times)"
            by_case.setdefault((row["size"][0], row["batch_size"]), {})[row["encoder"]] = cell
    encoders = ("gin", "gcn", "mpnn")
    lines = [
        [str(width), f"{batch:,}", *map(cells.__getitem__, encoders)]
        for (width, batch), cells in by_case.items()
    ]
    return table(["width", "batch", *map(str.upper, encoders)], lines)


def provenance() -> Iterator[str]:
    """What made each folder of results/."""
    lines = []
    for folder in sorted(path for path in RESULTS.iterdir() if path.is_dir()):
        if folder.name in OTHERS:
            lines.append([f"`{folder.name}/`", OTHERS[folder.name], *["in each file"] * 3, ""])
        elif (folder / "table.json").exists():
            made = json.loads((folder / PROVENANCE).read_text("utf-8"))
            seconds = made["wall_seconds"]
            lines.append(
                [
                    f"[{folder.name}]({folder.name}/table.md)",
                    f"`{made['command']} --out results/{folder.name}`",
                    made["code"],
                    made["processor"] or "not recorded",
                    "not recorded" if seconds is None else numbers.duration(seconds),
                    str(made["run_format"]),
                ]
            )
    return table(["folder", "made by", "code", "processor", "time", "format"], lines)


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "esol": esol,
    "rnc-errors": rnc_errors,
    "retrieval": retrieval,
    "many-sets": many_sets,
    "hard-splits": hard_splits,
    "robustness": robustness,
    "few-labels": few_labels,
    "ablation": ablation,
    "variants": variants,
    "objectives": objectives,
    "long-tail": long_tail,
    "model": model,
    "nearest": nearest,
    "gpu": gpu,
    "pretraining": pretraining,
    "provenance": provenance,
}
_BLOCK = re.compile(r"(<!-- table: ([\w-]+) -->\n\n).*?(\n\n<!-- end of table -->)", re.DOTALL)


def filled(text: str) -> str:
    """Return a page with its tables made anew."""
    return _BLOCK.sub(lambda found: found[1] + "\n".join(TABLES[found[2]]()) + found[3], text)


def main() -> None:
    """Write all tables."""
    for page in PAGES:
        page.write_text(filled(page.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
