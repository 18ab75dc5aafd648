"""`rnc-graph train` with its defaults: error, coverage and time on random test sets of a tenth.

    python benchmarks/model.py [--sets esol=10,freesolv=5,lipophilicity=5]
        [--out results/benchmarks/model.json]

The real command, a process of its own with ``--jobs 1``, so that its CPU seconds are all that it
takes; the cache of features begins empty for each set. Beside the model its members, read out of
the same saved model on the same test sets; and support vectors and trees on descriptors alone
("svr", "extra-trees"), as the members of these names learn from the same training set, and their
plain mean with networks, the default before there were fingerprints, the pretrained encoder and
learned weights. A set of several targets is named with one of them, as in ``photoswitch:E_pi_pi``.
A split finished by the same code is kept beside the results, and not trained again. Writes JSON,
and the same as Markdown.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from report import processor, stored, write

from rnc_graph import load_dataset
from rnc_graph.data.features import MoleculeFeatures
from rnc_graph.data.featurizer import molecule_arrays
from rnc_graph.models import MoleculeModel, load_model
from rnc_graph.models.extra_trees import ExtraTrees
from rnc_graph.models.inputs import Inputs
from rnc_graph.models.network import Network
from rnc_graph.models.support_vectors import SupportVectors

PLAIN = "mean of svr, extra-trees, networks"
UNITS = {
    "esol": "log mol/L",
    "freesolv": "kcal/mol",
    "lipophilicity": "log units",
    "logbb": "log units",
    "photoswitch:E_pi_pi": "nm",
}


def inputs_of(smiles: list[str], model: MoleculeModel) -> Inputs:
    """Return molecules as the members of a model take them."""
    features = MoleculeFeatures.of(molecule_arrays(smiles, model.featurizer_config))
    rows, embedding = np.arange(len(smiles)), model.settings.needed_embedding
    return Inputs.of(features, rows, model.descriptor_scaler, embedding=embedding)


def cpu_seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def one_split(name: str, seed: int, cache: Path) -> dict[str, Any]:
    """Train on one split with the command, and judge the model and its members on its test set."""
    name, _, asked = name.partition(":")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        command = [sys.executable, "-m", "rnc_graph.cli", "train", name, "--out", str(model)]
        command += ["--target", asked] if asked else []
        begun = cpu_seconds_of_children()
        done = subprocess.run(
            [*command, "--seed", str(seed), "--jobs", "1"],
            env={**os.environ, "RNC_GRAPH_CACHE": str(cache)},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = cpu_seconds_of_children() - begun
        if done.returncode:
            sys.exit(done.stderr)
        predictions = pd.read_csv(model / "predictions.csv")
        numbers = json.loads((model / "split.json").read_text())["train"]
        train = np.array(numbers) - 1  # Rows count from 1.
        test = predictions[predictions["set"] == "test"]
        trained = load_model(model)
    (target,) = trained.targets
    measured = test[f"measured_{target}"].to_numpy()
    inside = (test[f"low_{target}"] <= measured) & (measured <= test[f"high_{target}"])
    outside = test["out_of_domain"].to_numpy() == "yes"
    inputs = inputs_of(list(test["smiles"]), trained)
    votes = [member.predict(inputs) for member in trained.members]
    table = load_dataset(name)
    learned = inputs_of([table.smiles[row] for row in train], trained)
    values = table.targets[train][:, [table.target_names.index(target)]]
    scores = torch.from_numpy(trained.scaler.standardize(values)).float()
    svr = SupportVectors(1).fit(learned, scores, torch.arange(len(train)))
    networks = [v for v, m in zip(votes, trained.members, strict=True) if isinstance(m, Network)]
    others = {
        m.kind: v for v, m in zip(votes, trained.members, strict=True) if not isinstance(m, Network)
    }
    trees = ExtraTrees(1).fit(learned, scores, torch.arange(len(train)), seed)
    rows = others | {"svr": svr.predict(inputs), "extra-trees": trees.predict(inputs)}
    if networks:
        rows |= {
            "one network": networks[0],
            "its networks": np.mean(networks, axis=0),
            PLAIN: np.mean([rows["svr"], rows["extra-trees"], *networks], axis=0),
        }

    def rmse(predicted: np.ndarray) -> float:
        return float(np.sqrt(np.mean((predicted - measured) ** 2)))

    return {
        "cpu_seconds": seconds,
        "coverage": float(inside.mean()),
        "by_domain": {
            where: [int(inside[rows].sum()), int(rows.sum())]
            for where, rows in (("inside", ~outside), ("outside", outside))
        },
        "width": float((test[f"high_{target}"] - test[f"low_{target}"]).median()),
        "rmse": {
            "the model": rmse(test[f"predicted_{target}"].to_numpy()),
            **{row: rmse(trained.scaler.restore(v)[:, 0]) for row, v in rows.items()},
        },
    }


def measure(name: str, seeds: int, kept: Path) -> list[dict[str, Any]]:
    """Return the results of the first seeds of a set, those that are there already unchanged."""
    results = []
    cache = Path(tempfile.mkdtemp())
    for seed in range(seeds):
        results.append(stored(kept / f"{name}-{seed}.json", partial(one_split, name, seed, cache)))
        print(name, seed, results[-1], file=sys.stderr, flush=True)
    shutil.rmtree(cache)
    return results


def markdown(result: dict[str, Any]) -> str:
    lines = [
        "# `rnc-graph train` with its defaults",
        "",
        f"Made by `{result['command']}` on {result['processor']}. Test RMSE, mean ± standard "
        "deviation over random splits (seeds from 0) with a tenth as the test set, in the unit of "
        "the set; the members are those of the model.",
        "",
        "| set | splits | " + " | ".join(result["rows"]) + " | CPU time of a training, s |",
        "|---" * (len(result["rows"]) + 3) + "|",
    ]
    for name, splits in result["sets"].items():
        cells = [f"{name}, {UNITS.get(name, '')}", str(len(splits))]
        for row in result["rows"]:
            values = [split["rmse"][row] for split in splits if row in split["rmse"]]
            sd = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
            some = f" ({len(values)} splits)" if len(values) < len(splits) else ""
            cells.append(f"{statistics.mean(values):.3f}{sd}{some}" if values else "none")
        seconds = [split["cpu_seconds"] for split in splits]
        cells.append(f"{min(seconds):.0f} to {max(seconds):.0f}")
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "90% intervals on the test sets:", ""]
    for name, splits in result["sets"].items():
        covered = [split["coverage"] for split in splits]
        width = statistics.mean(split["width"] for split in splits)
        by_domain = []
        for where in ("inside", "outside"):
            hits, count = np.sum([split["by_domain"][where] for split in splits], axis=0)
            share = f"{hits / count:.1%} of {count}" if count else "none"
            by_domain.append(f"{share} {where}")
        lines.append(
            f"- {name}, {len(splits)} splits: {statistics.mean(covered):.1%} covered on average "
            f"(from {min(covered):.0%} to {max(covered):.0%}), median width {width:.2f}; by the "
            f"domain, all splits together: {', '.join(by_domain)}"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default="esol=10,freesolv=5,lipophilicity=5")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/model.json"))
    arguments = parser.parse_args()
    kept = arguments.out.parent / "store" / "model"
    wanted = (part.split("=") for part in arguments.sets.split(","))
    sets = {name: measure(name, int(seeds), kept) for name, seeds in wanted}
    result = {
        "command": f"python benchmarks/model.py --sets {arguments.sets}",
        "processor": processor(),
        "rows": list(
            dict.fromkeys(r for runs in sets.values() for run in runs for r in run["rmse"])
        ),
        "sets": sets,
    }
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
