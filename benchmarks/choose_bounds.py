"""What a member should learn in place of a bound, chosen on validation sets.

    python benchmarks/choose_bounds.py [--molecules 1200] [--seeds 3]
        [--out results/benchmarks/choose_bounds.json]

Lipophilicity in three situations: the largest 30% of the values are bounds at an assay's limit, the
largest and the smallest 15%, or 30% of the rows at random, each with a bound somewhere beyond its
value. A member learns without them; from the bounds as if they were values; from the prediction
of that model where it is beyond the bound ("beyond"); or from the value that is expected beyond the
bound, given that prediction and its error on values left out, in one to three steps. RMSE against
the true values of the validation set, in standard deviations. Writes JSON, and Markdown.
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from report import processor, write
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import cross_val_predict
from sklearn.svm import SVR

from rnc_graph import load_dataset
from rnc_graph.data.features import fingerprint_counts, molecule_features
from rnc_graph.data.featurizer import FeaturizerConfig, descriptor_names
from rnc_graph.data.fingerprints import FINGERPRINTS
from rnc_graph.models.columns import expected_beyond
from rnc_graph.models.fingerprint_svr import own_kernel
from rnc_graph.models.inputs import DescriptorScaler

MEMBERS: dict[str, Callable[[], Any]] = {
    "svr": lambda: SVR(C=10, epsilon=0.05),
    "fingerprint-svr": lambda: SVR(kernel="precomputed", C=3, epsilon=0.05),
    "extra-trees": lambda: ExtraTreesRegressor(50, max_features=1 / 3, random_state=0),
}
SITUATIONS = ("upper limit", "both limits", "at random")


def bounds_of(situation: str, y: np.ndarray, train: np.ndarray, seed: int) -> tuple[Any, Any]:
    """Return values with bounds, and their sides."""
    if situation == "at random":
        generator = np.random.default_rng(seed)
        sides = generator.choice([-1, 1], len(y)) * (generator.random(len(y)) < 0.3)
        return y - sides * generator.exponential(0.5, len(y)), sides
    share = 0.3 if situation == "upper limit" else 0.15
    high = np.quantile(y[train], 1 - share)
    low = np.quantile(y[train], share) if situation == "both limits" else -np.inf
    return y.clip(low, high), np.where(y > high, 1, np.where(y < low, -1, 0))


def one_run(
    member: str, seen: np.ndarray, y: np.ndarray, train: np.ndarray, val: np.ndarray, given: Any
) -> dict[str, float]:
    """Return the validation RMSE of each way; ``seen`` are descriptors (N, k) or a kernel."""
    cut, sides = given
    kernel = member == "fingerprint-svr"

    def model(rows: np.ndarray, values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        inputs = seen[np.ix_(rows, rows)] if kernel else seen[rows]
        fitted = MEMBERS[member]().fit(inputs, values)
        return lambda new: fitted.predict(seen[np.ix_(new, rows)] if kernel else seen[new])

    def rmse(predict: Callable[[np.ndarray], np.ndarray]) -> float:
        return float(np.sqrt(np.mean((predict(val) - y[val]) ** 2)))

    exact, bounds = train[sides[train] == 0], train[sides[train] != 0]
    inputs = seen[np.ix_(exact, exact)] if kernel else seen[exact]
    unseen = cross_val_predict(MEMBERS[member](), inputs, y[exact], cv=5)
    sd = float(np.sqrt(np.mean((unseen - y[exact]) ** 2)))
    learned = model(train, cut[train])
    found = {"left out": rmse(model(exact, y[exact])), "as values": rmse(learned)}
    side, limit = sides[bounds], cut[bounds]
    values = cut.copy()
    values[bounds] = side * np.maximum(side * limit, side * learned(bounds))
    found["beyond"] = rmse(model(train, values[train]))
    for step in (1, 2, 3):
        values[bounds] = expected_beyond(limit, side, learned(bounds), sd)
        learned = model(train, values[train])
        found[f"expected, step {step}"] = rmse(learned)
    return found


def markdown(result: dict[str, Any]) -> str:
    ways = list(result["runs"][0]["rmse"])
    lines = [
        "# What a member learns in place of a bound",
        "",
        f"Made by `{result['command']}` on {result['processor']}. RMSE in standard deviations "
        "against the true values of the validation set, mean over the seeds.",
        "",
        "| bounds | member | " + " | ".join(ways) + " |",
        "|---" * (len(ways) + 2) + "|",
    ]
    every: dict[str, list[float]] = {way: [] for way in ways}
    for situation in SITUATIONS:
        for member in MEMBERS:
            own = [
                r for r in result["runs"] if (r["situation"], r["member"]) == (situation, member)
            ]
            means = {way: statistics.mean(r["rmse"][way] for r in own) for way in ways}
            lines.append(
                f"| {situation} | {member} | "
                + " | ".join(f"{v:.3f}" for v in means.values())
                + " |"
            )
            for way, value in means.items():
                every[way].append(value)
    cells = " | ".join(f"{statistics.mean(values):.3f}" for values in every.values())
    return "\n".join([*lines, f"| mean | | {cells} |"]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--molecules", type=int, default=1200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/choose_bounds.json"))
    arguments = parser.parse_args()
    table = load_dataset("lipophilicity")
    table = table.take(np.random.default_rng(0).permutation(len(table))[: arguments.molecules])
    features = molecule_features(table.smiles, FeaturizerConfig(descriptors=True, canonical=True))
    kernel = own_kernel(fingerprint_counts(features.canonical, FINGERPRINTS))
    runs = []
    for situation in SITUATIONS:
        for seed in range(arguments.seeds):
            order = np.random.default_rng(seed).permutation(len(table))
            train, val = np.split(order, [int(0.8 * len(order))])
            y = table.targets[:, 0]
            y = (y - y[train].mean()) / y[train].std()
            given = bounds_of(situation, y, train, seed)
            names = descriptor_names()
            scaler = DescriptorScaler.fit(names, features.descriptors[train])
            scores = scaler.transform(names, features.descriptors).numpy()
            for member in MEMBERS:
                seen = kernel if member == "fingerprint-svr" else scores
                rmse = one_run(member, seen, y, train, val, given)
                runs.append({"situation": situation, "member": member, "seed": seed, "rmse": rmse})
                print(runs[-1], file=sys.stderr, flush=True)
    result = {
        "command": f"python benchmarks/choose_bounds.py --molecules {arguments.molecules} --seeds "
        f"{arguments.seeds}",
        "processor": processor(),
        "runs": runs,
    }
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
