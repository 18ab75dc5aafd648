"""Loggers by name: they are told of epochs, and change nothing."""

import json
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import ExecutionConfig, read_spec
from rnc_graph.experiments.tracking import check_tracking, make_loggers
from tests.run_and_write import run_and_write

TRACKING = "tracking: {tensorboard: {}, wandb: {offline: true}, mlflow: {}}\n"


@dataclass
class Told:
    """A pretraining and two runs in two processes at once, told to nobody and to all three."""

    folder: Path
    callers: int
    """How often somebody was asked outside."""

    def history(self, key: str) -> list[dict[str, float]]:
        """Return what the store has of a task's epochs."""
        return json.loads((self.folder / "store" / key / "record.json").read_text())["history"]

    @property
    def tasks(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "store").iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    from rnc_graph.data import load_dataset
    from tests.conftest import SPEC

    folder = tmp_path_factory.mktemp("told")
    table = load_dataset("esol")
    rows = [f"{s},{y}" for s, y in zip(table.smiles[:60], table.targets[:60, 0], strict=True)]
    (folder / "molecules.csv").write_text("\n".join(["smiles,logS", *rows]) + "\n")
    (folder / "silent.yaml").write_text(SPEC)
    (folder / "told.yaml").write_text(SPEC + TRACKING)
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as proxy:
        patch.chdir(folder)
        # Whatever asks outside comes by here.
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        # What makes MLflow quiet by itself.
        for name in ("PYTEST_CURRENT_TEST", "CI", "GITHUB_ACTIONS"):
            patch.delenv(name, raising=False)
        for name in ("silent", "told"):
            experiment = read_spec(Path(f"{name}.yaml"))
            one = {"methods": experiment.methods[:3:2], "seeds": {"gcn": [0]}, "baselines": []}
            run_and_write(
                experiment.model_copy(update=one),
                folder / name,
                execution=ExecutionConfig(2),
            )
        proxy.setblocking(False)
        callers = 0
        try:
            while True:
                proxy.accept()[0].close()
                callers += 1
        except BlockingIOError:
            pass
    return Told(folder / "told", callers)


@pytest.mark.slow
def test_nothing_changes_and_nobody_else_is_told(told: Told):
    tables = [
        json.loads((told.folder.parent / name / "table.json").read_text())["tables"]
        for name in ("silent", "told")
    ]
    assert tables[0] == tables[1]
    assert len(told.tasks) == 3
    assert not (told.folder.parent / "silent" / "tracking").exists()
    assert {path.name for path in (told.folder / "tracking").iterdir()} == {
        "tensorboard",
        "wandb",
        "mlflow",
    }
    assert {path.name for path in told.folder.parent.iterdir()} == {
        *("silent", "told", "silent.yaml", "told.yaml", "molecules.csv")
    }, "nothing is written elsewhere"
    assert told.callers == 0


@pytest.mark.slow
def test_tensorboard_hears_of_each_epoch(told: Told):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for key in told.tasks:
        events = EventAccumulator(str(told.folder / "tracking" / "tensorboard" / key))
        events.Reload()
        history = told.history(key)
        for name in history[0]:
            found = [event.value for event in events.Scalars(name)]
            assert found == pytest.approx([epoch[name] for epoch in history])


@pytest.mark.slow
def test_mlflow_hears_of_each_epoch_in_one_database(told: Told):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{told.folder}/tracking/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("rnc_graph")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.data.tags["rnc_graph.task"] for run in runs) == told.tasks
    for run in runs:
        key = run.data.tags["rnc_graph.task"]
        assert run.info.status == "FINISHED"
        assert run.info.run_name.endswith(f", gcn ({key})")
        history = told.history(key)
        for name in history[0]:
            found = client.get_metric_history(run.info.run_id, name)
            values = [metric.value for metric in sorted(found, key=lambda metric: metric.step)]
            assert values == pytest.approx([epoch[name] for epoch in history])


