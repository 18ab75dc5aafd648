"""The code of docs/serving.md: the service and the export."""

from pathlib import Path
from typing import Any

import pytest

from rnc_graph import MoleculeRegressor
from rnc_graph.data import MoleculeTable
from tests.test_docs import _blocks

SERVICE, _, EXPORT = _blocks("serving.md", "python")


@pytest.fixture(scope="module")
def model(esol: MoleculeTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "model"
    fitted = MoleculeRegressor(networks=0, descriptor_models=["svr"], weights="equal")
    fitted.fit(esol.smiles[:60], esol.targets[:60, 0]).save(folder)
    return folder


def test_the_service(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fastapi.testclient import TestClient

    monkeypatch.setenv("MODEL", str(model))
    found: dict[str, Any] = {"__name__": "service"}
    exec(compile(SERVICE, "serving.md", "exec"), found)
    client = TestClient(found["app"])
    smiles = ["CCO", "C1CC", "c1ccccc1"]
    answer = client.post("/predict", json={"smiles": smiles}).json()
    assert [row["smiles"] for row in answer["rows"]] == smiles
    values = MoleculeRegressor.load(model).predict_frame(smiles)["predicted_target"]
    assert answer["rows"][2]["predicted_target"] == pytest.approx(values[2])
    assert answer["rows"][1]["predicted_target"] is None
    (bad,) = answer["bad"]
    assert (bad["row"], bad["smiles"]) == (1, "C1CC")
    assert bad["reason"] == "not a valid SMILES"
    for query in ({"smiles": []}, {"smiles": "CCO"}, {"smiles": ["CCO"], "level": 1}):
        refused = client.post("/predict", json=query)
        assert refused.status_code == 422
        assert "smiles" in refused.text or "level" in refused.text


@pytest.mark.slow
def test_the_export_is_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    found: dict[str, Any] = {}
    exec(compile(EXPORT, "serving.md", "exec"), found)
    assert found["embedding"].shape == (4, 384)
