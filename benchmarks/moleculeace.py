"""Test RMSE on the activity-cliff sets of MoleculeACE, on their published splits.

    pip install --no-deps moleculeace==3.0.0
    python benchmarks/moleculeace.py [--mixture] [--defaults] [--sets CHEMBL204_Ki,...]
        [--out results/moleculeace/moleculeace.json] [--tables]

"morgan" is the kernel member on Morgan counts alone, "fingerprint-svr" is the member as it is, with
the mean over four fingerprints. With ``--mixture`` also "mixture":
``MoleculeRegressor(networks=0)``, the members of the default model but for the networks; with
``--defaults`` also "defaults": ``MoleculeRegressor()``. All learn from the whole training set. RMSE
on all molecules of the test set, and on those with an activity cliff. Nothing is tuned to a set,
and no test set was looked at to choose a setting. A finished set is kept in a folder beside the
results, and not computed again. Writes JSON, and the same as Markdown, which also compares the rows
to published results on the same splits (``results/moleculeace/published.csv``). With ``--tables``
nothing is computed: the Markdown is written from the JSON that exists.
"""

import argparse
import json
import shlex
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from report import processor, write, write_markdown
from scipy.stats import wilcoxon

from rnc_graph import MoleculeRegressor
from rnc_graph.data import TargetScaler
from rnc_graph.data.catalog import dataset_cards, load_named_dataset
from rnc_graph.data.catalog.named import NamedDataset
from rnc_graph.data.features import MoleculeFeatures
from rnc_graph.data.featurizer import FeaturizerConfig, molecule_arrays
from rnc_graph.data.fingerprints import FINGERPRINTS
from rnc_graph.models.fingerprint_svr import FingerprintSVR
from rnc_graph.models.inputs import Inputs

KERNELS = {"morgan": ("morgan",), "fingerprint-svr": FINGERPRINTS}
MODELS: dict[str, dict[str, Any]] = {"mixture": {"networks": 0}, "defaults": {}}
PUBLISHED = Path(__file__).parents[1] / "results/moleculeace/published.csv"


def kernel_predictions(dataset: NamedDataset, fingerprints: tuple[str, ...]) -> np.ndarray:
    """Learn from the published training set and predict all molecules."""
    assert dataset.given_split is not None
    table, train = dataset.table, dataset.given_split.train
    features = MoleculeFeatures.of(molecule_arrays(table.smiles, FeaturizerConfig(canonical=True)))
    inputs = Inputs.of(features, np.arange(len(table)), None)
    scaler = TargetScaler.fit(table.targets[train], table.target_names)
    targets = torch.from_numpy(scaler.standardize(table.targets))
    member = FingerprintSVR(1, fingerprints).fit(inputs, targets, torch.from_numpy(train))
    return scaler.restore(member.predict(inputs))[:, 0]


def model_predictions(
    dataset: NamedDataset, settings: dict[str, Any]
) -> tuple[np.ndarray, dict[str, float]]:
    """Train a model; return its predictions and the weights of its members."""
    assert dataset.given_split is not None
    table, train = dataset.table, dataset.given_split.train
    model = MoleculeRegressor(**settings)
    model.fit([table.smiles[row] for row in train], table.targets[train, 0])
    weights = zip(model.model_.members, model.model_.weights[:, 0], strict=True)
    of_kinds: dict[str, float] = {}
    for member, weight in weights:
        of_kinds[member.kind] = of_kinds.get(member.kind, 0.0) + float(weight)
    return model.predict(table.smiles), of_kinds


