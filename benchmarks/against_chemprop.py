"""The default model against chemprop's default training: error and CPU time on the same molecules.

    pip install chemprop==2.3.1   # in an environment of its own
    python benchmarks/against_chemprop.py --chemprop ENVIRONMENT/bin/chemprop [--set esol]
        [--splits 5] [--out results/benchmarks/against_chemprop.json]

Commands on one core, with their defaults, and ours without networks. `rnc-graph train` divides a
tenth off as the test set (seeds from 0). Of the other molecules chemprop takes a ninth, drawn at
random, to choose its epoch, as its own default split does; all else is its default (50 epochs).
CPU seconds are all that a command takes, from its start to the written predictions. A split
finished by the same code is kept beside the results, and not computed again. Writes JSON, and the
same as Markdown; with ``--tables`` only the Markdown, from the JSON that exists.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from operator import truediv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from model import UNITS, cpu_seconds_of_children
from report import processor, stored, write, write_markdown

from rnc_graph import load_dataset
from rnc_graph.metrics.statistics import compare

THEIRS = "chemprop train"
OURS = {"rnc-graph train": [], "rnc-graph train --networks 0": ["--networks", "0"]}


def seconds_of(command: list[str], cache: Path) -> float:
    """Run a command on one thread; return its CPU seconds."""
    begun = cpu_seconds_of_children()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RNC_GRAPH_CACHE": str(cache)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return cpu_seconds_of_children() - begun


def one_split(name: str, seed: int, chemprop: str) -> dict[str, Any]:
    """Train all on one split; return their errors and CPU seconds."""
    table = load_dataset(name)
    measured = table.targets[:, 0]
    seconds, errors = dict[str, float](), dict[str, float]()
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        for number, (label, options) in enumerate(OURS.items()):
            model, cache = folder / f"model-{number}", folder / f"cache-{number}"
            ours = [sys.executable, "-m", "rnc_graph.cli", "train", name, "--out", str(model)]
            ours += ["--seed", str(seed), "--jobs", "1", *options]
            seconds[label] = seconds_of(ours, cache)
            split = json.loads((model / "split.json").read_text())
            test = np.array(split["test"]) - 1  # Rows count from 1.
            found = pd.read_csv(model / "predictions.csv").query("set == 'test'")
            predicted = found.filter(like="predicted_").to_numpy()[:, 0]
            errors[label] = rmse(predicted, measured[found["row"] - 1])
        rest = np.random.default_rng(seed).permutation(np.array(split["train"]) - 1)
        sets = np.full(len(table), "train", dtype=object)
        sets[rest[: len(rest) // 9]], sets[test] = "val", "test"
        cells = {"smiles": table.smiles, "y": measured, "set": sets}
        pd.DataFrame(cells).to_csv(folder / "data.csv", index=False)
        theirs = [chemprop, "train", "--data-path", str(folder / "data.csv"), "--target-columns"]
        theirs += ["y", "--smiles-columns", "smiles", "--splits-column", "set", "--accelerator"]
        theirs += ["cpu", "--pytorch-seed", str(seed), "--save-dir", str(folder / "chemprop")]
        seconds[THEIRS] = seconds_of(theirs, folder)
        predictions = pd.read_csv(folder / "chemprop/model_0/test_predictions.csv")
        errors[THEIRS] = rmse(predictions["y"].to_numpy(), measured[sets == "test"])
    return {"seconds": seconds, "rmse": errors}


def rmse(predicted: np.ndarray, measured: np.ndarray) -> float:
    return float(np.sqrt(np.mean((predicted - measured) ** 2)))


def markdown(result: dict[str, Any]) -> str:
    splits, name = result["splits"], result["set"]
    labels = [*OURS, THEIRS]
    errors, seconds = (
        {label: [split[what][label] for split in splits] for label in labels}
        for what in ("rmse", "seconds")
    )
    # The test sets of random splits overlap: a tenth is tested, nine tenths are learned.
    differences = compare({label: errors[label] for label in OURS}, errors[THEIRS], 1 / 9)
    lines = [
        f"# The default model against chemprop {result['chemprop']}",
        "",
        f"Made by `python benchmarks/against_chemprop.py --chemprop ENVIRONMENT/bin/chemprop --set "
        f"{name} --splits {len(splits)}` on {result['processor']}, one core, other work beside it. "
        f"On the same {len(splits)} random splits of {name}: test RMSE in {UNITS[name]}, mean ± "
        "standard deviation, and the paired t test corrected for splits that overlap.",
        "",
        "| command | test RMSE | lower than chemprop in | p, Holm | CPU time, s | times as fast |",
        "|---|---|---|---|---|---|",
    ]
    for label in labels:
        own = errors[label]
        cells = ["", "", f"{min(seconds[label]):.0f} to {max(seconds[label]):.0f}", ""]
        if label != THEIRS:
            found = differences[label]
            ratios = map(truediv, seconds[THEIRS], seconds[label])
            cells[:2] = [f"{found.wins} of {len(splits)}", f"{found.p_holm:.2g}"]
            cells[3] = f"{statistics.mean(ratios):.1f}"
        error = f"{statistics.mean(own):.3f} ± {statistics.stdev(own):.3f}"
        lines.append(f"| `{label}` | {error} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chemprop", help="the command, in its environment")
    parser.add_argument("--tables", action="store_true", help="write the Markdown from the JSON")
    parser.add_argument("--set", default="esol")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument(
        "--out", type=Path, default=Path("results/benchmarks/against_chemprop.json")
    )
    arguments = parser.parse_args()
    if arguments.tables:
        result = json.loads(arguments.out.read_text())
        write_markdown(markdown(result), arguments.out)
        return
    if not arguments.chemprop:
        parser.error("--chemprop: expected the command")
    asked = subprocess.run([arguments.chemprop, "--version"], stdout=subprocess.PIPE, check=True)
    version = asked.stdout.decode().strip().replace(" ", "-")
    splits = [
        stored(
            arguments.out.parent / "store" / f"{version}-{arguments.set}-{seed}.json",
            partial(one_split, arguments.set, seed, arguments.chemprop),
        )
        for seed in range(arguments.splits)
    ]
    result = {
        "set": arguments.set,
        "chemprop": version.rpartition("-")[2],
        "processor": processor(),
        "splits": splits,
    }
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
