"""Which objective makes the best encoder, frozen or fine-tuned, at an equal budget.

    pip install --no-deps molsets==0.3.1 moleculeace==3.0.0
    python benchmarks/pretraining_objectives.py ENCODERS [--train] [--finetune] [--device gpu]
        [--seeds 5] [--jobs 8] [--out results/pretraining/objectives.json]
    python benchmarks/pretraining_objectives.py --shipped --out results/pretraining/shipped.json
    python benchmarks/pretraining_objectives.py --tables [--out ...]

With ``--train`` it first pretrains an encoder for each objective into ENCODERS, unless it is there:
the recipe of experiments/pretraining/moses.yaml with 5 passes, so that all see the same molecules
in the same order for the same number of steps, and have the same width. "random" is such an encoder
without training.

Each frozen embedding is judged on validation sets: random splits of a data set, and of
MoleculeACE's published training sets, so that no test set is looked at. Three probes learn from all
of the training set, or from a tenth of it: ridge regression, support vectors with a Gaussian
kernel, and the mean of five nearest neighbors. With ``--finetune`` the encoder itself learns too,
under a linear head with an L2 loss: 15 epochs, or 100 steps where that is more, all with the same
settings, and the weights of the last epoch. Errors are RMSE in standard deviations of the training
set. Over data sets, a Wilcoxon signed-rank test compares each objective with "descriptors"; the p
values are corrected by Holm. ``--shipped`` compares the encoders of the package with the first of
them. With ``--tables`` nothing is computed: the Markdown is written from the JSON that exists.

What is done is kept in ENCODERS/errors.json, by the weights; the same command goes on from there,
and then has no time of the whole.
"""

import argparse
import json
import multiprocessing
import os
import shlex
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from report import processor, write, write_markdown
from scipy.stats import wilcoxon
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from rnc_graph import GraphDataset, TwoStage
from rnc_graph.data.catalog import load_named_dataset
from rnc_graph.data.features import molecule_features
from rnc_graph.data.featurizer import FeaturizerConfig
from rnc_graph.data.splits import SPLITS, SplitSamples
from rnc_graph.encoders import ENCODERS, load_pretrained
from rnc_graph.encoders.pretrained import INCLUDED, read_card
from rnc_graph.files import write_text
from rnc_graph.metrics.statistics import holm, rank_methods
from rnc_graph.pretraining import pretrain_encoder, read_recipe, write_pretrained
from rnc_graph.seeding import one_thread_always
from rnc_graph.training import TrainerConfig, embed_graphs

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
EPOCHS, LEAST_STEPS, BATCH = 15, 100, 64
SHARES = (0.1, 1.0)
PROBES = {
    "ridge": lambda: RidgeCV(np.logspace(0, 4, 9)),
    "kernel": lambda: SVR(C=3.0, epsilon=0.05),
    "neighbors": lambda: KNeighborsRegressor(5, weights="distance"),
}


@cache
def load(name: str) -> tuple[GraphDataset, SplitSamples]:
    """Return a data set, of MoleculeACE's its training set, and what its splits need."""
    dataset = load_named_dataset(name)
    table = dataset.table
    if dataset.given_split is not None:
        table = table.take(dataset.given_split.train)
    features = molecule_features(table.smiles, FeaturizerConfig(canonical=True))
    data = features.graphs.with_y(table.targets, table.target_names)
    return data, SplitSamples.of(table, features.canonical)


def finetuned(encoder: Any, data: GraphDataset, seed: int, device: str) -> TwoStage:
    """Return a model whose encoder started from the weights of the given one."""
    config = {
        "epochs": max(EPOCHS, ceil(LEAST_STEPS / ceil(len(data) / BATCH))),
        "batch_size": BATCH,
    }
    model = TwoStage(
        encoder, loss=None, head_loss="l2", finetune=config, trainer=TrainerConfig(device)
    )
    return model.fit(data, seed=seed)


def errors_of(name: str, encoder: Any, seed: int, device: str | None) -> dict[str, float]:
    """Return the RMSE on one validation set by probe and share, fine-tuned if there is a device."""
    one_thread_always()
    data, molecules = load(name)
    embedding = embed_graphs(encoder, data).double().numpy()
    y = data.y[:, 0].double().numpy()
    split = SPLITS.make("random").split(molecules, seed, (0.8, 0.1, 0.1))
    shuffled = np.random.default_rng(seed).permutation(split.train)
    found = {}
    for share in SHARES:
        train = shuffled[: max(10, round(share * len(shuffled)))]
        scaler = StandardScaler().fit(embedding[train])
        x = scaler.transform(embedding)
        mean, sd = y[train].mean(), y[train].std()
        predicted = {
            probe: make().fit(x[train], (y[train] - mean) / sd).predict(x[split.validation])
            for probe, make in PROBES.items()
        }
        if device is not None:
            model = finetuned(encoder, data[train], seed, device)
            values = model.predict(data[split.validation])[:, 0].double().numpy()
            predicted["fine-tuned"] = (values - mean) / sd
        for probe, values in predicted.items():
            error = values - (y[split.validation] - mean) / sd
            found[f"{probe}, {share:.0%}"] = float(np.sqrt(np.mean(error**2)))
    return found


