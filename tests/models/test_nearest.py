"""The training molecules that are most similar to a new one."""

import numpy as np
import pytest

from rnc_graph import MoleculeRegressor
from rnc_graph.data import MoleculeTable
from rnc_graph.data.features import morgan_fingerprints
from rnc_graph.errors import BadValueError
from rnc_graph.models import TrainingMolecules

ALCOHOLS = ["C" * length + "O" for length in range(1, 25)]


@pytest.fixture(scope="module")
def model() -> MoleculeRegressor:
    quick = {"networks": 0, "descriptors": False, "descriptor_models": ["fingerprint-svr"]}
    return MoleculeRegressor(**quick).fit(ALCOHOLS, np.arange(24.0))  # type: ignore[arg-type]


def table(smiles: list[str], values: list[float]) -> MoleculeTable:
    return MoleculeTable("known.csv", smiles, np.array(values)[:, None], ["target"])


def test_they_are_molecules_that_the_model_has_seen(model: MoleculeRegressor) -> None:
    given = table(["c1ccccc1", "bad", "OCC", "CCCO", "CCO"], [9, 9, 1, 2, 3])
    known = TrainingMolecules.of(model.model_, given)
    # Two rows of ethanol are one molecule, with their mean.
    assert known.table.smiles == ["OCC", "CCCO"]
    assert known.table.targets[:, 0].tolist() == [2, 2]
    fingerprints = np.packbits(morgan_fingerprints(["CCCO", "CCO"]), axis=1)
    rows, similarity = known.nearest(fingerprints)
    assert rows.tolist() == [[1, 0], [0, 1]]
    assert similarity[:, 0].tolist() == [1, 1]
    bits = morgan_fingerprints(["CCCO", "CCO"]).astype(bool)
    assert similarity[0, 1] == pytest.approx((bits[0] & bits[1]).sum() / (bits[0] | bits[1]).sum())


def test_in_the_embedding_they_are_the_nearest_of_the_model() -> None:
    model = MoleculeRegressor(networks=1, pretraining_epochs=1, epochs=2, descriptor_models=[])
    model.fit(ALCOHOLS, np.arange(24.0))
    known = TrainingMolecules.of(model.model_, table(ALCOHOLS[::-1], [*range(24)]))
    embedding = model.embed(["CCCO", "CCBr"])
    rows, distance = known.nearest_by_embedding(embedding, count=2)
    every = np.linalg.norm(embedding[:, None] - model.embed(known.table.smiles), axis=2)
    assert distance == pytest.approx(np.sort(every)[:, :2])
    assert np.take_along_axis(every, rows, axis=1) == pytest.approx(distance)
    assert known.canonical[rows[0, 0]] == "CCCO"
    # Other molecules in the batch may change the last bits of an embedding.
    assert distance[0, 0] < 1e-3 < distance[0, 1]
    fingerprints = np.packbits(morgan_fingerprints(["CCCO", "CCBr"]), axis=1)
    by_structure, similarity = known.nearest(fingerprints, count=24)
    assert known.similarity(fingerprints, by_structure) == pytest.approx(similarity)


def test_a_model_without_an_embedding_says_so(model: MoleculeRegressor) -> None:
    known = TrainingMolecules.of(model.model_, table(["CO"], [0]))
    with pytest.raises(BadValueError, match="neither networks nor a member on an embedding"):
        known.nearest_by_embedding(np.zeros((1, 8)))


def test_another_table_is_an_error(model: MoleculeRegressor) -> None:
    with pytest.raises(BadValueError, match="none of its 1 molecules belongs to the model's train"):
        TrainingMolecules.of(model.model_, table(["c1ccccc1"], [1]))
    other = MoleculeTable("known.csv", ["CO"], np.zeros((1, 1)), ["logS"])
    with pytest.raises(BadValueError, match="expected the model's targets target, got logS"):
        TrainingMolecules.of(model.model_, other)


def test_repeats_of_a_logarithm_are_merged_as_logarithms() -> None:
    quick = {"networks": 0, "descriptors": False, "descriptor_models": ["fingerprint-svr"]}
    model = MoleculeRegressor(**quick, target_transform="log10")  # type: ignore[arg-type]
    model.fit(ALCOHOLS, np.arange(1.0, 25.0))
    given = table(["OCC", "CCCO", "CCO", "CCO"], [1, 7, 100, 0])
    known = TrainingMolecules.of(model.model_, given)
    assert known.table.targets[:, 0] == pytest.approx([10, 7])
    assert known.canonical == ["CCO", "CCCO"]