def one_set(name: str, rows: list[str], known: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of a set, and what is not yet."""
    dataset = load_named_dataset(f"moleculeace/{name}")
    assert dataset.given_split is not None
    test, cliff = dataset.given_split.test, dataset.subsets["cliff"]
    result: dict[str, Any] = {
        "training": len(dataset.given_split.train),
        "test": len(test),
        "cliffs": int(cliff[test].sum()),
        "rmse": {},
        "cliff": {},
        "seconds": {},
        "processor": {},
        **known,
    }
    for row in rows:
        if row in result["rmse"]:
            continue
        begun = time.process_time()
        if row in MODELS:
            predicted, weights = model_predictions(dataset, MODELS[row])
            result.setdefault("weights", {})[row] = weights
        else:
            predicted = kernel_predictions(dataset, KERNELS[row])
        errors = predicted - dataset.table.targets[:, 0]
        result["seconds"][row] = time.process_time() - begun
        result["processor"][row] = processor()
        for key, tested in (("rmse", test), ("cliff", test[cliff[test]])):
            result[key][row] = float(np.sqrt(np.mean(errors[tested] ** 2)))
    return result


def markdown(result: dict[str, Any]) -> str:
    sets, rows = result["sets"], result["rows"]
    lines = [
        "# MoleculeACE, published splits",
        "",
        f"Made by `{result['command']}` on {result['processor']}. Test RMSE in log units, on all "
        "molecules and on those with an activity cliff; what the columns are: "
        "`benchmarks/moleculeace.py`.",
        "",
        "| set | training | test | cliffs | "
        + " | ".join(f"{row} | {row}, cliffs" for row in rows)
        + " |",
        "|---" * (4 + 2 * len(rows)) + "|",
    ]
    for name, one in sets.items():
        cells = [name, *(str(one[key]) for key in ("training", "test", "cliffs"))]
        cells += [f"{one[key][row]:.3f}" for row in rows for key in ("rmse", "cliff")]
        lines.append("| " + " | ".join(cells) + " |")
    means = [
        f"{statistics.mean(one[key][row] for one in sets.values()):.3f}"
        for row in rows
        for key in ("rmse", "cliff")
    ]
    lines.append("| " + " | ".join([f"mean of {len(sets)}", "", "", "", *means]) + " |")
    seconds = ", ".join(
        f"{row} {sum(one['seconds'][row] for one in sets.values()):.0f} s ("
        + " and ".join(sorted({one["processor"][row] for one in sets.values()}))
        + ")"
        for row in rows
    )
    lines += ["", f"CPU time of all sets, training and prediction of all molecules: {seconds}."]
    return "\n".join([*lines, "", *comparison(sets, rows)]) + "\n"


def comparison(sets: dict[str, Any], rows: list[str]) -> list[str]:
    """Return the lines that compare each row to published results on the same sets."""
    lines = [
        "## Published results on the same splits",
        "",
        "RMSE of models that others trained, mean over their seeds; we did not run them (source: "
        "[published.md](published.md)). For each of our rows, which are one run: the number of "
        "sets on which it has the lower RMSE, and the two-sided p of a Wilcoxon signed-rank test "
        "over the sets.",
        "",
        "| published model | molecules | mean RMSE | " + " | ".join(rows) + " |",
        "|---" * (3 + len(rows)) + "|",
    ]
    for model, table in pd.read_csv(PUBLISHED).groupby("model", sort=False):
        theirs = table.set_index("set").loc[list(sets)]
        for key, molecules in (("rmse", "all"), ("cliff", "cliffs")):
            cells = [str(model), molecules, f"{theirs[key].mean():.3f}"]
            for row in rows:
                difference = [one[key][row] for one in sets.values()] - theirs[key].to_numpy()
                lower, p = int((difference < 0).sum()), wilcoxon(difference).pvalue
                cells.append(f"lower on {lower} of {len(sets)}, p = {p:.2g}")
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default="")
    for row in MODELS:
        parser.add_argument(f"--{row}", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("results/moleculeace/moleculeace.json"))
    parser.add_argument("--tables", action="store_true", help="write the Markdown from the JSON")
    arguments = parser.parse_args()
    if arguments.tables:
        write_markdown(markdown(json.loads(arguments.out.read_text())), arguments.out)
        return
    models = [row for row in MODELS if getattr(arguments, row)]
    every = [n.partition("/")[2] for n in dataset_cards() if n.startswith("moleculeace/")]
    kept = arguments.out.parent / "store"
    kept.mkdir(parents=True, exist_ok=True)
    sets = {}
    for name in filter(None, arguments.sets.split(",")) if arguments.sets else sorted(every):
        file = kept / f"{name}.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        sets[name] = one_set(name, [*KERNELS, *models], known)
        file.write_text(json.dumps(sets[name]))
        print(name, sets[name], file=sys.stderr, flush=True)
    options = [f"--{row}" for row in models]
    options += ["--sets", arguments.sets] if arguments.sets else []
    processors = {name for one in sets.values() for name in one["processor"].values()}
    result = {
        "command": shlex.join(["python", "benchmarks/moleculeace.py", *options]),
        "processor": " and ".join(sorted(processors)),
        "rows": [*KERNELS, *models],
        "sets": sets,
    }
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