def all_errors(
    encoders: dict[str, Any], seeds: int, kept: Path | None, device: str | None, jobs: int
) -> dict[str, Any]:
    """Return the mean RMSE over splits by data set, encoder, and probe and share.

    And the processors and devices that computed them.
    """
    done: dict[str, Any] = json.loads(kept.read_text()) if kept and kept.exists() else {}
    how = "frozen" if device is None else "fine-tuned"
    keys = {
        (name, encoder, seed): f"{name} {encoder} {seed} {how} {checksum(module)}"
        for seed in range(seeds)
        for name in SETS
        for encoder, module in encoders.items()
    }
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        running = {
            pool.submit(errors_of, name, encoders[encoder], seed, device): key
            for (name, encoder, seed), key in keys.items()
            if key not in done
        }
        for number, future in enumerate(as_completed(running)):
            done[running[future]] = {
                "processor": processor(),
                "device": device_name(device),
                "errors": future.result(),
            }
            if kept is not None:
                write_text(kept, json.dumps(done))
            print(f"{number + 1}/{len(running)} {running[future]}", flush=True)
    errors = {
        name: {
            encoder: mean_of([done[keys[name, encoder, seed]]["errors"] for seed in range(seeds)])
            for encoder in encoders
        }
        for name in SETS
    }
    by, probed = (
        sorted({done[key][name] for key in keys.values()}) for name in ("device", "processor")
    )
    # The time of this call is not that of what earlier ones have done.
    resumed = {"wall_seconds": None} if len(running) < len(keys) else {}
    return resumed | {
        "processor": " and ".join(probed),
        "fine_tuned_on": [] if device is None else by,
        "seeds": seeds,
        "sets": errors,
    }


def checksum(encoder: Any) -> int:
    found = 0
    for values in encoder.state_dict().values():
        found = crc32(values.numpy().tobytes(), found)
    return found


def device_name(device: str | None) -> str:
    return torch.cuda.get_device_name() if device == "gpu" else processor()


def mean_of(errors: list[dict[str, float]]) -> dict[str, float]:
    return {column: float(np.mean([one[column] for one in errors])) for column in errors[0]}


def markdown(result: dict[str, Any]) -> str:
    """Return the tables: means, mean ranks, and tests over data sets."""
    sets, encoders = result["sets"], result["encoders"]
    columns = list(next(iter(sets.values()))[encoders[0]])
    tuned = result["fine_tuned_on"]
    also = f" and fine-tuned on {' and '.join(tuned)}" if tuned else ""
    lines = [
        f"# {result['title']}",
        "",
        f"Made by `{result['command']}`; the probes ran on {result['processor']}, "
        f"the encoders were pretrained on {result['device']}{also}. What the rows are: "
        "`benchmarks/pretraining_objectives.py`.",
        "",
        f"RMSE on validation sets in standard deviations, mean of {len(sets)} data sets, "
        f"{result['seeds']} splits each:",
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
    errors = np.stack([values[encoder] for encoder in encoders], axis=-1)
    rankings = [rank_methods(errors[:, number], encoders) for number in range(len(columns))]
    critical = rankings[0].critical  # Of so many encoders and data sets, whatever the errors.
    note = f" (critical difference of Nemenyi's test at 5%: {critical:.2f})" if critical else ""
    lines += ["", f"Mean rank over data sets, 1 is best{note}:", ""]
    lines += ["| encoder | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    ranks = [dict(zip(found.names, found.ranks, strict=True)) for found in rankings]
    for encoder in encoders:
        lines.append(f"| {encoder} | " + " | ".join(f"{one[encoder]:.1f}" for one in ranks) + " |")
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
    encoders: dict[str, Any] = {name: load_pretrained(folder / name) for name in OBJECTIVES}
    torch.manual_seed(0)
    recipe = read_recipe(RECIPE)
    encoders["random"] = ENCODERS.make(recipe.encoder, **recipe.encoder_options).eval()
    return encoders


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("encoders", type=Path, nargs="?")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--finetune", action="store_true")
    parser.add_argument("--shipped", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/pretraining/objectives.json"))
    parser.add_argument("--tables", action="store_true", help="write the Markdown from the JSON")
    arguments = parser.parse_args()
    if arguments.tables:
        write_markdown(markdown(json.loads(arguments.out.read_text())), arguments.out)
        return
    if arguments.shipped == (arguments.encoders is not None):
        parser.error("expected the folder of encoders, or --shipped")
    result: dict[str, Any]
    kept = None
    if arguments.shipped:
        encoders = {name: ENCODERS.make(name).eval() for name in INCLUDED}
        cards = {name: read_card(WEIGHTS / name) for name in INCLUDED}
        result = {
            "title": "The encoders of the package, frozen",
            "device": " and ".join(card["device"] for card in cards.values()),
        }
    else:
        encoders = of_objectives(arguments.encoders, arguments.train, arguments.device)
        result = {
            "title": "Encoders by objective, at an equal budget",
            "device": read_card(arguments.encoders / "descriptors")["device"],
        }
        kept = arguments.encoders / "errors.json"
    command = shlex.join(["python", "benchmarks/pretraining_objectives.py", *sys.argv[1:]])
    result |= {"command": command, "encoders": list(encoders)}
    device = arguments.device if arguments.finetune else None
    result |= all_errors(encoders, arguments.seeds, kept, device, arguments.jobs)
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
