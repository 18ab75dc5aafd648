"""What the executor costs over a bare loop of the same runs, on two processes each.

    python benchmarks/executor.py [--rounds 2] [--out results/benchmarks/executor.json]

The executor is the real command, `rnc-graph run SPEC --jobs 2`: it starts its processes, keeps
every result and the states of what is under way, and ends with tables and figures. The bare loop is
two processes that call the same stages one after another, each on half of the seeds, and keep
nothing.
Both take turns; times are those of whole processes, their start included. CPU time is told beside
wall time, since it suffers less from whatever else the machine does.
"""

import argparse
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from report import processor, write

SPEC = """
name: executor
data: esol
seeds: 8
reference: L1
encoders:
  gin: {hidden_dim: 64, layers: 3, dropout: 0.0, readout: both}
pretraining: {epochs: 60, projection_dim: 64, augmentation: {mask_attributes: 0.1}}
regression: {epochs: 60, head_hidden: [64]}
methods:
  - {name: L1, pretraining: null}
  - {name: RnC+freeze, regression: {freeze: true}}
  - {name: RnC}
  - {name: SupCon, pretraining: {objective: {name: supcon}}}
"""


def bare(spec: Path) -> None:
    """Do the runs of a spec in two processes and keep nothing."""
    context = multiprocessing.get_context("spawn")
    halves = [context.Process(target=half_of, args=(spec, half)) for half in range(2)]
    for process in halves:
        process.start()
    for process in halves:
        process.join()
    if any(process.exitcode for process in halves):
        sys.exit("the bare loop failed")


def half_of(spec: Path, half: int) -> None:
    """Do the runs of every other seed."""
    # Loaded where it is used: the clocked commands start processes of their own.
    from rnc_graph.experiments import read_spec
    from rnc_graph.experiments.run import setup_experiment
    from rnc_graph.experiments.store import Store
    from rnc_graph.experiments.tasks import needs
    from rnc_graph.training.config import DEFAULT_TRAINER

    setup = setup_experiment(read_spec(spec))
    work = setup.work("cpu", Store(Path("store")))
    work.setup()
    results: dict[str, Any] = {}
    for key, task in setup.tasks.items():
        if task.split.seed % 2 == half:
            needed = needs(task)
            _, results[key] = task.run(
                work.resources, DEFAULT_TRAINER, results[needed.key] if needed else {}
            )


def timed(command: list[str], folder: Path) -> dict[str, float]:
    """Return wall and CPU seconds of a command and all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/executor.json"))
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        bare(arguments.bare)
        return
    rounds = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = folder / "executor.yaml"
        spec.write_text(SPEC)
        executor = [sys.executable, "-m", "rnc_graph.cli", "run", str(spec), "--jobs", "2"]
        loop = [sys.executable, str(Path(__file__).resolve()), "--bare", str(spec)]
        timed([*executor, "--quick", "--out", "warm"], folder)
        for number in range(arguments.rounds):
            rounds.append(
                {
                    "executor": timed([*executor, "--out", f"out{number}"], folder),
                    "bare": timed(loop, folder),
                }
            )
    ratios = {
        kind: [taken["executor"][kind] / taken["bare"][kind] for taken in rounds]
        for kind in ("wall", "cpu")
    }
    result = {
        "machine": processor(),
        "torch": torch.__version__,
        "rounds": rounds,
        "ratios": ratios,
    }
    lines = [
        "# The executor over a bare loop",
        "",
        f"By `python benchmarks/executor.py`. {result['machine']}, torch {result['torch']}; 32 "
        f"runs and 16 pretrainings of a GIN on ESOL, {len(rounds)} rounds in turn, medians.",
        "",
        "| | executor, s | bare loop, s | executor / bare loop |",
        "|---|---|---|---|",
    ]
    for kind in ("wall", "cpu"):
        ours, bare_loop = (
            statistics.median(taken[side][kind] for taken in rounds)
            for side in ("executor", "bare")
        )
        ratio = statistics.median(ratios[kind])
        lines.append(f"| {kind} time | {ours:.1f} | {bare_loop:.1f} | {ratio:.3f} |")
    write(result, "\n".join(lines) + "\n", arguments.out)


if __name__ == "__main__":
    main()
