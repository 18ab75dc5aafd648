"""What can be read only once loses no row."""

import gzip
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rnc_graph.data.reading import open_table
from rnc_graph.data.reading.molecules import read_molecules
from rnc_graph.errors import BadValueError, FileError

CODE = (
    "import sys; from pathlib import Path; from rnc_graph.data.reading.molecules import *;"
    "table, bad, _ = read_molecules(Path(sys.argv[1]));"
    "print(len(table), len(bad), table.smiles[-1], table.name)"
)


def _rows(count: int) -> bytes:
    rows = "".join(f"{'C' * (1 + n % 50)},{n}.5\n" for n in range(count))
    return f"smiles,y\n{rows}".encode()


@pytest.mark.parametrize("count", [80, 20_000])  # The second is larger than any pipe's buffer.
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_fifo_is_read_once_and_whole(tmp_path: Path, count: int, pack) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(pack(_rows(count)),))
    writer.start()
    table = open_table(path)
    writer.join()
    assert table.name == str(path)
    assert sum(len(chunk.rows) for chunk in table.chunks()) == count
    assert sum(len(chunk.rows) for chunk in table.chunks(501)) == count


@pytest.mark.parametrize("content", [b"", gzip.compress(_rows(80), mtime=0)[:-9]])
def test_an_error_names_the_pipe_and_not_its_copy(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(content,))
    writer.start()
    with pytest.raises(BadValueError, match=f"^{path}: (cannot be read as CSV|breaks off)"):
        list(open_table(path).chunks())
    writer.join()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "name"), [("-", "standard input"), ("/dev/stdin", "/dev/stdin")]
)
def test_standard_input_is_read_whole(source: str, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, source], input=_rows(1_500), capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == f"1500 0 {'C' * 50} {name}"


@pytest.mark.slow
def test_a_substituted_process_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(_rows(1_500))
    command = f"{sys.executable} -c '{CODE}' <(cat {tmp_path / 't.csv'})"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert done.stdout.decode().startswith("1500 0 ")


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="expected a file, got a folder"):
        read_molecules(tmp_path)
