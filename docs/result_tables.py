"""Write the tables of README.md, docs/ and results/README.md from the files of results/.

python docs/result_tables.py

A page has a table between `<!-- table: NAME -->` and `<!-- end of table -->`.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from rnc_graph.metrics import PairedDifference, Summary
from rnc_graph.reporting import numbers
from rnc_graph.reporting.provenance import PROVENANCE

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"
PAGES = [ROOT / "README.md", RESULTS / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Folders of experiments apart, these have results of several commands, each in its own files.
OTHERS = {
    "benchmarks": "`make benchmarks`; those of seconds to hours that chose the defaults name "
    "their command in their own `.md`",
    "moleculeace": "`python benchmarks/moleculeace.py`; `published.csv` has results of others",
    "pretraining": "`python benchmarks/pretraining_objectives.py`, `rnc-graph pretrain`",
}
_ABLATION = {
    "plain L1 (100 epochs)": ("", "L1"),
    "RnC, one view, as in the project": ("RnC+freeze", "RnC"),
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

# A question, and the experiment, encoder, data set, split, row and metric that answer it.
_TENTH, _LOWEST = "train_size=0.1", "unseen=0.0-0.2"
_CLAIMS = [
    ("ESOL, fine-tuned", "esol", "gin", "", "", "RnC(L1)", "rmse"),
    ("ESOL, fine-tuned", "esol", "mpnn", "", "", "RnC(L1)", "rmse"),
    ("ESOL, fine-tuned", "esol", "gcn", "", "", "RnC(L1)", "rmse"),
    ("ESOL, frozen", "esol", "gin", "", "", "RnC(L1)+freeze", "rmse"),
    ("on a pretrained encoder", "esol", "gin-moses", "", "", "RnC(L1), 25 epochs", "rmse"),
    ("the same, frozen", "esol", "gin-moses", "", "", "RnC(L1, 5 epochs)+freeze", "rmse"),
    ("90 labels, ESOL", "data_efficiency", "gin", "esol", _TENTH, "RnC", "rmse"),
    ("51 labels, FreeSolv", "data_efficiency", "gin", "freesolv", _TENTH, "RnC", "rmse"),
    ("labels of one end are rare, ESOL", "long_tail", "gin", "", "", "RnC+freeze", "rmse"),
    (
        "no label of the lowest fifth, ESOL",
        "unseen_targets",
        "gin",
        "esol",
        _LOWEST,
        "RnC",
        "rmse_unseen",
    ),
    ("FreeSolv", "freeze_vs_finetune", "gin", "freesolv", "", "RnC, L1, fine-tuned", "rmse"),
    ("logBB", "freeze_vs_finetune", "gin", "logbb", "", "RnC, L1, fine-tuned", "rmse"),
    ("labels of the 10 nearest, ESOL", "objectives", "gin", "", "", "L1", "label_error_10"),
]


def rows_of(experiment: str, encoder: str, data: str = "", split: str = "") -> dict[str, Any]:
    """Return the rows of the first table of an encoder, by name; of a data set and split."""
    tables = json.loads((RESULTS / experiment / "table.json").read_text("utf-8"))["tables"]
    rows: dict[str, Any] = next(
        t["rows"]
        for t in tables
        if t["encoder"] == encoder and t["data"].startswith(data) and t["split"].startswith(split)
    )
    return rows


def spread(summary: dict[str, Any] | None) -> str:
    """Return a mean with its standard deviation; nothing where there is none."""
    if summary is None:
        return ""
    return numbers.mean_and_sd(Summary(summary["mean"], summary["sd"], ()))


def difference(row: dict[str, Any], metric: str = "rmse") -> tuple[str, str]:
    """Return a row's difference in a metric with its interval, and its p value."""
    if (found := (row["difference"] | row["measure_difference"]).get(metric)) is None:
        return "", ""
    known = {field.name for field in fields(PairedDifference)}
    paired = PairedDifference(**{name: v for name, v in found.items() if name in known})
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
    pretrained = {
        f"{name}, gin-moses": rows_of("esol", "gin-moses")[name]
        for name in ("normal-L1", "L1+freeze")
    }
    networks = {name: row for name, row in rows.items() if not row["baseline"]}
    for name, row in (networks | pretrained | baselines).items():
        test = row["metrics"]["test"]
        errors = [spread(test[s][m]) for s in ("standardized", "unit") for m in ("rmse", "mae")]
        found.append([name, *errors, *difference(row)])
    scales = ("sd", "log mol/L")
    errors = [f"test {metric}, {scale}" for scale in scales for metric in ("RMSE", "MAE")]
    last = ["Δ test RMSE to normal-L1, sd [95%]", "p (Holm)"]
    return table(["method", *errors, *last], found)


def rnc_claims() -> Iterator[str]:
    """Rank-N-Contrast against the same network without it, wherever it was asked."""
    lines = []
    for words, experiment, encoder, data, split, method, metric in _CLAIMS:
        row = rows_of(experiment, encoder, data, split)[method]
        lines.append(
            [
                words,
                f"{method}, {encoder}",
                row["reference"],
                *difference(row, metric),
                str(len(row["seeds"])),
                f"[{experiment}](../results/{experiment}/table.md)",
            ]
        )
    header = ["question", "row", "against", "difference [95%]", "p (Holm)", "seeds", "table"]
    return table(header, lines)


def ablation() -> Iterator[str]:
    """The validation errors of what was added to RnC, frozen and fine-tuned."""
    rows = rows_of("ablation", "mpnn")

    def error(name: str) -> str:
        return spread(rows[name]["metrics"]["validation"]["standardized"]["rmse"]) if name else ""

    lines = [[label, *map(error, names)] for label, names in _ABLATION.items()]
    return table(["validation RMSE, standardized", "frozen", "fine-tuned"], lines)


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
    "rnc-claims": rnc_claims,
    "ablation": ablation,
    "objectives": objectives,
    "long-tail": long_tail,
    "model": model,
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
