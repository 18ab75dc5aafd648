"""A model that is renewed with new measurements."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from rnc_graph.cli.update import load_old, old_arguments, update_section, validation_share
from rnc_graph.data import MoleculeTable
from rnc_graph.errors import BadValueError, RncGraphError
from rnc_graph.models import load_model, make_settings
from tests.shell import run, written

pytestmark = pytest.mark.slow

QUICK = ["--no-baselines", "--jobs", "1"]
MODEL = ["--networks", "0", "--no-descriptors", "--member", "fingerprint-svr", "--seed", "3"]
COLUMNS = ["--target", "sol", "--smiles", "compound", "--id", "name", "--weight", "w"]


@pytest.fixture(scope="module")
def folder(esol: MoleculeTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an old and a new table, and a model of each."""
    path = tmp_path_factory.mktemp("renewed")
    frame = pd.DataFrame(
        {
            "name": [f"m{number}" for number in range(110)],
            "compound": esol.smiles[:110],
            "sol": 10 ** esol.targets[:110, 0],
            "w": 1.5,
        }
    )
    frame.iloc[:60].to_csv(path / "old.csv", index=False)
    # In another order, and without one of the old molecules.
    frame.iloc[1:].sample(frac=1, random_state=0).to_csv(path / "new.csv", index=False)
    options = ["--unit", "mol/L", "--transform", "log10", "--merge", "mean", "--test-fraction=0.2"]
    options += ["--set", "learning_rate=5e-4", "--set", "objective_options={temperature: 1.5}"]
    old = ["train", path / "old.csv", *COLUMNS, *options, *MODEL, *QUICK, "--out", path / "old"]
    assert "Compared with" not in written(run(*old))
    return path


@pytest.mark.slow
def test_an_update_keeps_options_and_split(folder: Path, tmp_path: Path) -> None:
    updating = ["train", folder / "new.csv", "--update", folder / "old", *QUICK]
    changed = ["--set", "learning_rate=1e-3", "--weights", "equal"]
    said = written(run(*updating, *changed, "--out", tmp_path / "new"))
    assert "1 molecule of it are not in the table" in said
    old, new = load_model(folder / "old"), load_model(tmp_path / "new")
    assert (new.targets, new.units, new.id_column) == (["sol"], ["mol/L"], "name")
    assert new.settings == old.settings.model_copy(
        update={"learning_rate": 1e-3, "weights": "equal", "target_transform": ["log10"]}
    )
    assert new.table == old.table
    assert new.table is not None
    assert (new.table.merge, new.table.weight, new.table.seed) == ("mean", "w", 3)
    sets = [
        json.loads((path / "split.json").read_text())["digests"]
        for path in (folder / "old", tmp_path / "new")
    ]
    lacking = [set(sets[0][name]) - set(sets[1][name]) for name in sets[0]]
    assert sum(map(len, lacking)) == 1
    count = len(sets[0]["test"]) - len(lacking[2])
    assert f"log10 of sol, {count} rows, {count} molecules" in said
    card = (tmp_path / "new" / "README.md").read_text()
    assert "## Compared with the old model" in card


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--split", "random"], "--split: excluded by --update, which keeps the split of"),
        (["--split-file", "s.json"], "--split-file: excluded by --update"),
        (["--update", "none"], "none: no such folder"),
        (["--target", "gone"], "no column 'gone'"),
        (["--unit", "mM"], "--unit sol=mM: expected mol/L, the unit of"),
        (["--quick"], "--quick: excluded by --update, which keeps the old options"),
    ],
)
def test_what_an_update_cannot_be(
    folder: Path, tmp_path: Path, options: list[str], reason: str
) -> None:
    updating = ["train", folder / "new.csv", "--update", folder / "old", *QUICK]
    result = run(*updating, *options, "--out", tmp_path / "m")
    assert isinstance(result.exception, RncGraphError), result.output
    assert reason in str(result.exception)
    assert not (tmp_path / "m").exists()


def test_each_target_keeps_its_unit_and_transform(folder: Path) -> None:
    old = load_old(folder / "old", {})
    kept = ["--unit=sol=mol/L", "--transform=sol=log10"]
    assert set(kept) <= set(old_arguments(old, {}))
    assert set(kept) <= set(old_arguments(old, {"target": ["sol", "other"]}))
    given = old_arguments(old, {"target": ["sol", "other"], "unit": ["other=mg"]})
    assert set(kept) <= set(given)
    assert kept[0] not in old_arguments(old, {"unit": ["sol=mM"]})
    assert kept[1] not in old_arguments(old, {"transform": ["none"]})
    assert not any("sol=" in text for text in old_arguments(old, {"target": ["other"]}))


