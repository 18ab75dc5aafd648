"""What the benchmarks share."""

import runpy
import shutil
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


@pytest.mark.parametrize("name", ["objectives", "finetuned", "shipped"])
def test_the_tables_of_pretraining_objectives_are_those_of_their_json(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    kept = BENCHMARKS.parent / "results" / "pretraining" / f"{name}.json"
    out = Path(shutil.copy(kept, tmp_path))
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr("sys.argv", ["pretraining_objectives.py", "--tables", "--out", str(out)])
    runpy.run_path(str(BENCHMARKS / "pretraining_objectives.py"), run_name="__main__")
    assert out.with_suffix(".md").read_text() == kept.with_suffix(".md").read_text()
