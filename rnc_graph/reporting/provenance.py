"""How results were made: the command, the code, the processor and the time."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from rnc_graph import __version__
from rnc_graph.files import write_text

PROVENANCE = "provenance.json"


def provenance(command: str, seconds: float) -> dict[str, Any]:
    """Return what made some results, by the command that was typed and the time it took."""
    return {
        "command": command,
        "code": code_version(),
        "processor": processor(),
        "wall_seconds": round(seconds),
    }


def write_provenance(folder: Path, command: str, seconds: float) -> Path:
    """Write ``provenance.json`` of an experiment's folder and return its path.

    The time of earlier calls, whose runs this one has continued, is added. A file that cannot be
    read is replaced, and so is one of runs in another format.
    """
    from rnc_graph.experiments.identity import FORMAT

    path = folder / PROVENANCE
    made = {**provenance(command, seconds), "run_format": FORMAT}
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
        if earlier["run_format"] == FORMAT:
            made["wall_seconds"] += int(earlier["wall_seconds"])
    except (OSError, ValueError, TypeError, KeyError):  # None, a damaged one, or without a time.
        pass
    write_text(path, json.dumps(made, indent=1) + "\n")
    return path


def code_version() -> str:
    """Return the version of the package, in a checkout with its commit: "0.1.0+g1442d88".

    ".changed" follows where files differ from the commit.
    """
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return __version__
    described = ["git", "describe", "--always", "--exclude=*", "--dirty=.changed"]
    try:
        done = subprocess.run(described, cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):  # No git, or a checkout of another user.
        return __version__
    return f"{__version__}+g{done.stdout.strip()}"


def processor() -> str:
    """Return the processor's name and its number of cores."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"
