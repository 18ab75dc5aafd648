"""A chemist's day on a laboratory's table: every command once, then the same in Python.

    python benchmarks/day.py [--out results/benchmarks/day.json]

The table is made here: six targets, 60% of the values missing, bounds, replicates, salts, weights
and names. Models are those of `train --quick`. Each command is a process of its own, with the
seconds of its imports; "start" are commands that compute little, run once before, as Python
compiles what it imports the first time. Writes JSON, and the same as Markdown beside it.
tests/test_day.py takes the same steps.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

# With their units; those in a unit are learned as logarithms.
TARGETS = {
    "solubility": "ug/mL",
    "HLM": "uL/min/mg",
    "RLM": "uL/min/mg",
    "logD": "",
    "MDR1": "",
    "PPB": "",
}
MOLECULES, NEW = 150, 40
# As `train --quick`.
SMALL = {
    "networks": 1,
    "descriptor_models": ["fingerprint-svr"],
    "epochs": 2,
    "pretraining_epochs": 2,
}


def make_tables(folder: Path) -> None:
    """Write old.csv, all.csv with the measurements of a month more, and new.csv."""
    from rnc_graph.data import load_dataset

    rng = np.random.default_rng(0)
    count = MOLECULES + NEW
    esol = load_dataset("esol").take(np.arange(0, 1120, 1120 // count)[:count])
    label = (esol.targets[:, 0] - esol.targets.mean()) / esol.targets.std()
    salts = [[".[Na+].[Cl-]", ".Cl", *[""] * 6][number % 8] for number in range(count)]
    frame = pd.DataFrame(
        {
            "compound": [f"A-{number:04d}" for number in range(count)],
            "smiles": [text + salt for text, salt in zip(esol.smiles, salts, strict=True)],
            "w": rng.choice([0.5, 1.0, 2.0], count),
        },
        dtype=object,
    )
    for number, (name, unit) in enumerate(TARGETS.items()):
        values = label * (-1) ** number + rng.normal(0, 0.5, count)
        if unit:
            values = 10 ** (1.5 + values / 2)
        limit = 100 if name in ("HLM", "RLM") else np.inf
        cells = [f"{value:.4g}" if value < limit else f">{limit}" for value in values]
        frame[name] = np.where(rng.random(count) < 0.6, "", cells)
    frame["relation"] = np.where(frame["PPB"].to_numpy() == "", "", np.where(label > 1, "<", "="))
    frame.iloc[MOLECULES:].to_csv(folder / "new.csv", index=False)
    measured = frame.iloc[:MOLECULES]
    replicates = measured.iloc[::10].assign(compound=lambda rows: rows["compound"] + "-2")
    for name in TARGETS:
        values = pd.to_numeric(replicates[name], errors="coerce") * rng.normal(
            1, 0.05, len(replicates)
        )
        replicates[name] = values.map("{:.4g}".format).where(values.notna(), replicates[name])
    measured = pd.concat([measured, replicates]).sort_index(kind="stable")
    measured.iloc[:120].to_csv(folder / "old.csv", index=False)
    measured.to_csv(folder / "all.csv", index=False)


def shell_steps(folder: Path) -> dict[str, list[str]]:
    """Return the arguments of `rnc-graph` of each step."""
    columns = ["--id", "compound", "--smiles", "smiles", "--relation", "PPB=relation"]
    columns += [f"--target={name}" for name in TARGETS]
    units = [f"--unit={name}={unit}" for name, unit in TARGETS.items() if unit]
    scales = [f"--transform={name}=log10" for name, unit in TARGETS.items() if unit]
    handled = ["--weight", "w", "--clean", "--merge", "mean", "--weigh-merged"]
    old, new = folder / "old.csv", folder / "new.csv"
    model, plain = folder / "model", folder / "plain"
    steps: dict[str, list[Any]] = {
        "data": [old, "--relation", "PPB=relation", *columns[6:], "--out", folder / "data.html"],
        "train": [old, "--out", model, "--quick", *columns, *units, *scales, *handled],
        "train, a learning curve": [
            *(old, "--out", plain, "--quick", "--networks", 0, *columns, *units, *scales, *handled),
            *("--split-file", model / "split.json", "--learning-curve", "quick", "--no-baselines"),
        ],
        "evaluate": [model, new, "--relation", "PPB=relation", "--out", folder / "evaluated"],
        "compare": [model, plain, new, "--relation", "PPB=relation", "--out", folder / "compared"],
        "explain": [model, new, "--rows", 2, "--training", old, "--out", folder / "explained.html"],
        "train, an update": [
            *(folder / "all.csv", "--update", model, "--out", folder / "renewed"),
            *("--set", "head_dropout=0.1", "--no-baselines"),
        ],
        "predict, CSV": [model, new, "--out", folder / "predictions.csv"],
        "predict, Parquet": [model, new, "--out", folder / "predictions.parquet"],
        "predict, Excel": [model, new, "--out", folder / "predictions.xlsx"],
        "embed": [model, new, "--out", folder / "embedding.parquet"],
    }
    # So small a table needs no processes of its own.
    alone = {name: ["--jobs", 1] * (name != "data") for name in steps}
    return {
        name: [name.partition(",")[0], *map(str, [*step, *alone[name]])]
        for name, step in steps.items()
    }


def starts(folder: Path) -> dict[str, list[str]]:
    """Return commands that compute little; a dry run times a few steps of each encoder."""
    spec = Path(__file__).parents[1] / "experiments" / "esol.yaml"
    return {
        "--help": ["--help"],
        "datasets": ["datasets"],
        "run esol.yaml --dry-run": ["run", str(spec), "--dry-run", "--out", str(folder / "esol")],
    }


def run(step: list[str]) -> None:
    """Run `rnc-graph` with compiled modules kept, whatever the shell says."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(["rnc-graph", *step], check=True, capture_output=True, env=environment)


