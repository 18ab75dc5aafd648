"""A molecule is what it is, however its SMILES is written."""

import numpy as np
import pytest
from rdkit import Chem

from rnc_graph import MoleculeRegressor, load_dataset


def _rewritten(smiles: str, seed: int) -> str:
    """Return the SMILES with the atoms in another order."""
    written: str = Chem.MolToRandomSmilesVect(Chem.MolFromSmiles(smiles), 1, randomSeed=seed)[0]
    return written


def _agree(encoder: str, molecules: int, *, descriptors: bool) -> None:
    table = load_dataset("lipophilicity")
    chiral = [s for s in table.smiles if "@" in s or "/" in s]
    smiles = [*chiral[: molecules // 2], *table.smiles[: molecules - molecules // 2]]
    model = MoleculeRegressor(
        encoder=encoder,
        networks=1,
        pretraining_epochs=1,
        epochs=2,
        head_hidden=[16],
        descriptors=descriptors,
    ).fit(table.smiles[:100], table.targets[:100, 0])
    predicted, embedded = model.predict(smiles), model.embed(smiles)
    assert np.isfinite(predicted).all()
    for seed in range(10):
        other = [_rewritten(text, seed + 1) for text in smiles]
        assert sum(a != b for a, b in zip(other, smiles, strict=True)) > 0.9 * molecules
        np.testing.assert_allclose(model.predict(other), predicted, atol=1e-5, rtol=0)
        np.testing.assert_allclose(model.embed(other), embedded, atol=1e-5, rtol=0)


@pytest.mark.parametrize("encoder", ["gin", "gcn", "mpnn"])
def test_predictions_and_embeddings_do_not_depend_on_how_molecules_are_written(encoder: str):
    _agree(encoder, molecules=100, descriptors=False)


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["gin", "gcn", "mpnn"])
def test_five_hundred_molecules_under_ten_writings_each(encoder: str) -> None:
    _agree(encoder, molecules=500, descriptors=True)


def test_enantiomers_have_predictions_of_their_own() -> None:
    table = load_dataset("lipophilicity")
    model = MoleculeRegressor(networks=1, pretraining_epochs=1, epochs=2)
    model.fit(table.smiles[:100], table.targets[:100, 0])
    first, second, same = model.predict(["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "N[C@@H](C)C(=O)O"])
    assert first != second
    assert first == pytest.approx(same, abs=1e-5)
