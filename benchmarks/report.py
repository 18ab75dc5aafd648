"""What the benchmarks share: many molecules, and how results are written."""

import json
import shlex
import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

from rnc_graph.data import load_dataset
from rnc_graph.files import write_text
from rnc_graph.reporting.provenance import code_version, processor, provenance

__all__ = ["different", "processor", "stored", "write", "write_markdown"]

_BEGUN = time.perf_counter()


def different(rows: int) -> list[str]:
    """Return so many different molecules: those of Lipophilicity, then next to three more atoms.

    They do not grow with their number: time and memory of each thousand can be compared.
    """
    known = load_dataset("lipophilicity").smiles
    chains = product(("C", "N", "O", "S", "P", "B", "[Se]"), repeat=3)
    beside = ["", *("".join(chain) + "." for chain in chains)]
    return [beside[row // len(known)] + known[row % len(known)] for row in range(rows)]


def stored(path: Path, make: Callable[[], Any]) -> Any:
    """Return what is kept in a file; first make it, if this version of the code has not.

    The version follows the name of the file.
    """
    path = path.with_name(f"{path.stem}-{code_version()}{path.suffix}")
    if not path.exists():
        write_text(path, json.dumps(make()))
    return json.loads(path.read_text())


def write(result: dict[str, Any], markdown: str, path: Path) -> None:
    """Write JSON with its provenance, and its Markdown."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    made = provenance(command, time.perf_counter() - _BEGUN)
    path.write_text(json.dumps({**made, **result}, indent=2) + "\n")
    write_markdown(markdown, path)


def write_markdown(markdown: str, path: Path) -> None:
    """Write Markdown next to the JSON of a path; print it."""
    path.with_suffix(".md").write_text(markdown)
    print(markdown, end="")