def python_steps(folder: Path) -> dict[str, Callable[[], Any]]:
    """Return what each step calls; the steps share a model."""
    from rnc_graph import MoleculeRegressor
    from rnc_graph.data import describe
    from rnc_graph.data.reading.molecules import read_molecules

    texts = pd.read_csv(folder / "old.csv", index_col="compound", dtype=str)
    texts.insert(0, "weight", texts.pop("w").astype(float))
    new = pd.read_csv(folder / "new.csv", index_col="compound", dtype=str)["smiles"]
    targets = ["HLM", "RLM"]
    known = texts[texts[targets].notna().any(axis=1)]
    table, _, _ = read_molecules(folder / "old.csv", "smiles", targets, bounds=True)
    model = MoleculeRegressor(**SMALL, clean=True, target_transform="log10", random_state=0)

    def fit() -> MoleculeRegressor:
        return model.fit(known["smiles"], known[targets], sample_weight=known["weight"])

    return {
        "describe": lambda: describe(table),
        "fit": fit,
        "predict_frame": lambda: model.predict_frame(new),
        "explain": lambda: model.explain(list(new[:2])),
        "save": lambda: model.save(folder / "own"),
        "load": lambda: MoleculeRegressor.load(folder / "own"),
    }


def main() -> None:
    from report import processor, write

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/day.json"))
    arguments = parser.parse_args()
    rows = {}

    def measure(step: str, call: Callable[[], Any]) -> None:
        """Take the seconds of a step, and those of the processors, which load hardly changes."""
        begun, used = time.perf_counter(), sum(os.times()[:4])
        call()
        rows[step] = time.perf_counter() - begun, sum(os.times()[:4]) - used

    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        make_tables(folder)
        for name, step in starts(folder).items():
            run(step)
            measure(f"start: `rnc-graph {name}`", partial(run, step))
        for name, step in shell_steps(folder).items():
            measure(f"`rnc-graph {step[0]}`{name.removeprefix(step[0])}", partial(run, step))
        for name, call in python_steps(folder).items():
            measure(f"Python: {name}", call)
    result = {"processor": processor(), "load": os.getloadavg()[0], "steps": rows}
    lines = [
        "# A chemist's day",
        "",
        f"Made by `python benchmarks/day.py` on {processor()}, load {result['load']:.1f}: a table "
        f"of {MOLECULES} molecules with {len(TARGETS)} targets, 60% of the values missing, "
        "models of `--quick`. Each command is a process of its own, with its imports.",
        "",
        "| step | seconds | seconds of processors |",
        "|---|---:|---:|",
        *(f"| {name} | {wall:.1f} | {used:.1f} |" for name, (wall, used) in rows.items()),
    ]
    write(result, "\n".join(lines) + "\n", arguments.out)


if __name__ == "__main__":
    main()
