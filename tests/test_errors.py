"""Errors: Python's own classes, and the same class and message from a worker process."""

import ast
from pathlib import Path

import pytest

import rnc_graph
from rnc_graph.errors import (
    BadValueError,
    FileError,
    MisfitError,
    MissingColumnError,
    MissingFileError,
    MissingPackageError,
    RncGraphError,
    RunError,
    UnknownNameError,
    WriteError,
    unreadable,
)
from rnc_graph.experiments.executors.schedule import TasksFailedError
from rnc_graph.models.settings import make_settings
from rnc_graph.workers import worker_pool

FITTING = [
    (BadValueError("temperature: expected a positive number, got -1"), ValueError),
    (UnknownNameError("encoder", "gim", ["gin", "gcn"]), ValueError),
    (MisfitError("views: expected 2, got 1", "methods", 0), ValueError),
    (MissingColumnError("a.csv: no column 'y'; its columns are: 'x'", "y"), ValueError),
    (MissingPackageError("Ray is not installed"), ImportError),
    (FileError("a.csv: cannot be read: Permission denied"), OSError),
    (MissingFileError("a.csv: no such file"), FileNotFoundError),
    (WriteError("results: the disk is full"), OSError),
    (RunError("training diverged"), RuntimeError),
    (TasksFailedError("2 of 3 tasks failed"), RuntimeError),
]


@pytest.mark.parametrize(("error", "builtin"), FITTING, ids=lambda one: type(one).__name__)
def test_an_error_is_the_packages_and_pythons(
    error: RncGraphError, builtin: type[Exception]
) -> None:
    assert isinstance(error, RncGraphError)
    with pytest.raises(builtin):
        raise error


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"networks": "x"}, r"networks: [^,]*valid integer, [^,]*; or [^,]*'auto', got 'x'$"),
        ({"target_transform": "ln"}, r"target_transform: Input should be 'none' or 'log10'"),
        ({"target_transform": ["log10", "x"]}, r"target_transform\.1: .*'log10', got 'x'$"),
        ({"encoder": 3}, "encoder: Input should be a valid string.*, got 3$"),
        ({"list[x]": 1}, r"list\[x\]: Extra inputs are not permitted"),
        ({"patience": 0}, r"patience: Input should be greater than 0, got 0"),
        ({"learning-rate": 1}, "learning-rate: Extra inputs are not permitted"),
    ],
)
def test_the_first_problem_names_the_key_alone(given: dict[str, object], message: str) -> None:
    with pytest.raises(BadValueError, match=f"^{message}"):
        make_settings(**given)


def _raise(number: int) -> None:
    error = FITTING[number][0]
    error.__dict__["row"] = number
    raise error


@pytest.mark.slow
def test_errors_cross_processes_unchanged() -> None:
    with worker_pool(1, "lost") as pool:
        for number, future in enumerate([pool.submit(_raise, n) for n in range(len(FITTING))]):
            found, sent = future.exception(), FITTING[number][0]
            assert type(found) is type(sent)
            assert str(found) == str(sent)
            assert found.__dict__ == {**sent.__dict__, "row": number}


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    for path, kind, reason in (
        (tmp_path / "none.csv", MissingFileError, "No such file or directory"),
        (tmp_path, FileError, "Is a directory"),
    ):
        with pytest.raises(OSError, match=reason) as opened:
            path.read_bytes()
        error = unreadable(path, opened.value)
        assert type(error) is kind
        assert str(error) == f"{path}: cannot be read: {reason}"


@pytest.mark.slow
def test_the_package_raises_subclasses_alone() -> None:
    bare = [
        f"{path}, line {node.lineno}"
        for path in sorted(Path(rnc_graph.__file__).parent.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "RncGraphError"
    ]
    assert not bare, "raise a subclass of RncGraphError that fits"
