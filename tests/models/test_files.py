"""A model on disk: the same bits back, and a clear word about every damage."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rnc_graph import MoleculeRegressor
from rnc_graph.data import MoleculeTable
from rnc_graph.errors import RncGraphError
from rnc_graph.models.saving import CONFIG, FORMAT, WEIGHTS, load_model
from rnc_graph.workers import worker_pool

V1 = Path(__file__).parent / "data" / "v1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "model"
    copy.mkdir()
    for name in (CONFIG, WEIGHTS):
        (copy / name).write_bytes((V1 / name).read_bytes())
    return copy


@pytest.mark.parametrize("version", [*map(str, range(1, FORMAT + 1)), "5-embedding"])
def test_a_model_of_each_format_still_predicts_the_same(version: str) -> None:
    saved = V1.parent / f"v{version}"
    expected = json.loads((saved / "expected.json").read_text())
    model = MoleculeRegressor.load(saved)
    found = model.predict(expected["smiles"], return_interval=0.7)
    for values, name in zip(found, ("predicted", "low", "high"), strict=True):
        np.testing.assert_allclose(values, expected[name], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(model.embed(expected["smiles"]), expected["embedding"], rtol=1e-4)


@pytest.mark.parametrize("version", ["1", "4", "8"])
def test_an_old_model_that_is_saved_anew_predicts_the_same(version: str, tmp_path: Path) -> None:
    old = MoleculeRegressor.load(V1.parent / f"v{version}")
    old.save(tmp_path / "again")
    smiles = ["CCO", "c1ccccc1O"]
    again = MoleculeRegressor.load(tmp_path / "again").predict(smiles, return_interval=0.7)
    for expected, found in zip(old.predict(smiles, return_interval=0.7), again, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("version", "spread_of"), [(4, "prediction"), (5, "members"), (8, "members"), (9, "votes")]
)
def test_intervals_keep_the_spread_that_they_were_calibrated_with(
    version: int, spread_of: str
) -> None:
    assert load_model(V1.parent / f"v{version}").spread_of == spread_of


@pytest.mark.slow
def test_the_bits_come_back_in_another_process(esol: MoleculeTable, tmp_path: Path) -> None:
    smiles, expected = esol.smiles[:40], {}
    for encoder in ("gin", "gcn", "mpnn"):
        model = MoleculeRegressor(
            encoder=encoder,
            encoder_options={"hidden_dim": 8},
            networks=1,
            pretraining_epochs=1,
            epochs=1,
            descriptors=encoder == "gin",
        )
        model.fit(smiles, esol.targets[:40, 0]).save(tmp_path / encoder)
        expected[encoder] = model.predict(smiles).tobytes()
    with worker_pool(1, "lost") as pool:
        for name, bits in expected.items():
            assert pool.submit(_predicted, tmp_path / name, smiles).result() == bits


def _predicted(folder: Path, smiles: list[str]) -> bytes:
    torch.set_num_threads(1)
    return MoleculeRegressor.load(folder).predict(smiles).tobytes()


def rehashed(folder: Path, **changes: Any) -> None:
    """Change a config, and make its digests fit what lies in the folder."""
    config = {**json.loads((folder / CONFIG).read_text()), **changes}
    config["weights_sha256"] = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    rest = {key: value for key, value in config.items() if key != "config_sha256"}
    text = json.dumps(rest, sort_keys=True).encode()
    config["config_sha256"] = hashlib.sha256(text).hexdigest()
    (folder / CONFIG).write_text(json.dumps(config))


def _config(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"targets": ["other"]}, "has been edited"),
        ({"units": ["mg"]}, "has been edited"),
        ({"domain_threshold": 0.9}, "has been edited"),
        ({"weights_sha256": "0" * 64}, "has been edited"),
        ({"format": FORMAT + 1, "versions": {"rnc_graph": "9.0"}}, r"rnc_graph 9\.0 .* upgrade"),
        ({"format": "1"}, "is not the config of a model"),
        ({"kind": "other"}, "is not the config of a model"),
        ({"weights": "../../secret"}, "weights: Extra inputs are not permitted"),
        ({"settings": {"encoder": "gni"}}, "unknown encoder 'gni'"),
    ],
)
def test_an_edited_config_is_refused(folder: Path, changes: dict[str, Any], reason: str) -> None:
    _config(folder, **changes)
    with pytest.raises(RncGraphError, match=reason):
        load_model(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}', "\xff"])
def test_what_is_no_config_is_refused(folder: Path, text: str) -> None:
    (folder / CONFIG).write_bytes(text.encode("latin-1"))
    with pytest.raises(RncGraphError, match=r"config\.json: is no"):
        load_model(folder)


@pytest.mark.parametrize("left", [0, 7, 100, -1])
def test_truncated_weights_are_refused(folder: Path, left: int) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:left])
    with pytest.raises(RncGraphError, match="truncated, edited, or of another model"):
        load_model(folder)


def test_edited_weights_are_refused(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    tensors["scaler.mean"] += 1
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(RncGraphError, match="truncated, edited, or of another model"):
        load_model(folder)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_missing_file_and_a_link_to_elsewhere_are_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(RncGraphError, match=f"{name}: missing"):
        load_model(folder)
    (folder / name).symlink_to(V1 / name)
    with pytest.raises(RncGraphError, match="is a link to elsewhere"):
        load_model(folder)


def test_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(RncGraphError, match="no such folder"):
        load_model(tmp_path / "none")
    (tmp_path / "runs.json").write_text("{}")
    with pytest.raises(RncGraphError, match="is an experiment, not a model"):
        load_model(tmp_path)


def test_a_link_to_the_whole_folder_is_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(folder)
    assert load_model(tmp_path / "latest").targets == ["target"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"encoder_options": {"layers": 1_000_000_000}}, "layers: expected at most 100"),
        ({"encoder_options": {"hidden_dim": 10**12}}, "hidden_dim: expected at most"),
        ({"encoder_options": {"hidden_dim": float("inf")}}, "hidden_dim: expected at most"),
        ({"networks": 10**9}, "networks"),
        ({"views": 10**9}, "views"),
        ({"head_hidden": [10**12]}, "head_hidden"),
        ({"head_hidden": [8] * 100_000}, "head_hidden"),
    ],
)
def test_a_hostile_config_is_refused_before_anything_is_built(
    folder: Path, settings: dict[str, Any], reason: str
) -> None:
    known = json.loads((folder / CONFIG).read_text())["settings"]
    rehashed(folder, settings={**known, **settings})
    with pytest.raises(RncGraphError, match=reason):
        load_model(folder)


def test_hostile_files_are_refused(folder: Path) -> None:
    weights = (folder / WEIGHTS).read_bytes()
    with (folder / WEIGHTS).open("ab") as file:
        file.truncate(40_000_000_000)
    with pytest.raises(RncGraphError, match=r"expected at most .* bytes"):
        load_model(folder)
    (folder / WEIGHTS).unlink()
    os.mkfifo(folder / WEIGHTS)
    with pytest.raises(RncGraphError, match="expected a regular file"):
        load_model(folder)
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).write_bytes(weights)
    (folder / CONFIG).write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(RncGraphError, match="is no"):
        load_model(folder)


def test_flipped_bits_are_refused(folder: Path) -> None:
    random = np.random.default_rng(0)
    for name in (CONFIG, WEIGHTS):
        content = (folder / name).read_bytes()
        for _ in range(50):
            place, bit = random.integers(len(content)), random.integers(8)
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            (folder / name).write_bytes(bytes(flipped))
            with pytest.raises(RncGraphError):
                load_model(folder)
        (folder / name).write_bytes(content)
    assert load_model(folder)


def test_a_config_names_no_code_that_is_not_trusted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran, package = tmp_path / "ran", "hostile_encoder"
    source = f"open({str(ran)!r}, 'w')\nfrom torch_geometric.nn.models import AttentiveFP as Own\n"
    (tmp_path / f"{package}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    known = json.loads((folder / CONFIG).read_text())["settings"]
    command = {"command": f"touch {ran}"}
    evaluated = {"input_args": f"x: open({str(ran)!r}, 'w')", "modules": []}
    for encoder, options in (
        ("os.system", command),
        (f"{package}.Own", {}),
        ("torch_geometric.nn.Sequential", evaluated),
    ):
        rehashed(folder, settings={**known, "encoder": encoder, "encoder_options": options})
        with pytest.raises(RncGraphError, match="would run its module's code"):
            MoleculeRegressor.load(folder, trusted=["hostile", "o"])
        assert not ran.exists()
    rehashed(folder, settings={**known, "encoder": f"{package}.Own", "encoder_options": {}})
    with pytest.raises(RncGraphError, match=r"missing .* 'hidden_channels'"):
        load_model(folder, trusted=[package])
    assert ran.exists()
    ran.unlink()
    rehashed(folder, settings={**known, "encoder": "os.system", "encoder_options": command})
    with pytest.raises(RncGraphError, match=r"expected a subclass of torch\.nn\.Module"):
        load_model(folder, trusted=["os"])
    assert not ran.exists()


def test_another_model_is_not_saved_beside_an_old_card(folder: Path) -> None:
    others = ("README.md", "split.json", "predictions.csv", "notes.txt")
    for name in others:
        (folder / name).write_text("{}")
    old = MoleculeRegressor.load(folder)
    old.save(folder)  # The same model: its card is right.
    assert {path.name for path in folder.iterdir()} == {CONFIG, WEIGHTS, *others}
    smiles = ["C" * length for length in range(1, 25)]
    quick: dict[str, Any] = {"descriptor_models": ["fingerprint-svr"], "descriptors": False}
    new = MoleculeRegressor(networks=0, **quick).fit(smiles, np.arange(24.0))
    (folder / "split.json").rename(folder / "kept")
    new.save(folder)  # No folder of `rnc-graph train`: the files may be anyone's.
    assert (folder / "README.md").exists()
    (folder / "kept").rename(folder / "split.json")
    old.save(folder)
    assert {path.name for path in folder.iterdir()} == {CONFIG, WEIGHTS, "notes.txt"}
