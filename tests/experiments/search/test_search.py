"""A search on validation sets, stopped and gone on with."""

import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rnc_graph.cli import app
from rnc_graph.errors import BadValueError, RncGraphError, RunError, WriteError
from rnc_graph.experiments import ExecutionConfig, read_spec
from rnc_graph.experiments.search import search, study

SEARCH = """
search:
  method: tuned
  encoder: gcn
  startup_trials: 2
  ranges:
    pretraining.objective.temperature: {low: 0.5, high: 4.0, log: true}
    regression.epochs: {low: 1, high: 3, whole: true}
    encoder.hidden_dim: {choices: [4, 8]}
"""
DATA = "pretraining.data: {choices: [freesolv, logbb]}"


@pytest.mark.slow
def test_it_goes_on_to_the_same_end(folder: Path):
    (folder / "small.yaml").write_text((folder / "small.yaml").read_text() + SEARCH)
    experiment = read_spec(folder / "small.yaml")
    whole = search(experiment, folder / "whole", trials=5, execution=ExecutionConfig())
    search(experiment, folder / "parts", trials=2, execution=ExecutionConfig())
    parts = search(experiment, folder / "parts", trials=5, execution=ExecutionConfig())
    assert parts.trials == whole.trials
    assert len(whole.trials) == 5
    best = read_spec(folder / "whole" / "best.yaml")
    tuned = next(method for method in best.methods if method.name == "tuned")
    value, settings = whole.trials[whole.best]
    assert value == min(v for v, _ in whole.trials if v is not None)
    assert tuned.regression.epochs == settings["regression.epochs"]
    assert best.encoders["gcn"]["hidden_dim"] == settings["encoder.hidden_dim"]
    assert tuned.pretraining.objective.temperature == settings["pretraining.objective.temperature"]
    assert best.evaluate == "test"
    epochs = tuned.pretraining.epochs + tuned.regression.epochs
    plain = next(m for m in best.methods if m.name == best.reference)
    unequal = f"tuned has {epochs} epochs in all, plain {plain.regression.epochs}: a fair"
    assert (unequal in "".join(whole.notes)) == (epochs != plain.regression.epochs)
    assert (unequal in (folder / "whole" / "best.yaml").read_text()) == bool(whole.notes)
    records = "".join(p.read_text() for p in (folder / "whole" / "store").rglob("record.json"))
    assert '"test": {' not in records, "the test set is untouched"


def test_mistakes_are_told(folder: Path):
    text = (folder / "small.yaml").read_text()
    with pytest.raises(RncGraphError, match="the spec has no section `search`"):
        search(read_spec(folder / "small.yaml"), folder / "out", execution=ExecutionConfig())
    for old, new, message in (
        ("method: tuned", "method: turned", "search.method: 'turned' is none of the methods"),
        ("regression.epochs", "epochs", "a key begins with pretraining"),
        ("encoder.hidden_dim: {choices: [4, 8]}", DATA, "'pretraining.data': data are no setting"),
        ("low: 0.5, high: 4.0", "low: 4.0, high: 0.5", "give low and high with low < high"),
    ):
        (folder / "bad.yaml").write_text(text + SEARCH.replace(old, new))
        with pytest.raises(RncGraphError, match=message):
            read_spec(folder / "bad.yaml")
    (folder / "bad.yaml").write_text(text + SEARCH.replace("choices: [4, 8]", "choices: [4, wide]"))
    with pytest.raises(RncGraphError, match=r"hidden_dim.*valid integer.*got 'wide'"):
        search(read_spec(folder / "bad.yaml"), folder / "out", execution=ExecutionConfig())
    # Its middle is a whole number.
    (folder / "bad.yaml").write_text(text + SEARCH.replace("high: 3, whole: true", "high: 3"))
    with pytest.raises(RncGraphError, match=r"regression\.epochs: Input should be a valid integer"):
        search(read_spec(folder / "bad.yaml"), folder / "out", execution=ExecutionConfig())
    wrong = SEARCH.replace("objective.temperature", "objective.warmth")
    (folder / "bad.yaml").write_text(text + wrong)
    with pytest.raises(RncGraphError, match="unknown option of objective 'rnc': 'warmth'"):
        search(read_spec(folder / "bad.yaml"), folder / "out", execution=ExecutionConfig())


