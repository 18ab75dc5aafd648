"""The default model against chemprop's default training: error and CPU time on the same molecules.

    pip install chemprop==2.3.1   # in an environment of its own
    python benchmarks/against_chemprop.py --chemprop ENVIRONMENT/bin/chemprop [--set esol]
        [--splits 5] [--out results/benchmarks/against_chemprop.json]

Both are commands, on one core, without pretrained weights of others. `rnc-graph train` divides a
tenth off as the test set (seeds from 0). Of the other molecules chemprop takes a ninth, drawn at
random, to choose its epoch, as its own default split does; all else is its default (50 epochs).
CPU seconds are all that a command takes, from its start to the written predictions. A split
finished by the same code is kept beside the results, and not computed again. Writes JSON, and the
same as Markdown.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from model import UNITS, cpu_seconds_of_children
from report import processor, stored, write
from scipy.stats import ttest_rel

from rnc_graph import load_dataset

OURS, THEIRS = "rnc-graph train", "chemprop train"


def seconds_of(command: list[str], cache: Path) -> float:
    """Run a command on one thread; return its CPU seconds."""
    begun = cpu_seconds_of_children()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RNC_GRAPH_CACHE": str(cache)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return cpu_seconds_of_children() - begun


def one_split(name: str, seed: int, chemprop: str) -> dict[str, Any]:
    """Train both on one split; return their errors and CPU seconds."""
    table = load_dataset(name)
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        model = folder / "model"
        ours = [sys.executable, "-m", "rnc_graph.cli", "train", name, "--out", str(model)]
        seconds = {OURS: seconds_of([*ours, "--seed", str(seed), "--jobs", "1"], folder / "cache")}
        split = json.loads((model / "split.json").read_text())
        test = np.array(split["test"]) - 1  # Rows count from 1.
        rest = np.random.default_rng(seed).permutation(np.array(split["train"]) - 1)
        sets = np.full(len(table), "train", dtype=object)
        sets[rest[: len(rest) // 9]], sets[test] = "val", "test"
        cells = {"smiles": table.smiles, "y": table.targets[:, 0], "set": sets}
        pd.DataFrame(cells).to_csv(folder / "data.csv", index=False)
        theirs = [chemprop, "train", "--data-path", str(folder / "data.csv"), "--target-columns"]
        theirs += ["y", "--smiles-columns", "smiles", "--splits-column", "set", "--accelerator"]
        theirs += ["cpu", "--pytorch-seed", str(seed), "--save-dir", str(folder / "chemprop")]
        seconds[THEIRS] = seconds_of(theirs, folder / "cache")
        predictions = pd.read_csv(model / "predictions.csv").query("set == 'test'")
        found = {
            OURS: predictions.filter(like="predicted_").to_numpy()[:, 0],
            THEIRS: pd.read_csv(folder / "chemprop/model_0/test_predictions.csv")["y"].to_numpy(),
        }
        rows = {OURS: predictions["row"].to_numpy() - 1, THEIRS: np.flatnonzero(sets == "test")}
    return {
        "seconds": seconds,
        "rmse": {
            label: float(np.sqrt(np.mean((found[label] - table.targets[rows[label], 0]) ** 2)))
            for label in found
        },
    }


def markdown(result: dict[str, Any]) -> str:
    splits, name = result["splits"], result["set"]
    errors, seconds = (
        {label: [split[what][label] for split in splits] for label in (OURS, THEIRS)}
        for what in ("rmse", "seconds")
    )
    ratio = statistics.mean(
        their / our for our, their in zip(seconds[OURS], seconds[THEIRS], strict=True)
    )
    lower = sum(our < their for our, their in zip(errors[OURS], errors[THEIRS], strict=True))
    p = ttest_rel(errors[OURS], errors[THEIRS]).pvalue
    lines = [
        f"# The default model against chemprop {result['chemprop']}",
        "",
        f"Made by `python benchmarks/against_chemprop.py --chemprop ENVIRONMENT/bin/chemprop --set "
        f"{name} --splits {len(splits)}` on {result['processor']}, one core. Both with their "
        f"defaults, on the same {len(splits)} random splits of {name}: test RMSE in {UNITS[name]}, "
        "mean ± standard deviation.",
        "",
        "| command | test RMSE | CPU time, s |",
        "|---|---|---|",
        *(
            f"| {label} | {statistics.mean(errors[label]):.3f} ± "
            f"{statistics.stdev(errors[label]):.3f} | {min(seconds[label]):.0f} to "
            f"{max(seconds[label]):.0f} |"
            for label in (OURS, THEIRS)
        ),
        "",
        f"`rnc-graph train` has the lower error in {lower} of {len(splits)} splits (paired t test, "
        f"p = {p:.2g}) and is {ratio:.1f} times as fast.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chemprop", required=True, help="the command, in its environment")
    parser.add_argument("--set", default="esol")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument(
        "--out", type=Path, default=Path("results/benchmarks/against_chemprop.json")
    )
    arguments = parser.parse_args()
    asked = subprocess.run([arguments.chemprop, "--version"], stdout=subprocess.PIPE, check=True)
    splits = [
        stored(
            arguments.out.parent / "store" / f"chemprop-{arguments.set}-{seed}.json",
            partial(one_split, arguments.set, seed, arguments.chemprop),
        )
        for seed in range(arguments.splits)
    ]
    result = {
        "set": arguments.set,
        "chemprop": asked.stdout.decode().split()[-1],
        "processor": processor(),
        "splits": splits,
    }
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