def test_bad_rows_are_refused_where_they_were(folder: Path) -> None:
    old = load_model(folder / "old")
    assert old.table is not None
    strict = replace(old, table=old.table.model_copy(update={"on_bad": "raise"}))
    assert "--on-bad=raise" in old_arguments(strict, {})
    assert "--on-bad=raise" not in old_arguments(strict, {"on_bad": "skip"})
    # Models saved without it skip bad rows.
    assert "--on-bad=skip" in old_arguments(old, {})


def test_the_number_of_networks_is_asked_for_again_or_kept(folder: Path) -> None:
    old = load_old(folder / "old", {})
    assert old.table is not None
    assert "--networks=0" in old_arguments(old, {})
    decided = replace(old, table=old.table.model_copy(update={"networks": "auto"}))
    assert "--networks=auto" in old_arguments(decided, {})
    # Models of earlier versions do not know what was asked for.
    unknown = replace(old, table=old.table.model_copy(update={"networks": ""}))
    assert "--networks=0" in old_arguments(unknown, {})


def test_a_trial_renewed_is_a_trial(folder: Path) -> None:
    old = load_old(folder / "old", {})
    assert old.table is not None
    assert "--quick" not in old_arguments(old, {})
    trial = replace(old, table=old.table.model_copy(update={"quick": True}))
    assert "--quick" in old_arguments(trial, {})


def test_epochs_are_those_of_the_old_model_or_of_another_encoder(folder: Path) -> None:
    old = load_old(folder / "old", {})
    trained = make_settings(encoder="gin", head_epochs=5, networks=1)
    kept = old_arguments(replace(old, settings=trained), {})
    assert {"--epochs=80", "--pretraining-epochs=30", "--set=head_epochs=5"} <= set(kept)
    others = old_arguments(replace(old, settings=trained), {"encoder": "gin-moses"})
    assert not any("epochs" in text for text in others)


def test_new_molecules_get_a_validation_set_where_a_column_made_one(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "old", tmp_path / "old")
    assert validation_share(tmp_path / "old") == 0
    path = tmp_path / "old" / "split.json"
    split = json.loads(path.read_text())
    sets = split["digests"]
    count = sum(map(len, sets.values()))
    sets["validation"], sets["train"] = sets["train"][:9], sets["train"][9:]
    path.write_text(json.dumps(split))
    assert validation_share(tmp_path / "old") == pytest.approx(9 / count, abs=1e-4)
    old = load_old(tmp_path / "old", {})
    assert "--validation-fraction=0.15" in old_arguments(old, {}, 0.15)
    given = old_arguments(old, {"validation_fraction": 0.2}, 0.15)
    assert not any(text.startswith("--validation") for text in given)


def test_a_model_whose_split_knows_no_molecules(folder: Path, tmp_path: Path) -> None:
    """As earlier versions wrote it, or models that were saved in Python have none."""
    shutil.copytree(folder / "old", tmp_path / "old")
    path = tmp_path / "old" / "split.json"
    split = json.loads(path.read_text())
    del split["digests"]
    path.write_text(json.dumps(split))
    with pytest.raises(RncGraphError, match=r"split\.json: an earlier version wrote it"):
        load_old(tmp_path / "old", {})
    path.unlink()
    with pytest.raises(RncGraphError, match=r"split\.json: cannot be read"):
        load_old(tmp_path / "old", {})


def test_another_table_is_no_update(folder: Path, tmp_path: Path) -> None:
    other = pd.read_csv(folder / "new.csv")
    other["compound"] = [f"{'C' * (row + 1)}[Si](C)(C)C" for row in range(len(other))]
    other.to_csv(tmp_path / "other.csv", index=False)
    updating = ["train", tmp_path / "other.csv", "--update", folder / "old", *QUICK]
    result = run(*updating, "--out", tmp_path / "m")
    assert "is the split of another table: " in str(result.exception)


def test_fractions_divide_new_molecules_alone(folder: Path, tmp_path: Path) -> None:
    updating = ["train", folder / "new.csv", "--update", folder / "old", *QUICK]
    said = written(run(*updating, "--test-fraction", 0.5, "--out", tmp_path / "new"))
    options = "--validation-fraction and --test-fraction"
    [counts] = re.findall(rf"which alone are divided by {options} \((.*?)\)", said)
    train, none, test = (int(text.split()[1]) for text in counts.split(", "))
    assert none == 0
    assert abs(train - test) < 25


def test_what_cannot_be_compared_costs_no_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise BadValueError("no row is new to both models")

    monkeypatch.setattr("rnc_graph.cli.update._compare_with_old", refuse)
    old = load_old(folder / "old", {})
    [section] = update_section(old, folder / "old", None, None, 1)  # type: ignore[arg-type]
    assert section[-1] == "- not compared with the old model: no row is new to both models"
    assert "not compared with the old model" in capsys.readouterr().err