def wandb_records(path: Path) -> Iterator[Any]:
    """Read an offline run's file: a LevelDB log of protocol buffers."""
    from wandb.proto.wandb_internal_pb2 import Record

    content = path.read_bytes()
    assert content[:4] == b":W&B"
    at, record = 7, b""
    while at + 7 <= len(content):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        length, kind = struct.unpack("<HB", content[at + 4 : at + 7])
        record += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # A whole one, or the last part of one.
            yield Record.FromString(record)
            record = b""


@pytest.mark.slow
def test_wandb_keeps_a_file_of_each_run(told: Told):
    files = list((told.folder / "tracking" / "wandb" / "wandb").glob("offline-run-*/*.wandb"))
    found = {}
    for path in files:
        records = list(wandb_records(path))
        (run,) = [record.run for record in records if record.HasField("run")]
        assert run.display_name.endswith(", gcn")
        assert any(record.HasField("exit") for record in records), "it was ended"
        found[run.run_id] = [
            {item.nested_key[0]: json.loads(item.value_json) for item in history.item}
            for history in (r.history for r in records if r.HasField("history"))
        ]
    assert len(files) == len(found)
    assert sorted(found) == told.tasks
    for key, rows in found.items():
        history = told.history(key)
        for name in history[0]:
            values = [row[name] for row in rows if name in row]
            assert values == pytest.approx([epoch[name] for epoch in history])


@pytest.mark.slow
def test_a_task_that_goes_on_has_one_run_in_mlflow(tmp_path: Path):
    from mlflow import MlflowClient

    for step in (0, 1):
        (logger,) = make_loggers({"mlflow": {"tags": {"of": "me"}}}, tmp_path, "run-1", "a 'run'")
        logger.log_metrics({"validation_mae": 1.0 - step}, step=step)
        client = MlflowClient(f"sqlite:///{tmp_path}/mlflow/mlflow.db")
        (run,) = client.search_runs([logger.experiment_id])
        # A killed one never says that it ended.
        assert run.info.status == "RUNNING"
    logger.finalize("success")
    (run,) = client.search_runs([logger.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.tags["of"] == "me"
    found = client.get_metric_history(run.info.run_id, "validation_mae")
    assert [(metric.step, metric.value) for metric in found] == [(0, 1.0), (1, 0.0)]


@pytest.mark.parametrize(
    ("tracking", "message"),
    [
        ("{teletype: {}}", "tensorboard"),
        (
            "{mlflow: {trackinguri: x}}",
            "unknown option of tracking.mlflow 'trackinguri'; known: .*",
        ),
        ("{wandb: {ofline: true}}", "unknown option of tracking.wandb 'ofline'; known: .* offline"),
        ("{wandb: {id: mine}}", "unknown option of tracking.wandb 'id'"),
        ("{tensorboard: {version: 1}}", "unknown option of tracking.tensorboard 'version'"),
    ],
)
def test_an_unknown_one_is_told(folder: Path, tracking: str, message: str):
    (folder / "told.yaml").write_text(
        (folder / "small.yaml").read_text() + f"tracking: {tracking}\n"
    )
    with pytest.raises(RncGraphError, match=message):
        run_and_write(read_spec(folder / "told.yaml"), folder / "out")
    assert not (folder / "out" / "store").exists()


def test_known_options_are_taken():
    check_tracking(
        {
            "tensorboard": {"prefix": "a", "flush_secs": 5},
            "wandb": {"offline": True, "project": "p", "tags": ["a"], "group": "g"},
            "mlflow": {"tracking_uri": "http://localhost:5000", "experiment_name": "e"},
        }
    )


def test_what_cannot_be_made_is_told(tmp_path: Path):
    with pytest.raises(RncGraphError, match=r"tracking\.wandb: MisconfigurationException: .*log_"):
        make_loggers({"wandb": {"offline": True, "log_model": True}}, tmp_path, "run-1", "a run")


def test_what_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "rnc_graph.experiments.tracking.find_spec", lambda name: name != "alembic" or None
    )
    with pytest.raises(RncGraphError, match=r"mlflow needs alembic, .* 'rnc-graph\[mlflow\]'"):
        check_tracking({"mlflow": {}})
