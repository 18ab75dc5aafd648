"""Graphs and descriptors: molecules per second next to OGB's and RDKit's, and memory of the store.

    python benchmarks/featurize.py [--rows 10000,100000] [--out results/benchmarks/featurize.json]

Molecules of Lipophilicity, all in one run, one thread: CPU time, the best of rounds in turns.
Graphs next to RDKit's parsing alone and OGB's `smiles2graph`; descriptors next to RDKit's own, of
parsed molecules. Memory is the peak of a process that builds the store of so many different
molecules.
Writes JSON, and the same as Markdown beside it.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ogb.utils.mol import smiles2graph
from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors
from report import different, processor, write

from rnc_graph.data import load_dataset
from rnc_graph.data.descriptors import descriptors as own_descriptors
from rnc_graph.data.features import molecule_features
from rnc_graph.data.featurizer import TOGETHER, FeaturizerConfig, molecule_arrays

ROUNDS = 5
DESCRIBED = 300


def parsed(smiles: list[str]) -> list[Chem.Mol]:
    return [Chem.MolFromSmiles(text) for text in smiles]


def rdkits(molecules: list[Chem.Mol]) -> None:
    with rdBase.BlockLogs():
        for molecule in molecules:
            Descriptors.CalcMolDescriptors(molecule, np.nan)


def ours(molecules: list[Chem.Mol]) -> None:
    for first in range(0, len(molecules), TOGETHER):
        own_descriptors(molecules[first : first + TOGETHER])


def rates(ways: dict[str, Callable[[Any], object]], given: Callable[[], Any]) -> dict[str, float]:
    """Return molecules per second of CPU of each way, the best of rounds in turns.

    What a way is given is made anew, since molecules keep what was computed of them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            molecules = given()
            begun = time.process_time()
            way(molecules)
            seconds[name].append((time.process_time() - begun) / len(molecules))
    return {name: 1 / min(taken) for name, taken in seconds.items()}


def store(rows: int) -> dict[str, float]:
    """Build a store, and return the peak memory before and after, in MiB, and the time."""
    smiles = different(rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as cache:
        os.environ["RNC_GRAPH_CACHE"] = cache
        begun = time.process_time()
        molecule_features(smiles, FeaturizerConfig())
    seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"rows": rows, "MiB": peak / 1024, "MiB before": before / 1024, "seconds": seconds}


def markdown(result: dict[str, Any]) -> str:
    graphs, descriptors = result["graphs"], result["descriptors"]
    lines = [
        "# Featurizing",
        "",
        f"Made by `python benchmarks/featurize.py` on {result['processor']}: molecules per second "
        f"of CPU time, one thread, the best of {ROUNDS} rounds, other work beside it (load "
        f"{result['load']:.1f}).",
        "",
        "| graphs | molecules/s | times OGB |",
        "|---|---:|---:|",
        *(f"| {k} | {v:,.0f} | {v / graphs['OGB smiles2graph']:.2f} |" for k, v in graphs.items()),
        "",
        "A molecule has one graph however it is written: it is parsed, written as canonical "
        "SMILES and parsed again, and its stereocenters get CIP labels. OGB does none of this. "
        "cuik-molmaker-pin 2026.3.6, the release on PyPI, requires RDKit 2026.3.6; it does not "
        "load with 2026.9.1.",
        "",
        "| descriptors of parsed molecules | molecules/s | times RDKit |",
        "|---|---:|---:|",
        *(f"| {k} | {v:,.0f} | {v / descriptors['RDKit']:.1f} |" for k, v in descriptors.items()),
        "",
        "| store of so many molecules | peak of the process, MiB | SMILES alone | s of CPU |",
        "|---:|---:|---:|---:|",
        *(
            f"| {row['rows']:,} | {row['MiB']:,.0f} | {row['MiB before']:,.0f} "
            f"| {row['seconds']:.0f} |"
            for row in result["memory"]
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="10000,100000")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/featurize.json"))
    parser.add_argument("--store", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.store:
        print(json.dumps(store(arguments.store)))
        return
    smiles = load_dataset("lipophilicity").smiles
    ours(parsed(smiles[:TOGETHER]))  # Patterns are prepared once.
    result = {
        "processor": processor(),
        "load": os.getloadavg()[2],
        "graphs": rates(
            {
                "RDKit parsing alone": parsed,
                "OGB smiles2graph": lambda texts: [smiles2graph(text) for text in texts],
                "rnc_graph": lambda texts: molecule_arrays(texts, FeaturizerConfig()),
            },
            lambda: smiles[:1000],
        ),
        "descriptors": rates(
            {"RDKit": rdkits, "rnc_graph": ours}, lambda: parsed(smiles[:DESCRIBED])
        ),
        "memory": [
            json.loads(
                subprocess.run(
                    [sys.executable, __file__, "--store", rows], stdout=subprocess.PIPE, check=True
                ).stdout
            )
            for rows in arguments.rows.split(",")
        ],
    }
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
