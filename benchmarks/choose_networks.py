"""How many networks a model has, which encoder they start from, and for how long they train.

    python benchmarks/choose_networks.py [--question encoder] [--sets esol=4,freesolv=5]
        [--out results/benchmarks/choose_networks.json]
    python benchmarks/choose_networks.py --question number --sets esol=2,freesolv=3,...
        [--out results/benchmarks/choose_number_of_networks.json]

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

from rnc_graph.data.catalog import load_named_dataset
from rnc_graph.data.features import molecule_features
from rnc_graph.models import make_settings, train_model
from rnc_graph.models.held_out import hold_out
from rnc_graph.models.network import Network
from rnc_graph.seeding import one_thread_always

ENCODERS: dict[str, dict[str, Any]] = {
    "gin: 30 epochs of RnC, 80 of regression": {"encoder": "gin"},
    "gin-moses: 5 of RnC, the head 5, 15 of regression": {"encoder": "gin-moses"},
    "gin-moses: the head 5, 15 of regression": {"encoder": "gin-moses", "objective": None},
    "gin-moses-1m: 5 of RnC, the head 5, 15 of regression": {"encoder": "gin-moses-1m"},
}
NUMBERS: dict[str, dict[str, Any]] = {
    "three": {"networks": 3},
    "auto": {"networks": "auto"},
    "none": {"networks": 0},
}
QUESTIONS = {
    "encoder": ("choose_networks", ENCODERS),
    "number": ("choose_number_of_networks", NUMBERS),
}


def one_split(name: str, seed: int, way: dict[str, Any]) -> dict[str, float | None]:
    """Return errors on the validation set, and seconds; None where there are no networks."""
    settings = make_settings(**{"networks": 3, **way})
    dataset = load_named_dataset(name)
    table = dataset.table
    if dataset.given_split is not None:  # A published test set is not looked at.
        table = table.take(dataset.given_split.train)
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
        "networks": rmse(predicted[networks].mean(axis=0)) if any(networks) else None,
        "model": rmse(model.predict_rows(features, validation).values),
        "seconds": seconds,
    }


def markdown(result: dict[str, Any]) -> str:
    sets, (_, ways) = result["sets"], QUESTIONS[result["question"]]
    lines = [
        "# The networks of a model on validation sets",
        "",
        f"Made by `{result['command']}` on {result['processor']}. RMSE in the unit of the set, "
        "mean over random splits, of the mean of the networks and of the whole model; CPU seconds "
        "of training the model on one thread.",
        "",
        "| networks | "
        + " | ".join(f"{name}: networks | model | s" for name in sets)
        + " | model, ratio to the first |",
        "|---" * (2 + 3 * len(sets)) + "|",
    ]
    first = next(iter(ways))
    for way in ways:
        cells = [way]
        for splits in sets.values():
            own = [split[way] for split in splits]
            some = [one["networks"] for one in own if one["networks"] is not None]
            error = f"{statistics.mean(some):.3f}" if some else ""
            cells.append(error + f" ({len(some)} splits)" * (0 < len(some) < len(own)))
            cells.append(f"{statistics.mean(one['model'] for one in own):.3f}")
            cells.append(f"{statistics.mean(one['seconds'] for one in own):.0f}")
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
    parser.add_argument("--question", choices=QUESTIONS, default="encoder")
    parser.add_argument("--sets", default="esol=4,freesolv=5")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    file_name, ways = QUESTIONS[arguments.question]
    out = arguments.out or Path(f"results/benchmarks/{file_name}.json")
    one_thread_always()
    kept = out.parent / "store" / "choose_networks"
    sets: dict[str, list[dict[str, Any]]] = {}
    for name, seeds in (part.split("=") for part in arguments.sets.split(",")):
        sets[name] = []
        for seed in range(int(seeds)):
            split = {}
            for way, options in ways.items():
                file = kept / f"{name}-{seed}-{way}.json"
                split[way] = stored(file, partial(one_split, name, seed, options))
                print(name, seed, way, split[way], flush=True)
            sets[name].append(split)
    command = (
        f"python benchmarks/choose_networks.py --question {arguments.question} --sets "
        f"{arguments.sets}"
    )
    result = {
        "command": command,
        "processor": processor(),
        "question": arguments.question,
        "sets": sets,
    }
    write(result, markdown(result), out)


if __name__ == "__main__":
    main()
