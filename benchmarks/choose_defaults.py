"""Which members, and which way to combine them, have the lowest error on validation sets.

    python benchmarks/choose_defaults.py [--sets esol,freesolv,...] [--splits 5] [--networks]
        [--out results/benchmarks/choose_defaults.json]

The defaults of ``MoleculeRegressor`` are chosen by this table. Of each data set random splits as
`rnc-graph train` makes them: members learn from the training set as they do in a model, and each
mixture of them is evaluated on the validation set. No test set is looked at. Of the MoleculeACE
sets (``moleculeace/CHEMBL204_Ki``; `pip install --no-deps moleculeace==3.0.0`) only the published
training sets are divided. With ``--networks`` also three networks, which take nearly all the time.

"equal" is the plain mean of the members, "stacked" are non-negative weights from out-of-fold
predictions; of the default's members also with other strengths of the ridge that draws the weights
to the plain mean ("pull 0", ...). Errors are RMSE divided by the standard deviation of the training
set; the table shows their mean over splits, and the mean over data sets. Writes JSON, and the same
as Markdown.
"""

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from report import processor, write

from rnc_graph.data import TargetScaler
from rnc_graph.data.catalog import load_named_dataset
from rnc_graph.data.features import molecule_features
from rnc_graph.data.featurizer import FeaturizerConfig, descriptor_names
from rnc_graph.data.splits import SPLITS, SplitSamples
from rnc_graph.data.splits.split import numbered
from rnc_graph.models.inputs import EMBEDDING, DescriptorScaler, Inputs
from rnc_graph.models.members import TrainingSet, fit_member
from rnc_graph.models.mixture import fold_numbers, mixture_weights
from rnc_graph.models.settings import make_settings
from rnc_graph.seeding import one_thread_always

SETS = (
    "esol,freesolv,lipophilicity,logbb,moleculeace/CHEMBL204_Ki,moleculeace/CHEMBL2147_Ki,"
    "moleculeace/CHEMBL4203_Ki,moleculeace/CHEMBL219_Ki"
)
QUICK = (
    "svr",
    "extra-trees",
    "fingerprint-trees",
    "fingerprint-svr",
    "embedding-svr",
    "gaussian-process",
)
DEFAULT = make_settings().descriptor_models
PULLS = (0, 3, 10, 30, 100)


