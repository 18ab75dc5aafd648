"""Which objective makes the best frozen encoder, at an equal budget.

    pip install --no-deps molsets==0.3.1 moleculeace==3.0.0
    python benchmarks/pretraining_objectives.py ENCODERS [--train] [--device gpu]
        [--out results/pretraining/objectives.json]
    python benchmarks/pretraining_objectives.py --shipped --out results/pretraining/shipped.json

With ``--train`` it first pretrains an encoder for each objective into ENCODERS, unless it is there:
the recipe of experiments/pretraining/moses.yaml with 5 passes, so that all see the same molecules
in the same order for the same number of steps, and have the same width. "random" is such an encoder
without training.

Each frozen embedding is judged on validation sets: five random splits of a data set, and of
MoleculeACE's published training sets, so that no test set is looked at. Three probes learn from all
of the training set, or from a tenth of it: ridge regression, support vectors with a Gaussian
kernel, and the mean of five nearest neighbors. Errors are RMSE in standard deviations of the
training set. Over data sets, a Wilcoxon signed-rank test compares each objective with
"descriptors"; the p values are corrected by Holm. ``--shipped`` compares the encoders of the
package with the first of them.
"""

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from report import processor, write
from scipy.stats import rankdata, wilcoxon
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from rnc_graph.data.catalog import load_named_dataset
from rnc_graph.data.features import molecule_features
from rnc_graph.data.featurizer import Wants
from rnc_graph.data.splits import SPLITS, SplitSamples
from rnc_graph.encoders import ENCODERS, load_pretrained
from rnc_graph.encoders.pretrained import SHIPPED, read_card
from rnc_graph.metrics.statistics import holm
from rnc_graph.pretraining import pretrain_encoder, read_recipe, write_pretrained
from rnc_graph.seeding import one_thread_always
from rnc_graph.training import embed_graphs

WEIGHTS = Path("rnc_graph/encoders/weights")
RECIPE = Path("experiments/pretraining/moses.yaml")
OBJECTIVES: dict[str, dict[str, float]] = {
    "descriptors": {"descriptors": 1.0},
    "both": {"descriptors": 1.0, "rnc": 0.3},
    "rnc": {"rnc": 1.0},
    "attributes": {"attributes": 1.0},
    "attention-nce": {"attention-nce": 1.0},
}
PASSES = 5
SETS = (
    *("esol", "freesolv", "lipophilicity", "logbb"),
    *(
        f"moleculeace/CHEMBL{name}"
        for name in (
            *("1871_Ki", "2047_EC50", "2147_Ki", "218_EC50", "2835_Ki"),
            *("287_Ki", "2971_Ki", "4203_Ki", "4616_EC50", "4792_Ki"),
        )
    ),
)
SEEDS = range(5)
SHARES = (0.1, 1.0)
PROBES = {
    "ridge": lambda: RidgeCV(np.logspace(0, 4, 9)),
    "kernel": lambda: SVR(C=3.0, epsilon=0.05),
    "neighbors": lambda: KNeighborsRegressor(5, weights="distance"),
}


