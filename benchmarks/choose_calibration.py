"""Whether a model should hold molecules out or learn from all of them, on validation sets.

    python benchmarks/choose_calibration.py [--sets esol=2,freesolv=3]
        [--quick-sets esol=6,freesolv=6,logbb=3]
        [--out results/benchmarks/choose_calibration.json]

A tenth of the molecules, the test set, is left aside; a fifth of the others is the validation set.
A model learns from the rest: with a tenth of it held out, which chooses the epochs and calibrates
the intervals, or from all of it, calibrated by predictions out of fold. On the validation set: RMSE
and the coverage of 90% intervals; with them the RMSE on the molecules held out or predicted out of
fold, which is what a chemist without a test set sees. With networks, and without. "Spread alone"
has the intervals of the second way without their factors for the distance. Writes JSON, and the
same as Markdown.
"""

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
from report import processor, write

from rnc_graph import load_dataset
from rnc_graph.data.features import molecule_features
from rnc_graph.metrics.intervals import ConformalIntervals
from rnc_graph.models import Predictions, make_settings, train_model
from rnc_graph.models.held_out import hold_out

WAYS = {"held out": 0.1, "out of fold": 0.0}
SPREAD = "out of fold, spread alone"


def judged(predicted: Predictions, measured: np.ndarray, reach: np.ndarray) -> dict[str, Any]:
    """Return how good intervals are that reach so far around the predictions, (N, 1)."""
    missed = np.abs(predicted.values - measured) - reach
    covered, out_of_domain = missed <= 0, predicted.out_of_domain
    return {
        "coverage": float(covered.mean()),
        "outside": [int(covered[out_of_domain].sum()), int(out_of_domain.sum())],
        "width": float(2 * np.median(reach)),
        "score": float((2 * reach + 20 * np.maximum(missed, 0)).mean()),
    }


def one_split(name: str, networks: int, seed: int) -> dict[str, dict[str, Any]]:
    """Return what each way gives."""
    settings = make_settings(networks=networks)
    table = load_dataset(name)
    features = molecule_features(table.smiles, settings.featurizer_config)
    rest, _ = hold_out(features.canonical, np.arange(len(table)), 0.1, seed)
    learned, validation = hold_out(features.canonical, rest, 0.2, seed + 100)

    def rmse(predicted: np.ndarray, rows: np.ndarray) -> float:
        return float(np.sqrt(np.nanmean((predicted - table.targets[rows]) ** 2)))

    found = {}
    for way, fraction in WAYS.items():
        train, held_out = hold_out(features.canonical, learned, fraction, seed)
        trained = train_model(
            features,
            table.targets,
            train,
            held_out,
            settings,
            target_names=table.target_names,
            units=table.unit_of_each,
            seed=seed,
        )
        predicted = trained.model.predict_rows(features, validation)
        measured = table.targets[validation]
        errors = {
            "rmse": rmse(predicted.values, validation),
            "seen": rmse(trained.predictions.values, trained.rows),
        }
        model = trained.model
        reach = model.intervals.half_widths(predicted.difficulty, 0.9)
        found[way] = {**errors, **judged(predicted, measured, reach)}
        if way == "out of fold":
            known = trained.predictions
            plain = ConformalIntervals.calibrate(
                table.targets[trained.rows],
                known.values,
                known.spread + model.typical_spread,
                np.arange(len(trained.rows)),
            )
            spread = predicted.spread + model.typical_spread
            reach = plain.half_widths(spread, 0.9)
            found[SPREAD] = {**errors, **judged(predicted, measured, reach)}
    return found


def markdown(result: dict[str, Any]) -> str:
    lines = [
        "# To hold molecules out, or to learn from all of them",
        "",
        f"Made by `{result['command']}` on {result['processor']}. Mean over random splits; RMSE in "
        "the unit of the set, coverage of 90% intervals with its lowest and highest value.",
        "",
        "| set | networks | splits | calibrated | validation RMSE | lower in | own RMSE "
        "| coverage | out of domain | median width | interval score |",
        "|---" * 11 + "|",
    ]
    for run in result["runs"]:
        for way in (*WAYS, SPREAD):
            values = {
                key: [split[way][key] for split in run["splits"]]
                for key in ("rmse", "seen", "coverage", "width", "score")
            }
            other = "held out" if way != "held out" else "out of fold"
            covered, outside = (
                sum(split[way]["outside"][part] for split in run["splits"]) for part in (0, 1)
            )
            lower = sum(split[way]["rmse"] < split[other]["rmse"] for split in run["splits"])
            mean = {key: statistics.mean(column) for key, column in values.items()}
            lines.append(
                f"| {run['set']} | {run['networks']} | {len(run['splits'])} | {way} | "
                f"{mean['rmse']:.3f} | {lower} | {mean['seen']:.3f} | {mean['coverage']:.1%} "
                f"({min(values['coverage']):.0%} to {max(values['coverage']):.0%}) | "
                f"{covered} of {outside} | {mean['width']:.2f} | {mean['score']:.2f} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default="esol=2,freesolv=3")
    parser.add_argument("--quick-sets", default="esol=6,freesolv=6,logbb=3")
    out = Path("results/benchmarks/choose_calibration.json")
    parser.add_argument("--out", type=Path, default=out)
    arguments = parser.parse_args()
    runs = []
    for networks, sets in ((0, arguments.quick_sets), (3, arguments.sets)):
        for name, seeds in (part.split("=") for part in filter(None, sets.split(","))):
            splits = []
            for seed in range(int(seeds)):
                splits.append(one_split(name, networks, seed))
                print(name, networks, seed, splits[-1], file=sys.stderr, flush=True)
            runs.append({"set": name, "networks": networks, "splits": splits})
    result = {
        "command": "python benchmarks/choose_calibration.py "
        f"--sets={arguments.sets} --quick-sets={arguments.quick_sets}",
        "processor": processor(),
        "runs": runs,
    }
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