def test_a_method_that_is_not_run_with_the_encoder_is_not_searched(folder: Path):
    text = (folder / "small.yaml").read_text() + SEARCH
    text = text.replace("  - name: tuned", "  - name: tuned\n    only: {encoder: gin}")
    (folder / "bad.yaml").write_text(text.replace("encoders:", "encoders:\n  gin: {}"))
    with pytest.raises(RncGraphError, match="'tuned' is not run with encoder 'gcn'"):
        read_spec(folder / "bad.yaml")


def test_a_trial_without_a_score_has_failed(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "small.yaml").write_text((folder / "small.yaml").read_text() + SEARCH)

    class WithoutScores(dict[str, float]):
        def __missing__(self, _: str) -> float:
            return float("nan")

    scores = {"metrics": {"validation": defaultdict(WithoutScores)}}
    monkeypatch.setattr(study, "run_tasks", lambda *_: None)
    monkeypatch.setattr(study.Store, "record", lambda *_: scores)
    with pytest.raises(RunError, match=r"no trial was finished\n.*not a number: nan"):
        search(
            read_spec(folder / "small.yaml"), folder / "out", trials=2, execution=ExecutionConfig()
        )


@pytest.mark.slow
def test_a_changed_spec_is_another_search(folder: Path):
    text = (folder / "small.yaml").read_text() + SEARCH
    (folder / "small.yaml").write_text(text)
    search(read_spec(folder / "small.yaml"), folder / "out", trials=1, execution=ExecutionConfig())
    before = (folder / "out" / "best.yaml").read_bytes()
    for old, new in (
        ("high: 4.0", "high: 5.0"),
        ("    regression.epochs: {low: 1, high: 3, whole: true}\n", ""),
        ("seeds: 2", "seeds: 1"),
        ("views: 2", "views: 3"),
    ):
        assert old in text
        (folder / "small.yaml").write_text(text.replace(old, new))
        with pytest.raises(RncGraphError, match=r"search\.db: holds another search.*--out"):
            search(
                read_spec(folder / "small.yaml"),
                folder / "out",
                trials=2,
                execution=ExecutionConfig(),
            )
    assert (folder / "out" / "best.yaml").read_bytes() == before
    # What no value depends on may change.
    other = "name: small\ntitle: Other\nevaluate: validation\nrepresentation: {}"
    (folder / "small.yaml").write_text(text.replace("name: small", other))
    again = search(
        read_spec(folder / "small.yaml"), folder / "out", trials=2, execution=ExecutionConfig()
    )
    assert len(again.trials) == 2


@pytest.mark.slow
def test_trials_that_fail_do_not_end_a_search(folder: Path):
    """They count, are told of, are not tried again, and are never the best."""
    ranges = "  ranges: {pretraining.learning_rate: {choices: [0.001, 1.0e+30]}}\n"
    wild = SEARCH[: SEARCH.index("  ranges:")] + ranges
    text = (folder / "small.yaml").read_text()
    (folder / "small.yaml").write_text(text + wild)
    said: list[str] = []
    for trials in (3, 8):
        found = search(
            read_spec(folder / "small.yaml"),
            folder / "out",
            trials=trials,
            execution=ExecutionConfig(),
            say=said.append,
        )
    failed = [n for n, (_, v) in enumerate(found.trials) if v["pretraining.learning_rate"] > 1]
    assert len(found.trials) == 8
    assert 0 < len(failed) < 8
    assert all(found.trials[n][0] is None for n in failed)
    assert found.best not in failed
    assert len([line for line in said if "diverged" in line]) == len(failed)
    assert len([line for line in said if line.startswith("trial")]) == 8


