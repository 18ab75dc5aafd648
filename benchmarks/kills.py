"""A grid killed at twenty random moments and begun again each time, against one left alone.

    python benchmarks/kills.py [--kills 20] [--seed 0] [--out results/benchmarks/kills.json]

The real command, `rnc-graph run SPEC --jobs 2`, on ESOL. Every kill is a SIGKILL, by turns at the
command alone, whose processes must end by themselves, and at all of them together; the moments are
drawn from the first sixteen seconds. At the end every file of the results must be that
of the undisturbed run, byte for byte, nothing else may be there or in the folder for temporary
files, and every task must be in the store once. Says what it found, and fails where it differs.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from report import processor, write

from rnc_graph.reporting.provenance import PROVENANCE

SPEC = """
name: kills
data: esol
seeds: 16
reference: L1
encoders:
  gin: {hidden_dim: 32, layers: 2, dropout: 0.1, readout: both}
pretraining: {epochs: 12, augmentation: {mask_attributes: 0.1}}
regression: {epochs: 12}
methods:
  - {name: L1, pretraining: null}
  - {name: RnC+freeze, regression: {freeze: true}}
  - {name: RnC}
  - {name: KCL, pretraining: {objective: {name: kcl}}}
baselines: [mean, random-forest]
"""
# The moments of the kills are drawn from this many seconds.
LONGEST = 16.0


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, the store's included, but how long it took."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != PROVENANCE
    }


def entries(folder: Path) -> list[str]:
    """Return the finished tasks of a folder of results."""
    return sorted(path.name for path in (folder / "store").glob("[!.]*"))


def killed(command: list[str], environment: dict[str, str], moment: float, group: bool) -> bool:
    """Start the command and kill it after so many seconds; say whether it was still running."""
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        if group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        while alive(process.pid):
            time.sleep(0.05)
        return True
    return False


def alive(session: int) -> bool:
    """Say whether any process of a session is left."""
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-g", str(session)], capture_output=True, text=True, check=False
    )
    return any(not line.startswith("Z") for line in listed.stdout.split())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/kills.json"))
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        folder, temporary = Path(name), Path(name) / "tmp"
        temporary.mkdir()
        environment = {**os.environ, "TMPDIR": str(temporary)}
        spec = folder / "kills.yaml"
        spec.write_text(SPEC)

        def command(out: str) -> list[str]:
            run = ["run", str(spec), "--jobs", "2", "--out", str(folder / out)]
            return [sys.executable, "-m", "rnc_graph.cli", *run]

        subprocess.run(command("whole"), env=environment, check=True, capture_output=True)
        kills = []
        while len(kills) < arguments.kills:
            moment, group = draw.uniform(0, LONGEST), len(kills) % 2 == 1
            if not killed(command("killed"), environment, moment, group):
                sys.exit(f"all was done after {len(kills)} kills; the grid is too small")
            done = len(entries(folder / "killed"))
            kills.append({"after": round(moment, 1), "all": group, "done": done})
            print(f"kill {len(kills)}: after {moment:.1f} s, {done} tasks done", flush=True)
        subprocess.run(command("killed"), env=environment, check=True, capture_output=True)
        whole, other = contents(folder / "whole"), contents(folder / "killed")
        tasks = len(entries(folder / "whole"))
        differing = sorted(
            name for name in whole.keys() | other.keys() if whole.get(name) != other.get(name)
        )
        # torch makes a folder for the code that it compiles, one for all processes of a user.
        own = [path for path in temporary.iterdir() if not path.name.startswith("torchinductor_")]
        left = sorted(path.name for path in own)
    result = {
        "machine": processor(),
        "torch": torch.__version__,
        "tasks": tasks,
        "kills": kills,
        "files": len(whole),
        "differing": differing,
        "left_in_temporary_folder": left,
    }
    there = ", ".join(str(kill["done"]) for kill in kills)
    lines = [
        f"# A grid of {tasks} tasks killed {len(kills)} times",
        "",
        f"By `python benchmarks/kills.py`. {result['machine']}, torch {result['torch']}.",
        "",
        f"Tasks in the store at each kill: {there}.",
        "",
        f"- {len(whole)} files of an undisturbed run, {len(differing)} of them missing, different "
        "or beside them after the kills.",
        f"- {len(left)} files left in the folder for temporary files.",
    ]
    write(result, "\n".join(lines) + "\n", arguments.out)
    if differing or left:
        sys.exit(f"differing: {differing}\nleft over: {left}")


if __name__ == "__main__":
    main()
