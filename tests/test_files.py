"""Folders change as one, by one process at a time."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rnc_graph import files
from rnc_graph.errors import BadValueError, FileError, WriteError
from rnc_graph.files import (
    atomic_path,
    check_output_folder,
    locked,
    new_folder,
    remove_leftovers,
    write_text,
)


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


def test_a_mount_point_is_refused_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be renamed, as a new folder takes the place of an old one."""
    monkeypatch.setattr(Path, "is_mount", lambda path: path == tmp_path.resolve())
    message = "got a mount point; name a folder inside it"
    with pytest.raises(BadValueError, match=message), new_folder(tmp_path):
        pass
    with new_folder(tmp_path / "out"):
        pass


_KILLED = """
import os, signal, sys
from pathlib import Path
from rnc_graph.files import new_folder
rename, left = os.rename, int(sys.argv[2])
def rename_and_end(source, target):
    global left
    rename(source, target)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
os.rename = rename_and_end
with new_folder(Path(sys.argv[1]), overwrite=True) as folder:
    (folder / "config.json").write_text("new")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no signals of POSIX")
@pytest.mark.parametrize(("renames", "config"), [(1, "old"), (2, "new")])
def test_a_folder_whose_overwriting_was_killed_is_whole_after_the_next_call(
    tmp_path: Path, renames: int, config: str
) -> None:
    out = tmp_path / "model"
    out.mkdir()
    (out / "config.json").write_text("old")
    (out / "notes.txt").write_text("mine")
    command = [sys.executable, "-c", _KILLED, str(out), str(renames)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    with pytest.raises(BadValueError, match="is not empty"), new_folder(out):
        pass
    assert _names(out) == ["config.json", "notes.txt"]
    assert (out / "config.json").read_text() == config
    assert _names(tmp_path) == ["model"]


def test_writers_of_one_process_number_write_apart(tmp_path: Path) -> None:
    """As in two containers that share a folder."""
    out = tmp_path / "out"
    with atomic_path(out) as one, atomic_path(out) as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert out.read_text() == "one"
    assert _names(tmp_path) == ["out"]


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is removed there")
def test_what_killed_processes_of_this_host_left_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    host, end = files._host(), "0123abcd.rnc_graph.tmp"
    left = [f".out.{host}-{ended.pid}-{end}", f".out.{host}-{ended.pid}-{end}.rows"]
    others = [f".out.{host}-{os.getpid()}-{end}", f".out.89abcdef-{ended.pid}-{end}"]
    for name in left + others:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert _names(tmp_path) == sorted(others)


def test_a_full_disk_is_said_with_the_file(tmp_path: Path) -> None:
    def write(error: OSError) -> None:
        with atomic_path(tmp_path / "out.csv"):
            raise error

    with pytest.raises(WriteError, match=r"out\.csv: cannot be written: No space left on device"):
        write(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    with pytest.raises(FileError, match=r"^damaged$"):
        write(FileError("damaged"))
    with pytest.raises(FileNotFoundError):
        write(FileNotFoundError(errno.ENOENT, "no such file", "other.csv"))


def test_a_link_stays_one_and_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    real, link = tmp_path / "elsewhere" / "real.csv", tmp_path / "link.csv"
    real.parent.mkdir()
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_text(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_to_itself_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "loop.csv"
    path.symlink_to(path)
    write_text(path, "new")
    assert path.read_text() == "new"


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match=r"file/x\.csv: cannot be written: File exists"):
        write_text(tmp_path / "file" / "x.csv", "new")


@pytest.mark.skipif(sys.platform == "win32", reason="folders of Windows have no such permissions")
def test_errors_name_the_file_and_not_the_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", refuse)
        with pytest.raises(WriteError, match=r"/p\.csv: cannot be written: Permission denied$"):
            write_text(tmp_path / "p.csv", "new")
    monkeypatch.setattr(Path, "open", refuse)
    with (
        pytest.raises(WriteError, match=r"/model: cannot be written: Permission denied$"),
        locked(tmp_path / "model"),
    ):
        pass


def test_files_of_others_are_not_replaced(tmp_path: Path) -> None:
    check_output_folder(tmp_path / "new" / "inside", ["table.csv"])
    assert not (tmp_path / "new").exists()
    (tmp_path / "notes.txt").touch()
    check_output_folder(tmp_path, ["table.csv"])
    (tmp_path / "table.csv").touch()
    with pytest.raises(BadValueError, match=r"its table\.csv would be replaced, and was not made"):
        check_output_folder(tmp_path, ["table.csv"])
    check_output_folder(tmp_path, ["table.csv"], ours=True)
    with pytest.raises(WriteError, match="cannot be written to: "):
        check_output_folder(tmp_path / "notes.txt")