def errors_of(name: str, encoders: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return the mean RMSE over splits of each encoder, by probe and share."""
    dataset = load_named_dataset(name)
    table = dataset.table
    if dataset.given_split is not None:
        table = table.take(dataset.given_split.train)
    features = molecule_features(table.smiles, Wants(canonical=True))
    molecules = SplitSamples.of(table, features.canonical)
    splits = [SPLITS.make("random").split(molecules, seed, (0.8, 0.1, 0.1)) for seed in SEEDS]
    found: dict[str, dict[str, float]] = {}
    for encoder_name, encoder in encoders.items():
        embedding = embed_graphs(encoder, features.graphs).double().numpy()
        y = table.targets[:, 0]
        errors: dict[str, list[float]] = {}
        for seed, split in zip(SEEDS, splits, strict=True):
            shuffled = np.random.default_rng(seed).permutation(split.train)
            for share in SHARES:
                train = shuffled[: max(10, round(share * len(shuffled)))]
                scaler = StandardScaler().fit(embedding[train])
                x = scaler.transform(embedding)
                mean, sd = y[train].mean(), y[train].std()
                for probe, make in PROBES.items():
                    fitted = make().fit(x[train], (y[train] - mean) / sd)
                    error = fitted.predict(x[split.validation]) - (y[split.validation] - mean) / sd
                    rmse = float(np.sqrt(np.mean(error**2)))
                    errors.setdefault(f"{probe}, {share:.0%}", []).append(rmse)
        found[encoder_name] = {key: float(np.mean(values)) for key, values in errors.items()}
    return found


def markdown(result: dict[str, Any]) -> str:
    """Return the tables: means, mean ranks, and tests over data sets."""
    sets, encoders = result["sets"], result["encoders"]
    columns = list(next(iter(sets.values()))[encoders[0]])
    lines = [
        f"# {result['title']}",
        "",
        f"Made by `{result['command']}`; the probes ran on {result['processor']}, "
        f"the encoders were pretrained on {result['device']}. What the rows are: "
        "`benchmarks/pretraining_objectives.py`.",
        "",
        f"RMSE on validation sets in standard deviations, mean of {len(sets)} data sets:",
        "",
        "| encoder | " + " | ".join(columns) + " |",
        "|---" * (1 + len(columns)) + "|",
    ]
    values = {
        encoder: np.array([[sets[name][encoder][c] for c in columns] for name in sets])
        for encoder in encoders
    }
    for encoder in encoders:
        means = " | ".join(f"{value:.3f}" for value in values[encoder].mean(axis=0))
        lines.append(f"| {encoder} | {means} |")
    ranks = rankdata(np.stack([values[encoder] for encoder in encoders]), axis=0).mean(axis=1)
    lines += ["", "Mean rank over data sets, 1 is best:", ""]
    lines += ["| encoder | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    for encoder, row in zip(encoders, ranks, strict=True):
        lines.append(f"| {encoder} | " + " | ".join(f"{value:.1f}" for value in row) + " |")
    first, *others = encoders
    lines += ["", f"p (Holm) of the difference to {first} (on how many sets it is better):", ""]
    lines += ["| encoder | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    tests = []
    for number in range(len(columns)):
        pairs = [(values[e][:, number], values[first][:, number]) for e in others]
        corrected = holm([float(wilcoxon(one, other).pvalue) for one, other in pairs])
        better = [int((one < other).sum()) for one, other in pairs]
        tests.append([f"{p:.3f} ({count})" for p, count in zip(corrected, better, strict=True)])
    for row, encoder in enumerate(others):
        cells = [column[row] for column in tests]
        lines.append(f"| {encoder} | " + " | ".join(cells) + " |")
    lines += ["", "Kernel probe, all of the training set, by data set:", ""]
    lines += ["| data set | " + " | ".join(encoders) + " |", "|---" * (1 + len(encoders)) + "|"]
    for name, one in sets.items():
        cells = [f"{one[encoder]['kernel, 100%']:.3f}" for encoder in encoders]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def of_objectives(folder: Path, train: bool, device: str) -> dict[str, Any]:
    """Return an encoder for each objective, pretrained where it is missing, and a random one."""
    for name, objectives in OBJECTIVES.items():
        if train and not (folder / name).exists():
            recipe = read_recipe(RECIPE, objectives=objectives, passes=PASSES)
            jobs = os.cpu_count() or 1
            made = pretrain_encoder(recipe, device=device, jobs=jobs, probes=False)
            write_pretrained(made, folder / name)
    one_thread_always()
    encoders: dict[str, Any] = {name: load_pretrained(folder / name) for name in OBJECTIVES}
    torch.manual_seed(0)
    recipe = read_recipe(RECIPE)
    encoders["random"] = ENCODERS.make(recipe.encoder, **recipe.encoder_options).eval()
    return encoders


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("encoders", type=Path, nargs="?")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--shipped", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("results/pretraining/objectives.json"))
    arguments = parser.parse_args()
    if arguments.shipped == (arguments.encoders is not None):
        parser.error("expected the folder of encoders, or --shipped")
    result: dict[str, Any]
    if arguments.shipped:
        one_thread_always()
        encoders = {name: ENCODERS.make(name).eval() for name in SHIPPED}
        cards = {name: read_card(WEIGHTS / name) for name in SHIPPED}
        result = {
            "title": "The encoders of the package, frozen",
            "command": "python benchmarks/pretraining_objectives.py --shipped",
            "device": " and ".join(card["device"] for card in cards.values()),
        }
    else:
        encoders = of_objectives(arguments.encoders, arguments.train, arguments.device)
        result = {
            "title": "Frozen encoders by objective, at an equal budget",
            "command": "python benchmarks/pretraining_objectives.py ENCODERS --train --device gpu",
            "device": read_card(arguments.encoders / "descriptors")["device"],
        }
    result |= {"processor": processor(), "encoders": list(encoders), "sets": {}}
    for name in SETS:
        result["sets"][name] = errors_of(name, encoders)
        print(name, {e: v["kernel, 100%"] for e, v in result["sets"][name].items()}, flush=True)
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
