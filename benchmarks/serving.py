"""The service of docs/serving.md on this machine: time of a query, by its number of molecules.

    python benchmarks/serving.py [--out results/benchmarks/serving.json]

The default model, trained on ESOL for an epoch a stage: the time of a prediction does not depend on
it. One process of uvicorn listens at 127.0.0.1, one client sends a query after the other on one
connection. Molecules are new ones in every query. Writes JSON, and the same as Markdown beside it.
"""

import argparse
import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from prediction import in_a_process
from report import different, processor, write

SIZES = {1: 100, 10: 30, 100: 10}  # molecules in a query: queries


def start(parent: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start the service of the page."""
    page = Path(__file__).parent.parent / "docs" / "serving.md"
    (code, *_) = re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.M | re.S)
    (parent / "service.py").write_text(code)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "service:app", "--host", "127.0.0.1"]
    environment = {**os.environ, "MODEL": str(parent / "model")}
    quiet = ["--port", str(port), "--log-level", "warning"]
    return subprocess.Popen([*command, *quiet], cwd=parent, env=environment), port


def connect(port: int) -> http.client.HTTPConnection:
    """Wait for the service."""
    deadline = time.monotonic() + 120
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.connect()
            return connection
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def milliseconds(connection: http.client.HTTPConnection, smiles: list[str]) -> float:
    begun = time.perf_counter()
    body = json.dumps({"smiles": smiles})
    connection.request("POST", "/predict", body, {"content-type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    assert len(answer["rows"]) == len(smiles)
    assert not answer["bad"]
    return 1e3 * (time.perf_counter() - begun)


def measure(parent: Path) -> dict[str, Any]:
    in_a_process("train", parent / "model")
    begun = time.perf_counter()
    service, port = start(parent)
    try:
        connection = connect(port)
        ready = time.perf_counter() - begun
        molecules = iter(different(20 + sum(size * n for size, n in SIZES.items())))
        for _ in range(20):
            milliseconds(connection, [next(molecules)])
        found = {}
        for size, count in SIZES.items():
            queries = [[next(molecules) for _ in range(size)] for _ in range(count)]
            found[size] = sorted(milliseconds(connection, query) for query in queries)
    finally:
        service.terminate()
        service.wait()
    rows = [
        {"molecules": n, "queries": len(t), "median_ms": statistics.median(t), "p95_ms": p95(t)}
        for n, t in found.items()
    ]
    return {"processor": processor(), "ready_s": ready, "queries": rows, "load": os.getloadavg()[0]}


def p95(ordered: list[float]) -> float:
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def markdown(result: dict[str, Any]) -> str:
    lines = [
        "# The service of docs/serving.md",
        "",
        f"Made by `python benchmarks/serving.py` on {result['processor']}, other work beside it "
        f"(load {result['load']:.1f}). One process on one thread, one client.",
        "",
        "| molecules in a query | queries | median, ms | 95th percentile, ms | molecules per s |",
        "|---:|---:|---:|---:|---:|",
        *(
            f"| {row['molecules']} | {row['queries']} | {row['median_ms']:.0f} | "
            f"{row['p95_ms']:.0f} | {1e3 * row['molecules'] / row['median_ms']:.0f} |"
            for row in result["queries"]
        ),
        "",
        f"From the start of the process to the first answer: {result['ready_s']:.1f} s.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/serving.json"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as parent:
        result = measure(Path(parent))
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
