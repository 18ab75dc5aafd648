"""The runner on a small real grid: the same bits however the work is shared out or interrupted."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import ExecutionConfig, read_spec
from rnc_graph.experiments.datasets import load_datasets
from rnc_graph.experiments.progress import Progress
from rnc_graph.reporting.experiment_folder import spec_text
from rnc_graph.reporting.provenance import PROVENANCE
from rnc_graph.reporting.report import write_report
from tests.run_and_write import command_line, contents, run_and_write

ARGUMENTS = ["run", "small.yaml", "--jobs", "2"]


class Listener(Progress):
    def __init__(self) -> None:
        self.to_do: list[str] = []
        self.epochs: list[str] = []
        self.done: list[str] = []
        self.told: list[str] = []

    def say(self, message):
        self.told.append(message)

    def start(self, missing, done):
        self.to_do = list(missing)

    def epoch(self, key):
        self.epochs.append(key)

    def finished(self, key):
        self.done.append(key)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory):
    """Run the small grid once, with two processes; return a function that copies its results."""
    kept = tmp_path_factory.mktemp("finished")

    def copy(folder: Path, experiment) -> Path:
        if not (kept / "out").exists():
            run_and_write(experiment, kept / "out", figures=True, execution=ExecutionConfig(jobs=2))
        return Path(shutil.copytree(kept / "out", folder / "out"))

    return copy


@pytest.mark.slow
def test_one_process_gives_the_same_files_as_two(folder, experiment, finished):
    two = finished(folder, experiment)
    run_and_write(experiment, folder / "one", figures=True, execution=ExecutionConfig(jobs=1))
    assert contents(folder / "one") == contents(two)


@pytest.mark.slow
def test_a_second_call_does_only_what_is_missing(folder, experiment, finished):
    out = finished(folder, experiment)
    before = contents(out)
    listener = Listener()
    run_and_write(experiment, out, progress=listener)
    assert listener.to_do == []
    tuned = next(p for p in (out / "store").iterdir() if p.name.startswith("run-"))
    shutil.rmtree(tuned)
    for name in ("table.md", "predictions.csv.gz"):
        (out / name).unlink()
    run_and_write(experiment, out, progress=listener)
    assert listener.to_do == listener.done == [tuned.name]
    assert contents(out) == before


@pytest.mark.slow
def test_a_lost_pretraining_is_made_again_only_for_who_needs_it(folder, experiment, finished):
    out = finished(folder, experiment)
    stage_1 = next(p for p in (out / "store").iterdir() if p.name.startswith("stage1-"))
    shutil.rmtree(stage_1)
    listener = Listener()
    run_and_write(experiment, out, progress=listener)
    assert listener.to_do == [], "all runs are there, nobody needs it"


@pytest.mark.slow
def test_damaged_results_are_computed_again_and_not_reported(folder, experiment, finished):
    out = finished(folder, experiment)
    before = contents(out)
    edited, flipped, stage_1 = (
        next(path for path in sorted((out / "store").iterdir()) if path.name.startswith(kind))
        for kind in ("run-", "baseline-", "stage1-")
    )
    record = json.loads((edited / "record.json").read_text())
    record["metrics"]["test"]["unit"]["rmse"] /= 2
    (edited / "record.json").write_text(json.dumps(record))
    with pytest.raises(RncGraphError, match=rf"{edited.name}/record.json: damaged or edited"):
        write_report(out)
    tensors = bytearray((flipped / "tensors.safetensors").read_bytes())
    tensors[-1] ^= 1
    (flipped / "tensors.safetensors").write_bytes(tensors)
    (stage_1 / "tensors.safetensors").write_bytes(b"")
    for name in ("runs.json", "table.json", "versions.json"):
        (out / name).write_text(before[name].decode()[:-9])
        with pytest.raises(RncGraphError, match=r"(record|runs)\.json: damaged or edited"):
            write_report(out)
    (out / ".mine.tmp").write_text("the user's own")
    (out / ".table.md.999999999.rnc_graph.tmp").write_text("of a killed run")
    listener = Listener()
    run_and_write(experiment, out, progress=listener)
    assert set(listener.done) >= {edited.name, flipped.name}
    assert all(str(path) in listener.told[0] for path in (edited, flipped, stage_1))
    assert contents(out) == {**before, ".mine.tmp": b"the user's own"}
    for name in ("table.json", "versions.json"):
        (out / name).write_text(before[name].decode()[:-9])
        with pytest.raises(RncGraphError, match=rf"{name}: damaged or edited"):
            write_report(out)
        (out / name).write_bytes(before[name])


@pytest.mark.slow
def test_an_edited_list_of_runs_is_not_reported(folder, experiment, finished):
    out = finished(folder, experiment)
    text = (out / "runs.json").read_text()
    (out / "runs.json").write_text(text.replace('"frozen"', '"joint"'))
    with pytest.raises(RncGraphError, match=r"runs\.json: damaged or edited"):
        write_report(out)


def test_what_is_written(folder, experiment, finished):
    out = finished(folder, experiment)
    names = {p.name for p in out.iterdir() if p.is_file()} - {".lock"}
    assert names == {
        "table.md",
        "table.csv",
        "table.json",
        "predictions.csv.gz",
        "runs.json",
        "spec.yaml",
        "versions.json",
        "predicted_against_measured_gcn.png",
        "embeddings_gcn.png",
        "differences_gcn.png",
    }
    assert read_spec(out / "spec.yaml") == experiment
    table = json.loads((out / "table.json").read_text())["tables"][0]["rows"]
    assert list(table) == ["plain", "frozen", "tuned", "joint", "mean"]
    assert table["plain"]["difference"] == {}
    assert len(table["plain"]["metrics"]["test"]["standardized"]["rmse"]["values"]) == 2


def test_the_table_follows_from_the_predictions(folder, experiment, finished):
    out = finished(folder, experiment)
    predictions = pd.read_csv(out / "predictions.csv.gz", keep_default_na=False)
    table = json.loads((out / "table.json").read_text())["tables"][0]["rows"]
    tuned = predictions[predictions["method"] == "tuned"]
    error = (tuned["measured"] - tuned["predicted"]).abs().groupby(tuned["seed"]).mean()
    found = table["tuned"]["metrics"]["test"]["unit"]["mae"]
    assert found["mean"] == pytest.approx(error.mean(), rel=1e-4)
    measured = load_datasets(experiment).tables["molecules"].targets[:, 0]
    assert (measured[predictions["sample"] - 1] == predictions["measured"]).all()
    other = table["plain"]["metrics"]["test"]["standardized"]["rmse"]["mean"]
    own = table["tuned"]["metrics"]["test"]["standardized"]["rmse"]["mean"]
    # The table has eight digits of each.
    assert table["tuned"]["difference"]["rmse"]["mean"] == pytest.approx(own - other, abs=2e-7)


@pytest.mark.slow
def test_validation_only_leaves_the_test_part_untouched(folder, experiment):
    chosen = experiment.model_copy(
        update={"evaluate": "validation", "methods": experiment.methods[:1], "baselines": []}
    )
    run_and_write(chosen, folder / "out", command="a command")
    text = "".join(p.read_text() for p in (folder / "out").rglob("*.json"))
    assert '"validation"' in text
    assert '"test": {' not in text
    assert '"test_rows"' not in text
    assert "the test set was not touched" in (folder / "out" / "table.md").read_text()


def test_bad_data_is_refused_before_anything_is_written(folder, experiment):
    (folder / "molecules.csv").write_text("smiles,logS\nCC,1\nC(C,2\n")
    with pytest.raises(RncGraphError, match=r"row 2, column 'SMILES': 'C\(C': not a valid SMILES"):
        run_and_write(experiment, folder / "out")
    assert not (folder / "out").exists()


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_files(folder, experiment):
    longer = (folder / "small.yaml").read_text().replace("epochs: 3", "epochs: 20")
    (folder / "small.yaml").write_text(longer)
    command_line(*ARGUMENTS, "--out", "whole")
    process = subprocess.Popen(
        [sys.executable, "-m", "rnc_graph.cli", *ARGUMENTS, "--out", "killed"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    store = folder / "killed" / "store"
    deadline = time.monotonic() + 120
    while len(list(store.glob("[!.]*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    workers = descendants(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = sorted(p.name for p in store.glob("[!.]*"))
    assert 2 <= len(kept) < 12, "killed in the middle"
    assert not (folder / "killed" / "table.md").exists()
    assert workers
    while any(alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(alive(pid) for pid in workers), "the workers end with their parent"
    (store / ".unfinished-left-by-the-kill").mkdir()

    said = command_line(*ARGUMENTS, "--out", "killed")
    assert f"{len(kept)} tasks done already" in said
    assert contents(folder / "killed") == contents(folder / "whole")


def descendants(pid: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    children = [int(line) for line in listed.stdout.split()]
    return children + [found for child in children for found in descendants(child)]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    # A zombie is only a note for a parent that will not read it.
    return not (stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")


@pytest.mark.slow
def test_a_run_that_diverges_does_not_stop_the_others(folder, experiment):
    wild = experiment.methods[2].model_copy(
        update={
            "name": "wild",
            "regression": experiment.methods[2].regression.model_copy(
                update={"learning_rate": 1e12, "optimizer": "sgd"}
            ),
        }
    )
    both = experiment.model_copy(update={"methods": [wild, experiment.methods[0]]})
    (folder / "wild.yaml").write_text(spec_text(both))
    with pytest.raises(
        RncGraphError, match=r"2 of 8 tasks failed.*\nwild, gcn, seed 0: .*diverged"
    ):
        command_line("run", "wild.yaml", "--jobs", "2", "--out", "out")
    assert len(list((folder / "out" / "store").glob("[!.]*"))) == 6
    assert not (folder / "out" / "table.md").exists()
    assert (folder / "out" / PROVENANCE).exists(), "what is done has taken time"


@pytest.mark.slow
def test_ten_molecules_are_enough(folder, experiment):
    """One molecule in each small part: nothing to draw, but nothing to stumble over."""
    lines = (folder / "molecules.csv").read_text().splitlines()
    (folder / "molecules.csv").write_text("\n".join(lines[:11]))
    few = experiment.model_copy(update={"methods": experiment.methods[:1], "seeds": {"gcn": [0]}})
    run_and_write(few, folder / "out", figures=True)
    assert (folder / "out" / "embeddings_gcn.png").exists()


def test_too_few_molecules_and_constant_targets_are_refused_at_once(folder, experiment):
    lines = (folder / "molecules.csv").read_text().splitlines()
    (folder / "molecules.csv").write_text("\n".join(lines[:5]))
    with pytest.raises(RncGraphError, match="4 different samples are too few"):
        run_and_write(experiment, folder / "out")
    (folder / "molecules.csv").write_text("smiles,logS\nCC,1\nCO,1\n")
    with pytest.raises(RncGraphError, match="column 'logS': all its values are the same, 1"):
        run_and_write(experiment, folder / "out")
    assert not (folder / "out").exists()


@pytest.mark.slow
def test_a_changed_spec_names_what_is_of_earlier_tables(folder: Path) -> None:
    text = (folder / "small.yaml").read_text().replace("epochs: 3", "epochs: 1")
    splits = "splits: {'small>half': {train_size: 0.5}, 'small<half': {train_size: 0.4}}\n"
    long = f"splits: {{'{'я' * 200}': {{}}}}\n"
    (folder / "small.yaml").write_text(text.replace("seeds: 2", f"seeds: 1\n{splits}".strip()))
    said = command_line("run", "small.yaml", "--out", "out")
    # Two names with the same letters are two pictures.
    pictures = sorted(path.name for path in (folder / "out").glob("differences*.png"))
    assert pictures == ["differences_small_half_gcn-2.png", "differences_small_half_gcn.png"]
    assert all(said.count(name) == 1 for name in pictures)
    assert "of the earlier ones" not in said
    (folder / "out" / PROVENANCE).unlink()
    assert "of the earlier ones" not in command_line("run", "small.yaml", "--out", "out")
    assert (folder / "out" / PROVENANCE).exists(), "as after a call killed behind its last run"
    (folder / "small.yaml").write_text(text.replace("seeds: 2", f"seeds: 1\n{long}".strip()))
    said = command_line("run", "small.yaml", "--out", "out").replace("\n", " ")
    assert "the tables have changed; of the earlier ones: differences_small_half_gcn-2.png" in said
    assert "rnc-graph report out" in said
