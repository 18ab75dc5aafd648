"""Bounds in place of 30% of the values: learned, taken for values, or left out.

    python benchmarks/censored.py [--set lipophilicity] [--splits 10] [--molecules 4200]
        [--members svr,fingerprint-svr] [--out results/benchmarks/censored.json]

On random 80/10/10 splits, the values of training and validation set above their 85th percentile
and below their 15th (of the training set) become bounds at these limits, as those of an assay. The
model without networks learns the values, the bounds, the limits as if they were values, or what is
left without the bounds. RMSE is against the true values of the test set, whatever their size. A
split finished by the same code is kept beside the results. Writes JSON, and the same as Markdown.
"""

import argparse
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from report import processor, stored, write
from scipy.stats import ttest_rel

from rnc_graph import load_dataset
from rnc_graph.data.features import MoleculeFeatures, molecule_features
from rnc_graph.data.splits import SPLITS, SplitSamples
from rnc_graph.models import make_settings, train_model
from rnc_graph.models.settings import ModelSettings

SHARE = 0.15
TRUE, LEARNED, AS_VALUES, LEFT_OUT = "true values", "bounds", "bounds as values", "left out"


def one_split(
    features: MoleculeFeatures,
    y: np.ndarray,
    samples: SplitSamples,
    seed: int,
    settings: ModelSettings,
) -> dict[str, float]:
    """Return the test RMSE of each way to take the bounds."""
    split = SPLITS.make("random").split(samples, seed, (0.8, 0.1, 0.1))
    low, high = np.quantile(y[split.train], [SHARE, 1 - SHARE])
    censored = np.where(y > high, 1, np.where(y < low, -1, 0)).astype(np.int8)
    cut = y.clip(low, high)
    exact = np.where(censored == 0, cut, np.nan)
    ways = {
        TRUE: (y, None),
        LEARNED: (cut, censored),
        AS_VALUES: (cut, None),
        LEFT_OUT: (exact, None),
    }
    found = {}
    for name, (values, sides) in ways.items():
        measured = ~np.isnan(values).all(axis=1)
        model = train_model(
            features,
            values,
            split.train[measured[split.train]],
            split.validation[measured[split.validation]],
            settings,
            target_names=["y"],
            units=[""],
            censored=sides,
            seed=seed,
        ).model
        error = model.predict_rows(features, split.test).values - y[split.test]
        found[name] = float(np.sqrt(np.mean(error**2)))
    return found


def markdown(result: dict[str, Any]) -> str:
    splits = result["splits"]
    lines = [
        "# Bounds in place of values",
        "",
        f"Made by `{result['command']}` on {result['processor']}: {result['set']}, "
        f"{result['molecules']} molecules, {len(splits)} random 80/10/10 splits, members "
        f"{', '.join(result['members'])}. The {SHARE:.0%} largest and the {SHARE:.0%} smallest "
        "values of training and validation set are bounds. RMSE against the true values of the "
        "test set, mean ± standard deviation; the difference to leaving bounds out is paired, with "
        "its two-sided p.",
        "",
        "| learned from | RMSE | against bounds left out | p |",
        "|---|---|---|---|",
    ]
    base = [split[LEFT_OUT] for split in splits]
    for name in (TRUE, LEARNED, AS_VALUES, LEFT_OUT):
        values = [split[name] for split in splits]
        sd = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
        cells = [name, f"{statistics.mean(values):.3f}{sd}", "", ""]
        if name != LEFT_OUT and len(values) > 1:
            change = statistics.mean(values) / statistics.mean(base) - 1
            cells[2:] = [f"{change:+.1%}", f"{ttest_rel(values, base).pvalue:.1g}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", default="lipophilicity")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--molecules", type=int, default=4200)
    parser.add_argument("--members", default="svr,fingerprint-svr")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/censored.json"))
    arguments = parser.parse_args()
    members = arguments.members.split(",")
    settings = make_settings(networks=0, descriptor_models=members)
    table = load_dataset(arguments.set)
    rows = np.sort(np.random.default_rng(0).permutation(len(table))[: arguments.molecules])
    table = table.take(rows)
    features = molecule_features(table.smiles, settings.featurizer_config)
    samples = SplitSamples.of(table, features.canonical)
    kept = arguments.out.parent / "store" / "censored"
    splits = []
    for seed in range(arguments.splits):
        file = kept / f"{arguments.set}-{len(table)}-{'-'.join(members)}-{seed}.json"
        make = partial(one_split, features, table.targets, samples, seed, settings)
        splits.append(stored(file, make))
        print(seed, splits[-1], file=sys.stderr, flush=True)
    result = {
        "command": f"python benchmarks/censored.py --set {arguments.set} --splits "
        f"{arguments.splits} --molecules {arguments.molecules} --members {arguments.members}",
        "processor": processor(),
        "set": arguments.set,
        "molecules": len(table),
        "members": members,
        "splits": splits,
    }
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
