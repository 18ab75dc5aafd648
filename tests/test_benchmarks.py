"""What the benchmarks share."""

import runpy
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def test_finished_parts_are_kept_for_their_code_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stored = runpy.run_path(str(BENCHMARKS / "report.py"))["stored"]
    path = tmp_path / "kept" / "esol-0.json"
    assert stored(path, lambda: {"rmse": 1}) == {"rmse": 1}
    assert stored(path, lambda: {"rmse": 2}) == {"rmse": 1}
    monkeypatch.setitem(stored.__globals__, "code_version", lambda: "9.9.9")
    assert stored(path, lambda: {"rmse": 3}) == {"rmse": 3}
    assert len(list(path.parent.iterdir())) == 2
