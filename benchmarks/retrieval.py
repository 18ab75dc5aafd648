"""How near the labels of the nearest training molecules are: by structure, and by embeddings.

    python benchmarks/retrieval.py [--sets esol=3,freesolv=3,logbb=3,photoswitch=3]
        [--out results/benchmarks/retrieval.json]

The page of `rnc-graph explain` shows the three nearest training molecules, by the Tanimoto
similarity of Morgan fingerprints and by the model's embedding. A tenth of the molecules, drawn at
random, are the queries; the networks are the three of the default model, trained on the others with
Rank-N-Contrast in stage 1 and without a stage 1, beside the frozen encoder that they begin from.
Errors are the mean distance of the labels of the three nearest to the query's, in standard
deviations of the training labels. A split finished by the same code is kept beside the
results, and not trained again. Writes JSON, and the same as Markdown.
"""

import argparse
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from report import processor, stored, write
from scipy.spatial.distance import cdist

from rnc_graph import MoleculeRegressor, load_dataset
from rnc_graph.data.features import morgan_fingerprints
from rnc_graph.seeding import one_thread_always

NEAREST = 3
STRUCTURE = "structure (Tanimoto)"
NETWORKS: dict[str, Any] = {"descriptor_models": [], "weights": "equal"}
EMBEDDINGS: dict[str, dict[str, Any]] = {
    "gin-moses, frozen": {
        "networks": 0,
        "descriptors": False,
        "descriptor_models": ["embedding-svr"],
        "embedding": "gin-moses",
    },
    "networks, no stage 1": {**NETWORKS, "objective": None},
    "networks, Rank-N-Contrast": NETWORKS,
}
WAYS = [STRUCTURE, *EMBEDDINGS]


def label_error(distances: np.ndarray, known: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean label distance of the nearest rows (M,) to the queries (N,)."""
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :NEAREST]
    return float(np.abs(known[nearest] - labels[:, None]).mean())


def one_split(name: str, seed: int) -> dict[str, float]:
    """Return the label error by each way, in standard deviations."""
    table = load_dataset(name)
    y = table.targets[:, 0]
    rows = np.unique(table.smiles, return_index=True)[1]
    rows = np.random.default_rng(seed).permutation(rows[np.isfinite(y[rows])])
    queries, known = np.split(rows, [len(rows) // 10])
    asked, learned = ([table.smiles[row] for row in part] for part in (queries, known))
    bits = (morgan_fingerprints(part).astype(bool) for part in (asked, learned))
    distances = {STRUCTURE: cdist(*bits, "jaccard")}
    for way, options in EMBEDDINGS.items():
        model = MoleculeRegressor(**options, random_state=seed).fit(learned, y[known])
        distances[way] = cdist(model.embed(asked), model.embed(learned))
    sd = y[known].std()
    return {way: label_error(d, y[known], y[queries]) / sd for way, d in distances.items()}


def markdown(result: dict[str, Any]) -> str:
    lines = [
        "# Labels of the nearest training molecules",
        "",
        f"Made by `{result['command']}` on {result['processor']}. Mean distance of the labels of "
        f"the {NEAREST} nearest training molecules to that of a test molecule, in standard "
        "deviations of the training labels; mean over random splits, and in how many of them the "
        "last way is lower.",
        "",
        "| set | splits | " + " | ".join(WAYS) + " |",
        "|---" * (2 + len(WAYS)) + "|",
    ]
    for name, splits in result["sets"].items():
        cells = [name, str(len(splits))]
        for way in WAYS:
            lower = sum(split[WAYS[-1]] < split[way] for split in splits)
            cell = f"{statistics.mean(split[way] for split in splits):.3f}"
            cells.append(cell if way == WAYS[-1] else f"{cell} ({lower} of {len(splits)})")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default="esol=3,freesolv=3,logbb=3,photoswitch=3")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/retrieval.json"))
    arguments = parser.parse_args()
    one_thread_always()
    kept = arguments.out.parent / "store" / "retrieval"
    sets: dict[str, list[dict[str, float]]] = {}
    for name, seeds in (part.split("=") for part in arguments.sets.split(",")):
        sets[name] = []
        for seed in range(int(seeds)):
            found = stored(kept / f"{name}-{seed}.json", partial(one_split, name, seed))
            print(name, seed, found, flush=True)
            sets[name].append(found)
    command = f"python benchmarks/retrieval.py --sets {arguments.sets}"
    result = {"command": command, "processor": processor(), "sets": sets}
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