@pytest.mark.slow
def test_a_search_whose_trials_all_fail_ends_with_their_reason(folder: Path):
    ranges = "  ranges: {pretraining.learning_rate: {choices: [1.0e+29, 1.0e+30]}}\n"
    text = (folder / "small.yaml").read_text()
    (folder / "small.yaml").write_text(text + SEARCH[: SEARCH.index("  ranges:")] + ranges)
    with pytest.raises(RncGraphError, match=r"no trial was finished\n.*diverged"):
        search(
            read_spec(folder / "small.yaml"), folder / "out", trials=2, execution=ExecutionConfig()
        )
    assert not (folder / "out" / "best.yaml").exists()


@pytest.mark.slow
def test_a_damaged_database_is_refused(folder: Path):
    """Whatever is changed in it: it is named, or makes no difference."""
    (folder / "small.yaml").write_text((folder / "small.yaml").read_text() + SEARCH)
    experiment = read_spec(folder / "small.yaml")
    search(experiment, folder / "out", trials=1, execution=ExecutionConfig())
    path = folder / "out" / "search.db"
    whole = path.read_bytes()

    def opened() -> list[tuple[object, ...]]:
        found = study._opened(experiment.name, experiment.search, path).get_trials()
        return [(t.state, t.value, t.params, t.intermediate_values) for t in found]

    before = opened()
    for damaged in (b"SQLite format 3\0" * 9, whole[: len(whole) // 2], whole[:-4096], b"x" * 99):
        path.write_bytes(damaged)
        with pytest.raises(BadValueError, match=r"search\.db: damaged, or not the database"):
            opened()
    for change in (
        "trial_values SET value = 0.01",
        "trial_params SET param_value = param_value + 1",
        "trial_intermediate_values SET intermediate_value = 0.01",
        "trial_user_attributes SET value_json = '1'",
    ):
        path.write_bytes(whole)
        with closing(sqlite3.connect(path)) as database:
            database.execute(f"UPDATE {change}")
            database.commit()
        with pytest.raises(BadValueError, match=r"search\.db: damaged.* trial 1 has changed"):
            opened()
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(20):
        flipped = np.frombuffer(whole, np.uint8).copy()
        flipped[random.integers(len(whole), size=8)] ^= 1 << random.integers(8, size=8, dtype="u1")
        path.write_bytes(flipped.tobytes())
        try:
            assert opened() == before
        except BadValueError:
            refused += 1
    assert refused > 0
    path.write_bytes(whole)
    assert opened() == before


@pytest.mark.slow
def test_a_quick_search_is_another_one(folder: Path):
    text = (folder / "small.yaml").read_text() + SEARCH
    # Other epochs than those of a quick one.
    (folder / "small.yaml").write_text(text.replace("  epochs: 2\n", "  epochs: 3\n"))
    tune = ["tune", "small.yaml", "--trials", "1", "--jobs", "1"]
    assert CliRunner().invoke(app, [*tune, "--quick"]).exit_code == 0
    assert (folder / "results" / "quick" / "small-search" / "best.yaml").exists()
    assert not (folder / "results" / "small-search").exists()
    found = CliRunner().invoke(app, [*tune, "--out", "results/quick/small-search"])
    assert isinstance(found.exception, RncGraphError)
    assert "holds another search" in str(found.exception)


@pytest.mark.slow
@pytest.mark.parametrize("error", [WriteError("full"), KeyboardInterrupt(), RunError("died")])
def test_what_is_no_fault_of_a_trial_ends_a_search(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
):
    (folder / "small.yaml").write_text((folder / "small.yaml").read_text() + SEARCH)
    experiment = read_spec(folder / "small.yaml")
    said: list[str] = []

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(study, "run_tasks", fail)
        with pytest.raises(type(error)):
            search(
                experiment, folder / "out", trials=1, execution=ExecutionConfig(), say=said.append
            )
    found = search(
        experiment, folder / "out", trials=1, execution=ExecutionConfig(), say=said.append
    )
    assert len(found.trials) == 1
    assert said[0] == said[1], "the same settings are tried again"
