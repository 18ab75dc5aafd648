"""Folders change as one, by one process at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from rnc_graph.errors import BadValueError, WriteError
from rnc_graph.files import new_folder


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_overwritten_folder_keeps_no_old_file_of_ours_and_all_of_the_users(
    tmp_path: Path,
) -> None:
    out = tmp_path / "model"
    out.mkdir()
    for name in ("bad_rows.csv", "config.json", "notes.txt", "notes.md", "my.csv"):
        (out / name).write_text("old")
    (out / "mine").mkdir()
    with new_folder(out, overwrite=True) as folder:
        (folder / "config.json").write_text("new")
        assert (out / "config.json").read_text() == "old"
    assert _names(out) == ["config.json", "mine", "my.csv", "notes.md", "notes.txt"]
    assert (out / "config.json").read_text() == "new"
    assert _names(tmp_path) == ["model"]


def test_a_linked_folder_is_overwritten_where_the_link_leads(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "model"
    link.symlink_to("real")
    with new_folder(link, overwrite=True) as folder:
        (folder / "config.json").write_text("new")
    assert link.is_symlink()
    assert _names(tmp_path / "real") == ["config.json"]
    assert _names(tmp_path) == ["model", "real"]


def test_a_folder_leaves_those_of_other_names(tmp_path: Path) -> None:
    user = tmp_path / ".model.personal.tmp"
    user.mkdir()
    with new_folder(tmp_path / "model.v2") as running:
        with new_folder(tmp_path / "model"):
            pass
        assert running.is_dir()
    assert _names(tmp_path) == [user.name, "model", "model.v2"]


def test_a_failure_leaves_the_old_folder(tmp_path: Path) -> None:
    out = tmp_path / "model"
    out.mkdir()
    (out / "config.json").write_text("old")

    def write() -> None:
        with new_folder(out, overwrite=True) as folder:
            (folder / "config.json").write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert (out / "config.json").read_text() == "old"
    assert _names(tmp_path) == ["model"]


def test_two_processes_cannot_write_into_one_folder(tmp_path: Path) -> None:
    out = tmp_path / "model"
    code = (
        "import sys; from pathlib import Path; from rnc_graph.files import new_folder\n"
        "with new_folder(Path(sys.argv[1])) as f: print('in', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        with pytest.raises(WriteError, match="another process is writing"), new_folder(out):
            pass
        other.kill()
    with new_folder(out) as folder:
        (folder / "config.json").write_text("new")
    assert _names(out) == ["config.json"]
    assert _names(tmp_path) == ["model"]  # Nothing of the process that was killed.


def test_a_folder_that_is_not_empty_or_current_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(BadValueError, match="is not empty"), new_folder(tmp_path):
        pass
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadValueError, match="the current one"), new_folder(Path(), overwrite=True):
        pass
