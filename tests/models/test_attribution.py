"""Contributions of atoms: what is masked, in whose order, and for whom there are none."""

from typing import Any

import numpy as np
import pytest
import torch
from rdkit import Chem
from torch import nn
from torch_geometric.data import Batch
from torch_geometric.nn import global_add_pool

from rnc_graph import MoleculeRegressor
from rnc_graph.data.features import featurize
from rnc_graph.data.schema import MASK
from rnc_graph.models import attribution
from rnc_graph.models.attribution import LARGEST

CHLORIDES = ["C" * left + "C(Cl)" * chlorides + "C" for left in range(10) for chlorides in range(4)]
COUNTS = np.array([text.count("Cl") for text in CHLORIDES], dtype=float)


def fitted(**arguments: Any) -> MoleculeRegressor:
    return MoleculeRegressor(validation_fraction=0.2, **arguments).fit(CHLORIDES, COUNTS)


@pytest.fixture(scope="module")
def kernel() -> MoleculeRegressor:
    return fitted(networks=0, descriptors=False, descriptor_models=["fingerprint-svr"])


@pytest.fixture(scope="module")
def network() -> MoleculeRegressor:
    small = {"hidden_dim": 8, "layers": 2}
    quick = {
        "objective": None,
        "epochs": 3,
        "encoder": "gin",
        "encoder_options": small,
        "descriptors": False,
    }
    return fitted(networks=1, descriptor_models=[], weights="equal", **quick)


def test_the_atoms_that_the_target_counts_contribute_most(kernel: MoleculeRegressor) -> None:
    (explained,) = kernel.explain(["ClCCCC(Cl)CC"])
    molecule = Chem.MolFromSmiles(explained.smiles)
    chlorine = np.array([atom.GetSymbol() == "Cl" for atom in molecule.GetAtoms()])
    assert explained.contributions.shape == (len(chlorine), 1)
    values = explained.contributions[:, 0]
    assert values[chlorine].min() > max(0.2, values[~chlorine].max())


def test_a_contribution_is_a_difference_of_predictions(kernel: MoleculeRegressor) -> None:
    (explained,) = kernel.explain(["ClCC[N+](C)(C)C"])
    assert explained.smiles == "C[N+](C)(C)CCCl"
    with_dummies = ["*[N+](C)(C)CCCl", "C*(C)(C)CCCl", "C[N+](C)(C)CC*"]
    whole, *masked = kernel.predict([explained.smiles, *with_dummies])
    assert explained.contributions[[0, 1, 6], 0] == pytest.approx(whole - np.array(masked))


def test_a_target_learned_as_a_logarithm_is_explained_in_its_units() -> None:
    members = {"networks": 0, "descriptors": False, "descriptor_models": ["fingerprint-svr"]}
    model = MoleculeRegressor(**members, target_transform="log10")  # type: ignore[arg-type]
    model.fit(CHLORIDES, 10**COUNTS)
    (explained,) = model.explain(["CCCCl"])
    whole, masked = np.log10(model.predict(["CCCCl", "CCC*"]))
    assert explained.contributions[3, 0] == pytest.approx(whole - masked)


def test_the_graph_of_a_network_is_masked_as_in_training(network: MoleculeRegressor) -> None:
    (explained,) = network.explain(["OCC(Cl)C"])
    graph = featurize([explained.smiles])[0][0]
    member, model = network.model_.members[0], network.model_
    (whole,) = network.predict([explained.smiles])
    for atom, contribution in enumerate(explained.contributions[:, 0].tolist()):
        masked = graph.clone()
        masked.x[atom] = MASK
        masked.edge_attr[(masked.edge_index == atom).any(dim=0)] = MASK
        parts = member.modules  # type: ignore[attr-defined]
        with torch.no_grad():
            features = parts["beside"]((Batch.from_data_list([masked]), torch.zeros(1, 0)))
            predicted = model.scaler.restore(parts["head"](features).double().numpy())
        assert contribution == pytest.approx(float(whole - predicted[0, 0]), abs=1e-5)


class Elements(nn.Module):
    """An encoder that looks up elements, and has no vector for a mask."""

    embedding_dim = 4

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(119, 4)

    def forward(self, data: Any) -> torch.Tensor:
        return global_add_pool(self.table(data.x[:, 0]), data.batch)


def test_an_encoder_without_a_mask_gets_dummies() -> None:
    model = fitted(
        encoder=Elements(),
        networks=1,
        objective=None,
        epochs=1,
        descriptors=False,
        descriptor_models=[],
        weights="equal",
    )
    (explained,) = model.explain(["ClCC"])
    whole, masked = model.predict(["CCCl", "CC*"])
    assert explained.contributions[2, 0] == pytest.approx(whole - masked, abs=1e-5)


def test_rows_stay_aligned_and_say_why_they_are_not_explained(kernel: MoleculeRegressor) -> None:
    long = "C" * (LARGEST + 1)
    found = kernel.explain(["CCl", "C1CC", long, "", "CCO"])
    assert [len(one.contributions) for one in found] == [2, 0, 0, 0, 3]
    assert [one.smiles for one in found] == ["CCl", "", long, "", "CCO"]
    assert [one.problem for one in found[:4]] == [
        "",
        "not a valid SMILES",
        f"{LARGEST + 1} atoms: at most {LARGEST} are explained",
        "no SMILES",
    ]


def test_a_molecule_is_explained_alike_alone_and_among_others(
    kernel: MoleculeRegressor, monkeypatch: pytest.MonkeyPatch
) -> None:
    (alone,) = kernel.explain(["OCC(Cl)C"])
    monkeypatch.setattr(attribution, "_BLOCK", 4)
    among = kernel.explain(["CCl", "CCCCl", "bad", "CC(Cl)CO", "C"])[3]
    assert among.smiles == alone.smiles
    assert among.contributions == pytest.approx(alone.contributions)


@pytest.mark.parametrize(
    "smiles", ["C", "c1cc[nH]c1", "[Na+].[O-]C(=O)c1ccccc1", "F/C=C/[C@H](O)F"]
)
def test_odd_molecules_are_explained(smiles: str, network: MoleculeRegressor) -> None:
    (explained,) = network.explain([smiles])
    assert len(explained.contributions) == Chem.MolFromSmiles(smiles).GetNumAtoms()
    assert np.isfinite(explained.contributions).all()
