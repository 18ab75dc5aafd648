"""Few labels: the model with the pretrained encoders, without them, and a random forest.

    python benchmarks/few_labels.py [--sets esol,...] [--draws 5]
        [--out results/benchmarks/few_labels.json]

Of each data set 50, 100 or 200 molecules are drawn at random with their labels, as a chemist may
have at the beginning of a project; 500 of the others are the test set. "three networks" is the
model with its default members and networks, and "no networks" its other members; by default it has
the one or the other. "no encoder" takes no pretrained encoder: its members are ``svr``,
``fingerprint-trees`` and ``fingerprint-svr``, and its networks are new GINs, with the defaults for
these. The yardstick is a random forest of 500 trees on Morgan bits (2,048,
radius 2). Each learns from the labels that were drawn alone; nothing is tuned.
Errors are RMSE in standard deviations of the data set. A finished draw is kept in a folder beside
the results. Writes JSON, the same as Markdown, and a figure.
"""

import argparse
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from report import processor, stored, write
from sklearn.ensemble import RandomForestRegressor

from rnc_graph import MoleculeRegressor, load_dataset
from rnc_graph.data.features import morgan_fingerprints
from rnc_graph.reporting.style import panels, save, styled
from rnc_graph.seeding import one_thread_always

SETS = "esol,freesolv,lipophilicity,logbb"
SIZES = (50, 100, 200)
TESTED = 500
_NO_ENCODER = {"descriptor_models": ["svr", "fingerprint-trees", "fingerprint-svr"]}
MODELS: dict[str, dict[str, Any]] = {
    "no networks, no encoder": {"networks": 0, **_NO_ENCODER},
    "no networks": {"networks": 0},
    "three networks, no encoder": {"networks": 3, "encoder": "gin", **_NO_ENCODER},
    "three networks": {"networks": 3},
}
FOREST = "random forest"
ROWS = [FOREST, *MODELS]
PAIRS = (
    ("no networks", "no networks, no encoder"),
    ("no networks", FOREST),
    ("three networks", "three networks, no encoder"),
    ("three networks", "no networks"),
    ("three networks", FOREST),
)


def draws(name: str, seed: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the molecules of a data set in a random order, each once, and their labels, (N,)."""
    table = load_dataset(name)
    first = np.unique(table.smiles, return_index=True)[1]
    order = np.random.default_rng(seed).permutation(first)
    y = table.targets[:, 0]
    order = order[np.isfinite(y[order])]
    return [table.smiles[row] for row in order], y[order], y[np.isfinite(y)].std()


def one_draw(name: str, seed: int) -> dict[str, dict[str, float]]:
    """Return the errors of the rows by size."""
    smiles, y, sd = draws(name, seed)
    test = slice(max(SIZES), max(SIZES) + TESTED)
    by_size: dict[str, dict[str, float]] = {}
    for size in SIZES:
        found = by_size.setdefault(str(size), {})
        for row in ROWS:
            if row == FOREST:
                bits = morgan_fingerprints(smiles)
                forest = RandomForestRegressor(500, max_features=1 / 3, random_state=seed)
                predicted = forest.fit(bits[:size], y[:size]).predict(bits[test])
            else:
                model = MoleculeRegressor(random_state=seed, **MODELS[row])
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # Too few molecules for 90% intervals.
                    predicted = model.fit(smiles[:size], y[:size]).predict(smiles[test])
            found[row] = float(np.sqrt(np.mean((predicted - y[test]) ** 2)) / sd)
    return by_size


def mean_and_sd(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


def errors(result: dict[str, Any], name: str, size: int, row: str) -> list[float]:
    runs = result["sets"][name]
    return [run[str(size)][row] for run in runs]


def markdown(result: dict[str, Any]) -> str:
    """Return a line for each data set and size."""
    lines = [
        "# Few labels",
        "",
        f"Made by `python benchmarks/few_labels.py` on {result['processor']}. Test RMSE in "
        "standard deviations of the data set, mean ± standard deviation over random draws; what "
        "the rows are: `benchmarks/few_labels.py`.",
        "",
        "| set | labels | draws | " + " | ".join(ROWS) + " |",
        "|---" * (3 + len(ROWS)) + "|",
    ]
    for name in result["sets"]:
        for size in SIZES:
            cells = [mean_and_sd(errors(result, name, size, row)) for row in ROWS]
            count = len(result["sets"][name])
            lines.append(f"| {name} | {size} | {count} | " + " | ".join(cells) + " |")
    lines += ["", "In pairs, the same draws:", ""]
    for one, other in PAIRS:
        pairs = [
            (run[str(size)][one], run[str(size)][other])
            for runs in result["sets"].values()
            for run in runs
            for size in SIZES
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
        for place, row in enumerate(ROWS):
            values = [errors(result, name, size, row) for size in SIZES]
            means = [np.mean(v) for v in values]
            spread = [np.std(v, ddof=1) / len(v) ** 0.5 for v in values]
            # Side by side: bars at one place hide each other.
            at = np.array(SIZES) * 1.03 ** (place - 2)
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
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/few_labels.json"))
    arguments = parser.parse_args()
    one_thread_always()
    kept = arguments.out.parent / "store" / "few_labels"
    sets: dict[str, list[Any]] = {name: [] for name in arguments.sets.split(",")}
    for seed in range(arguments.draws):
        for name, runs in sets.items():
            runs.append(stored(kept / f"{name}-{seed}.json", partial(one_draw, name, seed)))
            print(name, seed, runs[-1], flush=True)
    result = {
        "processor": processor(),
        "sets": sets,
    }
    write(result, markdown(result), arguments.out)
    draw(result, arguments.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
