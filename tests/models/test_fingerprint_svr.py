"""The kernel member: its kernel is RDKit's Tanimoto similarity, its SVR is scikit-learn's."""

from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import DataStructs
from rdkit.Chem import rdFingerprintGenerator
from sklearn.svm import SVR

from rnc_graph import MoleculeRegressor
from rnc_graph.data import MoleculeTable
from rnc_graph.data.features import MoleculeFeatures, fingerprint_counts
from rnc_graph.data.featurizer import FeaturizerConfig, molecule_arrays
from rnc_graph.data.fingerprints import FINGERPRINTS
from rnc_graph.data.smiles import parse_smiles
from rnc_graph.models import fingerprint_svr
from rnc_graph.models.fingerprint_svr import FingerprintSVR, MinMaxKernel, own_kernel
from rnc_graph.models.gaussian_process import GaussianProcess
from rnc_graph.models.inputs import Inputs

# Long chains have counts beyond any bit; methane has no pair, ethane no torsion.
ODD = ["C", "CC", "C" * 60, "C" * 400, "[Na+].[Cl-]", "OC1CCCCC1"]
GENERATORS = {
    "morgan": rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=4096),
    "feature-morgan": rdFingerprintGenerator.GetMorganGenerator(
        radius=2,
        fpSize=4096,
        atomInvariantsGenerator=rdFingerprintGenerator.GetMorganFeatureAtomInvGen(),
    ),
    "atom-pairs": rdFingerprintGenerator.GetAtomPairGenerator(fpSize=4096, countSimulation=False),
    "torsions": rdFingerprintGenerator.GetTopologicalTorsionGenerator(
        fpSize=4096, countSimulation=False
    ),
}


def _inputs(smiles: list[str]) -> Inputs:
    features = MoleculeFeatures.of(molecule_arrays(smiles, FeaturizerConfig(canonical=True)))
    return Inputs.of(features, np.arange(len(smiles)), None)


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_the_kernel_is_tanimoto_similarity_on_counts(esol: MoleculeTable, name: str) -> None:
    rows, columns = [*ODD, *esol.smiles[:90]], [*esol.smiles[60:160], *ODD[::-1]]
    counts = [fingerprint_counts(smiles, [name])[name] for smiles in (rows, columns)]
    kernel = MinMaxKernel(counts[1])(counts[0])
    bulk = [GENERATORS[name].GetCountFingerprint(parse_smiles(text)) for text in columns]
    for text, row in zip(rows, kernel, strict=True):
        own = GENERATORS[name].GetCountFingerprint(parse_smiles(text))
        expected = np.array(DataStructs.BulkTanimotoSimilarity(own, bulk))
        # RDKit says 1 for two empty fingerprints.
        empty = [not own.GetNonzeroElements() and not f.GetNonzeroElements() for f in bulk]
        np.testing.assert_allclose(row, np.where(empty, 0, expected), atol=1e-12)


def test_each_target_is_thinned_out_among_the_molecules_that_have_it(
    esol: MoleculeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FingerprintSVR, "largest", 10)
    targets = torch.full((40, 3), torch.nan)
    targets[:, 0] = torch.linspace(-1, 1, 40)
    targets[1:20:2, 1] = torch.linspace(-1, 1, 10)  # None of every fourth molecule.
    inputs, train = _inputs(esol.smiles[:40]), torch.arange(40)
    folds = [train % 5 == number for number in range(4)]
    found = FingerprintSVR(3).fit(inputs, targets, train).predict(inputs)
    votes = FingerprintSVR(3).cross_predict(inputs, targets, train, folds)
    for target, rows in ((0, train[::4]), (1, train[1:20:2])):
        alone = FingerprintSVR(1).fit(inputs, targets[:, [target]], rows).predict(inputs)
        np.testing.assert_allclose(found[:, target], alone[:, 0], atol=1e-12)
        predicted = rows[torch.stack([fold[rows] for fold in folds]).any(0)]
        assert np.isfinite(votes[predicted, target]).all()
        assert np.isfinite(votes[:, target]).sum() <= len(rows)
    np.testing.assert_array_equal(found[:, 2], 0)
    assert np.isnan(votes[:, 2]).all()


def test_a_molecule_too_large_for_pairs_of_atoms_is_refused(esol: MoleculeTable) -> None:
    options = {"networks": 0, "descriptors": False, "weights": "equal"}
    model = MoleculeRegressor(**options, descriptor_models=["fingerprint-svr"])
    model.fit(esol.smiles[:60], esol.targets[:60, 0])
    (good, large) = model.predict_frame(["CCO", "C" * 1_100])["problem"]
    assert good == ""
    assert "1,100 atoms" in large


def test_without_descriptors_it_is_still_a_member(esol: MoleculeTable) -> None:
    model = MoleculeRegressor(
        networks=0, descriptors=False, descriptor_models=["svr", "fingerprint-svr"]
    )
    model.fit(esol.smiles[:40], esol.targets[:40, 0])
    assert [member.kind for member in model.model_.members] == ["fingerprint-svr"]


def test_blocks_do_not_change_the_kernel(
    esol: MoleculeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = fingerprint_counts(esol.smiles[:50], FINGERPRINTS)
    whole = own_kernel(counts)
    monkeypatch.setattr(fingerprint_svr, "_BLOCK", 7)
    np.testing.assert_array_equal(own_kernel(counts), whole)
    np.testing.assert_array_equal(whole, whole.T)


def test_it_is_scikit_learns_svr_for_each_target(esol: MoleculeTable) -> None:
    targets = torch.from_numpy(esol.targets[:120]).float().repeat(1, 2)
    targets[:30, 1] = torch.nan
    inputs, train = _inputs(esol.smiles[:120]), torch.arange(100)
    member = FingerprintSVR(2).fit(inputs, targets, train)
    found = member.predict(inputs)
    # RDKit's torsions of small rings depend on the order of the atoms.
    counts = fingerprint_counts(inputs.smiles, FINGERPRINTS)
    kernel = own_kernel(counts)
    for target, first in ((0, 0), (1, 30)):
        known = np.arange(first, 100)
        theirs = SVR(kernel="precomputed", C=3.0, epsilon=0.05).fit(
            kernel[np.ix_(known, known)], targets[known, target].double().numpy()
        )
        np.testing.assert_allclose(found[:, target], theirs.predict(kernel[:, known]), atol=1e-10)
    loaded = FingerprintSVR(2).load(member.tensors())
    np.testing.assert_array_equal(loaded.predict(inputs), found)


@pytest.mark.parametrize("kind", [FingerprintSVR.kind, GaussianProcess.kind])
def test_a_saved_model_with_the_member_predicts_the_same_bits(
    esol: MoleculeTable, tmp_path: Path, kind: str
) -> None:
    model = MoleculeRegressor(networks=0, descriptor_models=[kind])
    model.fit(esol.smiles[:60], esol.targets[:60, 0]).save(tmp_path)
    loaded = MoleculeRegressor.load(tmp_path)
    new = [*esol.smiles[60:90], *ODD]
    np.testing.assert_array_equal(loaded.predict(new), model.predict(new))
    # However a molecule is written, it is the same.
    np.testing.assert_array_equal(model.predict(["OCC", "CC"]), model.predict(["CCO", "CC"]))
