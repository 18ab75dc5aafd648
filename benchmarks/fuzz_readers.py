"""Read spoiled tables: each must become a table or an error of the package, in bounded time.

python benchmarks/fuzz_readers.py [FORMAT ...] [--inputs 1000] [--seed 0]

Every input is made from (format, seed, number) by spoiling a good table, packed or unpacked. It is
read twice, whole and in chunks of 3 rows, under a limit of time and memory, in a process of its own
with others of its kind. What fails is written to a folder, with its traceback, and ends in exit 1.
"""

import argparse
import gzip
import io
import multiprocessing
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
from rdkit import Chem

from rnc_graph.data.reading import open_table
from rnc_graph.data.reading.molecules import read_molecules
from rnc_graph.errors import RncGraphError

SECONDS = 10
MEMORY = 4 << 30
BATCH = 250

TABLE = (
    b'smiles,name,y\nCCO,ethanol,-0.77\n"c1ccccc1","benzene, ""x""",2.5\nCC(=O)O,,1e-3\nN,"a\nb",\n'
)
SMI = b"CCO ethyl alcohol\nc1ccccc1\tbenzene\nCC(=O)O\n\nN ammonia 2\n"
TOKENS = (
    *(
        b'"',
        b",",
        b";",
        b"\t",
        b"\n",
        b"\r",
        b"\r\n",
        b"\0",
        b" ",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
    ),
    *(b"nan", b"1e999", b"1,203", b"-2,5", b"=1+1", b"\xe2\x88\x92", b"C1CC1", b"[Na+]", b"A>>B"),
    *(b"$$$$\n", b"M  END\n", b"> <y>\n", b"V3000", b"M  V30 BEGIN CTAB\n", b"999999", b"-1"),
    *(b"PK\x03\x04", b"\x1f\x8b", b"PAR1", b"<c", b"</v>", b"&#0;", b"<!ENTITY a 'b'>", b"&a;"),
)


def _sdf() -> bytes:
    records = []
    for number, smiles in enumerate(("CCO", "c1ccccc1", "C[C@H](N)C(=O)O")):
        block = Chem.MolToMolBlock(Chem.MolFromSmiles(smiles))
        records.append(f"{block}> <y>\n{number}.5\n\n> <note>\na\nb\n\n$$$$\n")
    v3000 = Chem.MolToV3KMolBlock(Chem.MolFromSmiles("CC(=O)O"))
    return "".join([*records, f"{v3000}> <y>\n7\n\n$$$$\n"]).encode()


def _xlsx() -> bytes:
    book = io.BytesIO()
    frame = pd.DataFrame(
        {"smiles": ["CCO", "C", None], "y": [1.5, None, 3], "when": ["a", "b", "c"]}
    )
    frame.to_excel(book, index=False)
    return book.getvalue()


def spoiled(data: bytes, random: Random) -> bytes:
    """Return data with some bytes changed, removed, repeated or put in."""
    spoiled = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 3, 8))):
        at = random.randrange(len(spoiled) + 1)
        end = min(len(spoiled), at + random.choice((1, 2, 8, 60)))
        kind = random.randrange(7)
        if kind == 0 and at < len(spoiled):
            spoiled[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            del spoiled[at:end]
        elif kind == 2:
            spoiled[at:at] = spoiled[at:end] * random.choice((1, 2, 50))
        elif kind == 3:
            spoiled[at:at] = random.choice(TOKENS) * random.choice((1, 1, 3, 200))
        elif kind == 4:
            spoiled[at:end] = random.choice(TOKENS)
        elif kind == 5:
            spoiled[at:end] = random.randbytes(end - at)
        elif random.random() < 0.3:
            del spoiled[at:]
    return bytes(spoiled)


def _gz(data: bytes, random: Random) -> bytes:
    if random.random() < 0.5:
        return gzip.compress(spoiled(data, random), 1, mtime=0)
    return spoiled(gzip.compress(data, 1, mtime=0), random)


def _book(data: bytes, random: Random) -> bytes:
    if random.random() < 0.2:
        return spoiled(data, random)
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(written, "w") as new:
        chosen = random.choice(
            [name for name in old.namelist() if name.endswith((".xml", ".rels"))]
        )
        if random.random() < 0.6:
            chosen = random.choice(("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml"))
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, spoiled(content, random) if name == chosen else content)
    return written.getvalue()


