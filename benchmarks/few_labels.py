"""Few labels: the model with the pretrained encoder, without it, and a random forest.

    python benchmarks/few_labels.py [--sets esol,...] [--draws 5] [--networks DRAWS]
        [--out results/benchmarks/few_labels.json]

Of each data set 50, 100 or 200 molecules are drawn at random with their labels, as a chemist may
have at the beginning of a project; 500 of the others are the test set. "no networks" are the
default members without networks; "no networks, no encoder" take no embedding of a pretrained
encoder: ``svr``, ``fingerprint-trees`` and ``fingerprint-svr``. With ``--networks`` also "default",
the model with all its defaults, for the first draws. The yardstick is a random forest of 500 trees
on Morgan bits (2,048, radius 2). Each learns from the labels that were drawn alone; nothing is
tuned.
Errors are RMSE in standard deviations of the data set. A finished draw is kept in a folder beside
the results. Writes JSON, the same as Markdown, and a figure.
"""

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from report import processor, write
from sklearn.ensemble import RandomForestRegressor

from rnc_graph import MoleculeRegressor, load_dataset
from rnc_graph.data.features import morgan_fingerprints
from rnc_graph.reporting.style import panels, save, styled
from rnc_graph.seeding import one_thread_always

SETS = "esol,freesolv,lipophilicity,logbb"
SIZES = (50, 100, 200)
TESTED = 500
WITHOUT = ["svr", "fingerprint-trees", "fingerprint-svr"]
FOREST, DEFAULT = "random forest", "default"
BARE, QUICK = "no networks, no encoder", "no networks"


def draws(name: str, seed: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the molecules of a data set in a random order, each once, and their labels, (N,)."""
    table = load_dataset(name)
    first = np.unique(table.smiles, return_index=True)[1]
    order = np.random.default_rng(seed).permutation(first)
    y = table.targets[:, 0]
    order = order[np.isfinite(y[order])]
    return [table.smiles[row] for row in order], y[order], y[np.isfinite(y)].std()


def one_draw(name: str, seed: int, rows: list[str], known: dict[str, Any]) -> dict[str, Any]:
    """Return the errors of the rows by size, those that are known already unchanged."""
    smiles, y, sd = draws(name, seed)
    test = slice(max(SIZES), max(SIZES) + TESTED)
    for size in SIZES:
        found = known.setdefault(str(size), {})
        for row in rows:
            if row in found:
                continue
            if row == FOREST:
                bits = morgan_fingerprints(smiles)
                forest = RandomForestRegressor(500, max_features=1 / 3, random_state=seed)
                predicted = forest.fit(bits[:size], y[:size]).predict(bits[test])
            else:
                members = {BARE: {"descriptor_models": WITHOUT}}.get(row, {})
                networks = 3 if row == DEFAULT else 0
                model = MoleculeRegressor(networks=networks, random_state=seed, **members)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # Too few molecules for 90% intervals.
                    predicted = model.fit(smiles[:size], y[:size]).predict(smiles[test])
            found[row] = float(np.sqrt(np.mean((predicted - y[test]) ** 2)) / sd)
    return known


def mean_and_sd(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}" if values else ""


def errors(result: dict[str, Any], name: str, size: int, row: str) -> list[float]:
    runs = result["sets"][name]
    return [run[str(size)][row] for run in runs if row in run[str(size)]]


def markdown(result: dict[str, Any]) -> str:
    """Return a line for each data set and size."""
    rows = result["rows"]
    lines = [
        "# Few labels",
        "",
        f"Made by `{result['command']}` on {result['processor']}. Test RMSE in standard deviations "
        "of the data set, mean ± standard deviation over random draws; what the rows are: "
        "`benchmarks/few_labels.py`.",
        "",
        "| set | labels | draws | " + " | ".join(rows) + " |",
        "|---" * (3 + len(rows)) + "|",
    ]
    for name in result["sets"]:
        for size in SIZES:
            cells = []
            for row in rows:
                values = errors(result, name, size, row)
                fewer = len(values) < len(result["sets"][name])
                cells.append(mean_and_sd(values) + f" ({len(values)} draws)" * fewer)
            count = len(result["sets"][name])
            lines.append(f"| {name} | {size} | {count} | " + " | ".join(cells) + " |")
    lines += ["", "In pairs, the same draws:", ""]
    for one, other in ((QUICK, BARE), (QUICK, FOREST), (DEFAULT, QUICK), (DEFAULT, FOREST)):
        if not {one, other} <= set(rows):
            continue
        pairs = [
            (run[str(size)][one], run[str(size)][other])
            for runs in result["sets"].values()
            for run in runs
            for size in SIZES
            if one in run[str(size)]
        ]
        ratio = np.exp(np.mean([np.log(a / b) for a, b in pairs]))
        wins = sum(a < b for a, b in pairs)
        lines.append(
            f"- {one} against {other}: error {ratio - 1:+.1%} (geometric mean), lower in {wins} of "
            f"{len(pairs)}"
        )
    return "\n".join(lines) + "\n"


@styled
def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the error against the number of labels, a panel for each data set."""
    figure, axes = panels(len(result["sets"]), columns=4, height=2.4)
    for axis, name in zip(axes, result["sets"], strict=True):
        for place, row in enumerate(result["rows"]):
            values = [errors(result, name, size, row) for size in SIZES]
            if not all(values):
                continue
            means = [np.mean(v) for v in values]
            spread = [np.std(v, ddof=1) / len(v) ** 0.5 for v in values]
            # Side by side: bars at one place hide each other.
            at = np.array(SIZES) * 1.03 ** (place - 1.5)
            axis.errorbar(at, means, spread, marker="o", markersize=3, linewidth=1, label=row)
        axis.set_xscale("log")
        axis.set_xticks(SIZES, [str(size) for size in SIZES])
        axis.minorticks_off()
        axis.set_title(name)
        axis.set_xlabel("labels")
    axes[0].set_ylabel("test RMSE (standard deviations)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default=SETS)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--networks", type=int, default=0, help="draws of the default model")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/few_labels.json"))
    arguments = parser.parse_args()
    one_thread_always()
    kept = arguments.out.parent / "store" / "few_labels"
    kept.mkdir(parents=True, exist_ok=True)
    rows = [FOREST, BARE, QUICK] + [DEFAULT] * (arguments.networks > 0)
    sets: dict[str, list[Any]] = {name: [] for name in arguments.sets.split(",")}
    for seed in range(arguments.draws):
        for name, runs in sets.items():
            file = kept / f"{name}-{seed}.json"
            known = json.loads(file.read_text()) if file.exists() else {}
            own = rows if seed < arguments.networks else rows[:3]
            runs.append(one_draw(name, seed, own, known))
            file.write_text(json.dumps(runs[-1]))
            print(name, seed, runs[-1], flush=True)
    result = {
        "command": "python benchmarks/few_labels.py"
        + f" --networks {arguments.networks}" * (arguments.networks > 0),
        "processor": processor(),
        "rows": rows,
        "sets": sets,
    }
    write(result, markdown(result), arguments.out)
    draw(result, arguments.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