def one_split(name: str, seed: int, networks: int) -> dict[str, Any]:
    """Train every member on one split; return the errors of all mixtures, and the seconds."""
    dataset = load_named_dataset(name)
    table = dataset.table
    if dataset.given_split is not None:
        table = table.take(dataset.given_split.train)
    config = FeaturizerConfig(descriptors=True, fingerprints=True, canonical=True)
    features = molecule_features(table.smiles, config)
    molecules = SplitSamples.of(table, features.canonical)
    split = SPLITS.make("random").split(molecules, seed, (0.8, 0.1, 0.1))
    train, val = split.train, split.validation
    y = table.targets[:, :1]
    scaler = TargetScaler.fit(y[train])
    descriptors = DescriptorScaler.fit(descriptor_names(), features.descriptors[train])
    rows = np.concatenate([train, val])
    canonical = [features.canonical[row] for row in train]
    training = TrainingSet(
        inputs=Inputs.of(features, rows, descriptors, embedding=EMBEDDING).counted(),
        targets=torch.from_numpy(scaler.standardize(y[rows])).float(),
        train=torch.arange(len(train)),
        # Networks choose their epoch on a third of the validation set, as in a model.
        selection=torch.arange(len(train), len(rows))[::3],
        fold=torch.from_numpy(fold_numbers(canonical, seed)),
    )
    held = torch.arange(len(train), len(rows))
    votes, out_of_fold, seconds = {}, {}, {}
    settings = make_settings(networks=3, weights="stacked", descriptor_models=list(QUICK))
    kinds = [*QUICK, *(f"network {number}" for number in range(networks))]
    for kind in kinds:
        began = time.process_time()
        kind_name, _, number = kind.partition(" ")
        fitted = fit_member(
            kind_name,
            int(number or 0),
            training,
            settings,
            seed=seed + int(number or 0),
            device="cpu",
            on_epoch=lambda: None,
        )
        seconds[kind] = time.process_time() - began
        out_of_fold[kind] = fitted.out_of_fold
        votes[kind] = fitted.member.predict(training.inputs.take(held))[:, 0]
    if networks:  # They share one weight; each predicts a fold of its own.
        own = [f"network {number}" for number in range(networks)]
        seen = np.stack([out_of_fold.pop(kind) for kind in own])
        known = np.isfinite(seen)
        out_of_fold["networks"] = np.where(
            known.any(0), np.where(known, seen, 0).sum(0) / known.sum(0).clip(1), np.nan
        )
        votes["networks"] = np.mean([votes.pop(kind) for kind in own], axis=0)
    y_val = scaler.standardize(y[val])[:, 0]
    y_train = scaler.standardize(y[train])
    errors = {}
    for count in range(1, len(votes) + 1):
        for names in itertools.combinations(votes, count):
            seen = np.stack([out_of_fold[kind] for kind in names], axis=2)
            by_stacking = mixture_weights(seen, y_train, numbered(canonical))
            # Each network has a vote of its own in a plain mean.
            equal = np.array([networks if kind == "networks" else 1 for kind in names])
            matrix = np.stack([votes[kind] for kind in names])
            mixtures = {"equal": equal / equal.sum(), "stacked": by_stacking[:, 0]}
            if [kind for kind in names if kind != "networks"] == DEFAULT:
                for pull in PULLS:
                    pulled = mixture_weights(seen, y_train, numbered(canonical), pull=pull)
                    mixtures[f"stacked, pull {pull:g}"] = pulled[:, 0]
            for how, weights in mixtures.items():
                error = np.sqrt(np.mean((weights @ matrix - y_val) ** 2))
                errors[f"{' + '.join(names)}, {how}"] = float(error)
    return {"errors": errors, "seconds": seconds, "molecules": len(train)}


def markdown(result: dict[str, Any]) -> str:
    """Return the table: mixtures by their mean error, best first."""
    names = list(result["sets"])
    rows = {
        label: [np.mean([one["errors"][label] for one in result["sets"][name]]) for name in names]
        for label in result["sets"][names[0]][0]["errors"]
    }
    lines = [
        "# Members and mixtures on validation sets",
        "",
        f"Made by `{result['command']}` on {result['processor']}. RMSE on the validation set in "
        f"standard deviations of the training set, mean of {result['splits']} splits; what the "
        "rows are: `benchmarks/choose_defaults.py`.",
        "",
        "| members | mean | " + " | ".join(names) + " |",
        "|---" * (2 + len(names)) + "|",
    ]
    for label, values in sorted(rows.items(), key=lambda row: np.mean(row[1])):
        cells = " | ".join(f"{value:.3f}" for value in values)
        lines.append(f"| {label} | {np.mean(values):.4f} | {cells} |")
    head = "CPU seconds of training, mean over splits; substructures are counted before:"
    lines += ["", head, ""]
    for name in names:
        runs = result["sets"][name]
        seconds = {
            kind: np.mean([one["seconds"][kind] for one in runs]) for kind in runs[0]["seconds"]
        }
        told = ", ".join(f"{kind} {value:.1f}" for kind, value in seconds.items())
        lines.append(f"- {name}, {runs[0]['molecules']} rows: {told}")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", default=SETS)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--networks", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/choose_defaults.json"))
    arguments = parser.parse_args()
    one_thread_always()
    result: dict[str, Any] = {"splits": arguments.splits, "processor": processor(), "sets": {}}
    result["command"] = "python benchmarks/choose_defaults.py" + (
        " --networks" * arguments.networks
        + (f" --sets {arguments.sets}" if arguments.sets != SETS else "")
        + (f" --splits {arguments.splits}" if arguments.splits != 5 else "")
    )
    for name in arguments.sets.split(","):
        result["sets"][name] = []
        for seed in range(arguments.splits):
            result["sets"][name].append(one_split(name, seed, 3 * arguments.networks))
            print(name, seed, json.dumps(result["sets"][name][-1]["seconds"]), flush=True)
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
