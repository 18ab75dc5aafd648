"""The command line as a user meets it: a process of its own, bad input included."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import rnc_graph
from rnc_graph.cli import app, bars, say
from rnc_graph.cli.app import workers
from rnc_graph.errors import RncGraphError
from rnc_graph.files import resource_dir
from tests.shell import run


def rnc_graph_command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rnc_graph.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


def test_version_and_help_need_no_heavy_library(tmp_path: Path):
    assert rnc_graph_command("--version", cwd=tmp_path).stdout == (
        f"rnc-graph {rnc_graph.__version__}\n"
    )
    assert "reproduce" in rnc_graph_command("--help", cwd=tmp_path).stdout
    loaded = "import rnc_graph.cli, sys; print([m for m in ('torch', 'rdkit') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("columns", ["80", "100", "120"])
def test_help_names_every_option_whole(columns: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", columns)
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        text = run(name, "--help").output
        assert max(map(len, text.splitlines())) <= int(columns)
        for parameter in command.params:
            for option in parameter.opts:
                assert option in text.split() or not option.startswith("--"), text
    overview = run("--help").output
    assert "..." not in overview.replace("[ARGS]...", "")


def test_a_terminal_without_the_letters_gets_others(tmp_path: Path):
    code = (
        "import sys\nfrom rnc_graph.cli import main\n"
        "from rnc_graph.cli.app import command, console\n"
        "@command()\n"
        "def letters(): console().print('R² ± Δ')\n"
        "sys.argv = ['rnc-graph', 'letters']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "R? ? ?\n"), done.stderr


def test_a_list_of_data_sets_needs_no_heavy_library():
    code = (
        "import sys; sys.argv = ['rnc-graph', 'datasets']; from rnc_graph.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print([m for m in ('torch', 'rdkit', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "esol" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_folder_without_results_is_refused_before_anything_is_imported(tmp_path: Path):
    code = (
        "import sys, pathlib\nfrom rnc_graph.reporting.report import write_report\n"
        "try: write_report(pathlib.Path('.'))\n"
        "except FileNotFoundError: print([m for m in ('torch', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("edit", "arguments", "message"),
    [
        (("targets: [logS]", "targets: [logP]"), (), "no column 'logP'; its columns are: 'smiles'"),
        (("path: molecules.csv", "path: lost.csv"), (), "lost.csv: no such file"),
        (("reference:", "references:"), (), "small.yaml, line 5: references: unknown key"),
        (
            ("gcn:", "gat:"),
            (),
            "unknown encoder 'gat'; known: gcn, gin, gin-moses, gin",
        ),
        ((), ("--seeds", "many"), "--seeds: expected a number"),
        ((), ("--out", "small.yaml/out"), "small.yaml is no folder, or read-only"),
        (("train", "train"), ("--out", "/proc/out"), "cannot write results here"),
    ],
)
def test_bad_input_is_one_message(folder: Path, edit, arguments, message):
    spec = folder / "small.yaml"
    if edit:
        spec.write_text(spec.read_text().replace(*edit))
    before = sorted(p.name for p in folder.iterdir())
    done = run("run", "small.yaml", *arguments)
    assert isinstance(done.exception, RncGraphError)
    assert message in " ".join(str(done.exception).split())
    assert done.stdout == ""
    assert sorted(p.name for p in folder.iterdir()) == before


def test_a_bad_smiles_is_named(folder: Path):
    table = folder / "molecules.csv"
    table.write_text(table.read_text() + "C1CC,0.5\n")
    done = run("run", "small.yaml")
    assert "row 61, column 'SMILES': 'C1CC': not a valid SMILES" in str(done.exception)
    assert done.stdout == ""


@pytest.mark.slow
def test_an_error_is_a_message_and_an_exit_code(tmp_path: Path):
    done = rnc_graph_command("datasets", "esoll", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: unknown data set 'esoll'")
    assert "Traceback" not in done.stderr


def test_a_refusal_in_a_worker_ends_them_all(folder: Path):
    error = run("run", "small.yaml", "--device", "abacus", "--jobs", "2").exception
    assert isinstance(error, RncGraphError)
    assert "device 'abacus' cannot be used" in str(error)


def test_an_unknown_experiment_lists_the_known_ones():
    message = str(run("reproduce", "esoll").exception)
    assert "unknown experiment 'esoll'; known: " in message
    assert "esol" in message.split("known: ")[1]


@pytest.mark.slow
def test_a_run_ends_with_the_table(folder: Path):
    done = rnc_graph_command("run", "small.yaml", "--out", "out", "--jobs", "2", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "gcn, 2 seeds: errors in log mol/L" in done.stdout
    assert "paired difference to plain" in done.stdout
    assert "table.md" in done.stdout
    written = (folder / "out" / "provenance.json").read_text()
    made = json.loads(written)
    assert made["command"] == "rnc-graph run small.yaml"
    assert made["wall_seconds"] >= 0
    assert "tasks done already" in done.stderr
    assert "Warning" not in done.stderr

    # A call that trains nothing says nothing of how the results were made.
    (folder / "out" / "predictions.csv").write_text("of the user's own")
    again = run("run", "small.yaml", "--encoder", "gcn", "--out", "out")
    assert again.exit_code == 0, repr(again.exception)
    assert (folder / "out" / "provenance.json").read_text() == written
    assert (folder / "out" / "predictions.csv").exists()


@pytest.mark.parametrize("own", ["table.csv", "spec.yaml"])
def test_results_replace_no_file_of_the_users(folder: Path, own: str):
    """Least of all the spec that is read, of which a quick trial is a part."""
    (folder / "out").mkdir()
    given = folder / "out" / own if own == "spec.yaml" else folder / "small.yaml"
    text = (folder / "small.yaml").read_text()
    (folder / "out" / own).write_text(text)
    if own == "spec.yaml":  # A second time too.
        (folder / "out" / "provenance.json").touch()
    done = run("run", given, "--quick", "--out", folder / "out")
    assert "would be replaced" in str(done.exception)
    assert (folder / "out" / own).read_text() == text
    assert not (folder / "out" / "store").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no pipes of POSIX")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ("run one.yaml --jobs 1", "table.md"),
        (
            "pretrain molecules.csv --molecules 50 --batch-size 25 --jobs 1"
            " --encoder-option hidden_dim=8",
            "encoder.safetensors",
        ),
    ],
    ids=["run", "pretrain"],
)
def test_a_command_whose_reader_has_ended_writes_all(
    folder: Path, arguments: str, written: str, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in ``rnc-graph run ... | head -1``."""
    (folder / "one.yaml").write_text(
        "name: one\ndata: {path: molecules.csv, smiles: smiles, targets: [logS]}\nseeds: 1\n"
        "reference: plain\nencoders: {gcn: {hidden_dim: 8, layers: 1}}\n"
        "regression: {epochs: 1}\nmethods: [{name: plain, pretraining: null}]\nbaselines: [mean]\n"
    )
    monkeypatch.setattr("rnc_graph.pretraining.run.probe", lambda encoder: {})
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe:
        monkeypatch.setattr(sys, stream, pipe)
        app([*arguments.split(), "--out", "out"], standalone_mode=False)
    assert (folder / "out" / written).exists()


