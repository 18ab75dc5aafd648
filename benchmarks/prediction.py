"""Prediction by the default model: molecules per second, memory, and the time of one molecule.

    python benchmarks/prediction.py [--rows 10000,100000] [--networks 3]
        [--out results/benchmarks/prediction.json]

The model has three networks, as the default one has where they lower its error, or none. It is
trained on ESOL for an epoch a stage: the time of a prediction does not depend on it. Molecules are
those of Lipophilicity, then the same next to three more atoms, from CSV to CSV. The first number of
rows is predicted in one process, and all with two that featurize. Loading is not timed; CPU time
and peak memory are those of the process that predicts. Writes JSON, and the same as Markdown beside
it.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from report import different, processor, write

# rnc_graph is imported where it is used: one process measures how long that takes.


def train(folder: Path, networks: int) -> None:
    from rnc_graph import MoleculeRegressor
    from rnc_graph.data import load_dataset

    table = load_dataset("esol")
    model = MoleculeRegressor(networks=networks, epochs=1, pretraining_epochs=1)
    model.fit(table.smiles, table.targets[:, 0]).save(folder)


def one(folder: Path) -> dict[str, float]:
    """Import, load, and predict single molecules."""
    from rnc_graph import MoleculeRegressor

    model = MoleculeRegressor.load(folder)
    model.predict(["CCO"])
    first = time.process_time()
    smiles = different(120)
    for text in smiles[:20]:
        model.predict([text])
    seconds, wall = [], []
    for text in smiles[20:]:
        begun, begun_wall = time.process_time(), time.perf_counter()
        model.predict([text])
        seconds.append(time.process_time() - begun)
        wall.append(time.perf_counter() - begun_wall)
    return {
        "first_s": first,
        "one_ms": 1e3 * statistics.median(seconds),
        "one_wall_ms": 1e3 * statistics.median(wall),
    }


def file(folder: Path, rows: int, jobs: int) -> dict[str, float]:
    """Predict a file of so many rows."""
    from rnc_graph.models import load_model
    from rnc_graph.models.streaming import predict_file

    model, table = load_model(folder), folder.parent / f"{rows}.csv"
    begun, begun_wall = time.process_time(), time.perf_counter()
    predict_file(model, table, table.with_suffix(".out.csv"), jobs=jobs)
    seconds, wall = time.process_time() - begun, time.perf_counter() - begun_wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": rows, "jobs": jobs, "seconds": seconds, "wall": wall, "MiB": peak}


def in_a_process(work: str, folder: Path, *numbers: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--work", work, str(folder), *map(str, numbers)],
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def markdown(result: dict[str, Any]) -> str:
    one = result["one"]
    lines = [
        f"# Prediction by the default model with {result['networks'] or 'no'} networks",
        "",
        f"Made by `python benchmarks/prediction.py --rows {result['rows']} --networks "
        f"{result['networks']}` on {result['processor']}, other work beside it (load "
        f"{result['load']:.1f}).",
        "",
        "| rows, CSV to CSV | processes | molecules per s of CPU | s by the clock | peak, MiB |",
        "|---:|---:|---:|---:|---:|",
        *(
            f"| {row['rows']:,} | {row['jobs']} | "
            + (f"{row['rows'] / row['seconds']:,.0f}" if row["jobs"] == 1 else "")
            + f" | {row['wall']:.0f} | {row['MiB']:,.0f} |"
            for row in result["files"]
        ),
        "",
        f"One molecule of a loaded model: {one['one_ms']:.0f} ms of CPU, {one['one_wall_ms']:.0f} "
        "ms by the clock, medians of 100. From the start of Python to the first prediction: "
        f"{one['first_s']:.1f} s of CPU.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="10000,100000")
    parser.add_argument("--networks", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/prediction.json"))
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        what, folder, *numbers = arguments.work
        works = {"train": train, "one": one, "file": file}
        print(json.dumps(works[what](Path(folder), *map(int, numbers))))
        return
    rows = [int(number) for number in arguments.rows.split(",")]
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "model"
        for number in rows:
            lines = "\n".join(["smiles", *different(number)])
            (folder.parent / f"{number}.csv").write_text(lines + "\n")
        in_a_process("train", folder, arguments.networks)
        result = {
            "processor": processor(),
            "rows": arguments.rows,
            "networks": arguments.networks,
            "one": in_a_process("one", folder),
            "files": [in_a_process("file", folder, rows[0], 1)]
            + [in_a_process("file", folder, number, 2) for number in rows],
            "load": os.getloadavg()[2],
        }
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
