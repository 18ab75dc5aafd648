"""Which encoder the networks of a model start from, and for how long they train, on validation.

    python benchmarks/choose_networks.py [--sets esol=4,freesolv=5]
        [--out results/benchmarks/choose_networks.json]

A tenth of the molecules, the test set, is left aside; a fifth of the others is the validation set,
and models learn from the rest. They differ in their networks alone. On the validation set: the RMSE
of the mean of the networks, and of the whole model. A split finished by the same code is kept
beside the results, and not trained again. Writes JSON, and the same as Markdown.
"""

import argparse
import statistics
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from report import processor, stored, write

from rnc_graph import load_dataset
from rnc_graph.data.features import molecule_features
from rnc_graph.models import make_settings, train_model
from rnc_graph.models.held_out import hold_out
from rnc_graph.models.network import Network
from rnc_graph.seeding import one_thread_always

WAYS: dict[str, dict[str, Any]] = {
    "gin: 30 epochs of RnC, 80 of regression": {"encoder": "gin"},
    "gin-moses: 5 of RnC, the head 5, 15 of regression": {"encoder": "gin-moses"},
    "gin-moses: the head 5, 15 of regression": {"encoder": "gin-moses", "objective": None},
    "gin-moses-1m: 5 of RnC, the head 5, 15 of regression": {"encoder": "gin-moses-1m"},
}


def one_split(name: str, seed: int, way: dict[str, Any]) -> dict[str, float]:
    """Return errors on the validation set, and seconds."""
    settings = make_settings(**way)
    table = load_dataset(name)
    features = molecule_features(table.smiles, settings.featurizer_config)
    rest, _ = hold_out(features.canonical, np.arange(len(table)), 0.1, seed)
    learned, validation = hold_out(features.canonical, rest, 0.2, seed + 100)
    begun = time.process_time()
    model = train_model(
        features,
        table.targets,
        learned,
        np.array([], dtype=int),
        settings,
        target_names=table.target_names,
        units=table.unit_of_each,
        seed=seed,
    ).model
    seconds = time.process_time() - begun
    networks = [isinstance(member, Network) for member in model.members]
    predicted = np.asarray(model.predict_by_member(features, validation))

    def rmse(values: np.ndarray) -> float:
        return float(np.sqrt(np.mean((values - table.targets[validation]) ** 2)))

    return {
        "networks": rmse(predicted[networks].mean(axis=0)),
        "model": rmse(model.predict_rows(features, validation).values),
        "seconds": seconds,
    }


def markdown(result: dict[str, Any]) -> str:
    sets = result["sets"]
    lines = [
        "# The networks of a model on validation sets",
        "",
        f"Made by `{result['command']}` on {result['processor']}. RMSE in the unit of the set, "
        "mean over random splits, of the mean of three networks and of the whole model; CPU "
        "seconds of training the model on one thread.",
        "",
        "| networks | "
        + " | ".join(f"{name}: networks | model | s" for name in sets)
        + " | model, ratio to the first |",
        "|---" * (2 + 3 * len(sets)) + "|",
    ]
    first = next(iter(WAYS))
    for way in WAYS:
        cells = [way]
        for splits in sets.values():
            for key, digits in (("networks", 3), ("model", 3), ("seconds", 0)):
                cells.append(f"{statistics.mean(split[way][key] for split in splits):.{digits}f}")
        ratios = [
            split[way]["model"] / split[first]["model"]
            for splits in sets.values()
            for split in splits
        ]
        cells.append(f"{statistics.geometric_mean(ratios):.3f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default="esol=4,freesolv=5")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/choose_networks.json"))
    arguments = parser.parse_args()
    one_thread_always()
    kept = arguments.out.parent / "store" / "choose_networks"
    sets: dict[str, list[dict[str, Any]]] = {}
    for name, seeds in (part.split("=") for part in arguments.sets.split(",")):
        sets[name] = []
        for seed in range(int(seeds)):
            split = {}
            for way, options in WAYS.items():
                file = kept / f"{name}-{seed}-{way}.json"
                split[way] = stored(file, partial(one_split, name, seed, options))
                print(name, seed, way, split[way], flush=True)
            sets[name].append(split)
    command = f"python benchmarks/choose_networks.py --sets {arguments.sets}"
    result = {"command": command, "processor": processor(), "sets": sets}
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
