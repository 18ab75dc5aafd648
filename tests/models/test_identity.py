"""A molecule is what it is, however its SMILES is written."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from rnc_graph import MoleculeRegressor, load_dataset
from rnc_graph.data import MoleculeTable
from rnc_graph.data.duplicates import find_duplicates
from rnc_graph.data.featurizer import FeaturizerConfig, molecule_arrays
from rnc_graph.data.smiles import canonical_smiles
from rnc_graph.data.splits import SPLITS, SplitSamples
from rnc_graph.errors import BadValueError
from rnc_graph.models import BadMoleculeWarning


@cache
def _rewritten(smiles: str, seed: int) -> str:
    """Return the SMILES with the atoms in another order."""
    written: str = Chem.MolToRandomSmilesVect(Chem.MolFromSmiles(smiles), 1, randomSeed=seed)[0]
    return written


def _molecules(count: int) -> list[str]:
    """Return the SMILES of so many molecules, half of them with stereochemistry."""
    table = load_dataset("lipophilicity")
    chiral = [s for s in table.smiles if "@" in s or "/" in s]
    return [*chiral[: count // 2], *table.smiles[: count - count // 2]]


def _agree(encoder: str, smiles: list[str], *, descriptors: bool) -> None:
    table = load_dataset("lipophilicity")
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
    other = [_rewritten(text, 1) for text in smiles]
    assert sum(a != b for a, b in zip(other, smiles, strict=True)) > 0.9 * len(smiles)
    np.testing.assert_allclose(model.predict(other), predicted, atol=1e-5, rtol=0)
    np.testing.assert_allclose(model.embed(other), embedded, atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["gin", "gcn", "mpnn"])
def test_predictions_and_embeddings_do_not_depend_on_how_molecules_are_written(encoder: str):
    _agree(encoder, _molecules(100), descriptors=False)


@pytest.mark.slow
def test_five_hundred_molecules_under_ten_writings_each() -> None:
    smiles = _molecules(500)
    config = FeaturizerConfig(fingerprints=True, canonical=True)
    expected = molecule_arrays(smiles, config)
    for seed in range(10):
        found = molecule_arrays([_rewritten(text, seed + 1) for text in smiles], config)
        # What descriptors are computed of.
        assert found.canonical == expected.canonical
        for name in ("atoms", "ends", "bonds", "atom_counts", "edge_counts", "fingerprints"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    _agree("gin", smiles, descriptors=True)


@pytest.mark.slow
def test_enantiomers_have_predictions_of_their_own() -> None:
    table = load_dataset("lipophilicity")
    model = MoleculeRegressor(networks=1, pretraining_epochs=1, epochs=2)
    model.fit(table.smiles[:100], table.targets[:100, 0])
    first, second, same = model.predict(["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "N[C@@H](C)C(=O)O"])
    assert first != second
    assert first == pytest.approx(same, abs=1e-5)


def _salted(smiles: str) -> str:
    return f"{smiles}.Cl"


def test_what_was_cleaned_in_training_is_cleaned_in_prediction(tmp_path: Path) -> None:
    table = load_dataset("lipophilicity")
    smiles = [_salted(text) if row % 2 else text for row, text in enumerate(table.smiles[:60])]
    given = {"networks": 1, "pretraining_epochs": 1, "epochs": 1, "descriptors": False}
    model = MoleculeRegressor(clean=True, **given).fit(smiles, table.targets[:60, 0])
    model.save(tmp_path / "model")
    asked = ["CCCCCCCN", "CCCCCCCN.Cl", "CC(=O)O", "CC(=O)[O-].[Na+]"]
    for one in (model, MoleculeRegressor.load(tmp_path / "model")):
        for values in (one.predict(asked), one.embed(asked)):
            np.testing.assert_array_equal(values[0], values[1])
            np.testing.assert_array_equal(values[2], values[3])
    with pytest.warns(BadMoleculeWarning, match="the metal Pt"):
        assert np.isnan(model.predict(["N[Pt](N)(Cl)Cl", "CC"])).tolist() == [True, False]


def test_rows_of_one_molecule_with_and_without_atom_maps_are_not_divided() -> None:
    table = load_dataset("lipophilicity")
    plain = [canonical_smiles(text) for text in table.smiles[:60]]
    mapped = [text for smiles in plain for text in (smiles, _mapped(smiles))]
    arrays = molecule_arrays(mapped, FeaturizerConfig(canonical=True))
    molecules = SplitSamples.of(
        MoleculeTable("mine", mapped, np.arange(120.0)[:, None], ["y"]), arrays.canonical
    )
    for name in ("random", "scaffold", "stratified"):
        split = SPLITS.make(name).split(molecules, 0, (0.8, 0.1, 0.1))
        parts = [{plain[row // 2] for row in rows} for rows in (split.train, split.test)]
        assert not parts[0] & parts[1]
    assert len(find_duplicates(arrays.canonical, molecules.targets).groups) == len(set(plain))
    with pytest.raises(BadValueError, match="both in X and in validation"):
        MoleculeRegressor(networks=0).fit(
            plain, np.arange(60.0), validation=(mapped[1:20:2], np.arange(10.0))
        )


def _mapped(smiles: str) -> str:
    molecule = Chem.MolFromSmiles(smiles)
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    return Chem.MolToSmiles(molecule)