@pytest.mark.slow
def test_a_shipped_spec_is_copied_and_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("example", "esol")
    assert done.exit_code == 0, done.output
    shipped = (resource_dir("experiments") / "esol.yaml").read_text(encoding="utf-8")
    assert Path("esol.yaml").read_text(encoding="utf-8") == shipped
    again = run("example", "esol")
    assert "esol.yaml: exists; name another file with --out" in repr(again.exception)
    wrong = run("run", "esoll")
    assert "did you mean 'esol'" in str(wrong.exception)
    listed = run("run", "temperature", "--dry-run", "--seeds", "1")
    assert listed.exit_code == 0, listed.output + repr(listed.exception)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="not known there")
def test_a_process_takes_the_cores_that_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2, 5})
    assert workers(None) == 3
    assert workers(4) == 4


def test_logs_get_lines_where_no_bar_is_drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with bars.work_bar("training") as done:
        done(0.5)
    assert capsys.readouterr().err == ""  # Not every epoch.
    monkeypatch.setattr(bars, "_BETWEEN_LINES", -1.0)
    with bars.work_bar("training") as done:
        done(0.5)
    with bars.work_bar("predicting", unit="molecules") as done:
        done(12_000)
    first, second, *counted = capsys.readouterr().err.splitlines()
    assert first == "training: 0%"
    assert counted == ["predicting: 0 molecules", "predicting: 12,000 molecules"]
    assert second.startswith("training: 50%, about ")


def test_a_log_that_cannot_be_written_ends_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise self.reason

    monkeypatch.setattr(bars, "_BETWEEN_LINES", -1.0)
    for reason in (OSError(28, "No space left on device"), BrokenPipeError()):
        full = Full()
        full.reason = reason
        monkeypatch.setattr(sys, "stderr", full)
        say("the table: 52 molecules")
        with bars.work_bar("training") as done:
            done(0.5)