FORMATS: dict[str, tuple[Callable[[], bytes], Callable[[bytes, Random], bytes]]] = {
    "csv": (lambda: TABLE, spoiled),
    "csv.gz": (lambda: TABLE, _gz),
    "sdf": (_sdf, spoiled),
    "sdf.gz": (_sdf, _gz),
    "smi": (lambda: SMI, spoiled),
    "xlsx": (_xlsx, _book),
}


def read(path: Path) -> str:
    """Read a table in three ways; return "table" or "error"."""
    try:
        table = open_table(path)
        whole = [row for chunk in table.chunks() for row in chunk.frame.to_numpy().tolist()]
        parts = []
        for chunk in table.chunks(3):
            assert list(chunk.frame.columns) == table.columns
            first = len(parts) + 1
            assert chunk.rows.tolist() == list(range(first, first + len(chunk.frame)))
            assert set(chunk.problems) == set(chunk.found) <= set(chunk.rows.tolist())
            parts += chunk.frame.to_numpy().tolist()
        assert parts == whole, (parts, whole)
    except RncGraphError:
        return "error"
    target = "y" if "y" in table.columns else table.columns[-1]
    with suppress(RncGraphError):
        read_molecules(path, table.columns[0], [target])
    return "table"


class TooSlow(BaseException):
    """An input took longer than ``SECONDS``."""


def _alarm(*_: Any) -> None:
    raise TooSlow


def _batch(kind: str, seed: int, first: int, count: int, folder: Path, queue: Any) -> None:
    """Read some inputs; put (outcome, seconds) of each, with its number, into the queue."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _alarm)
    warnings.simplefilter("ignore")  # Of openpyxl.
    good, spoil = FORMATS[kind]
    data = good()
    for number in range(first, first + count):
        path = folder / f"{number}.{kind}"
        path.write_bytes(spoil(data, Random(f"{kind} {seed} {number}")))
        begin = time.perf_counter()
        signal.alarm(SECONDS)
        try:
            outcome = read(path)
        except BaseException:
            outcome = "failure"
            path.with_name(path.name + ".txt").write_text(traceback.format_exc())
        signal.alarm(0)
        queue.put((number, outcome, time.perf_counter() - begin))
        if outcome != "failure":
            path.unlink()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    queue.put((None, "peak", peak))


def fuzz(kind: str, seed: int, inputs: int, folder: Path) -> Counter[str]:
    """Read spoiled tables of a format and print what became of them."""
    context = multiprocessing.get_context("fork")
    counts: Counter[str] = Counter()
    slowest = peak = 0.0
    for first in range(0, inputs, BATCH):
        count = min(BATCH, inputs - first)
        queue = context.SimpleQueue()
        process = context.Process(target=_batch, args=(kind, seed, first, count, folder, queue))
        process.start()
        done = 0
        while process.is_alive() or not queue.empty():
            if queue.empty():
                process.join(0.05)
                continue
            number, outcome, amount = queue.get()
            if number is None:
                peak = max(peak, amount)
                continue
            done += 1
            counts[outcome] += 1
            slowest = max(slowest, amount)
        if done < count:
            counts["failure"] += 1
            counts["unread"] += count - done - 1
            print(f"{kind} {first + done}: the process died ({process.exitcode})", flush=True)
    print(f"{kind}: {dict(counts)}, slowest {slowest:.2f} s, peak {peak:.0f} MiB", flush=True)
    return counts


def main() -> int:
    """Fuzz the formats that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("formats", nargs="*", default=[], metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument("--inputs", type=int, default=1_000, help="number of each format")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    failures = 0
    for kind in given.formats or FORMATS:
        failures += fuzz(kind, given.seed, given.inputs, folder)["failure"]
    print(f"{failures} failures" + (f", in {folder}" if failures else ""))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
