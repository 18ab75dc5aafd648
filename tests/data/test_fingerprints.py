import numpy as np

from rnc_graph.data import MoleculeTable
from rnc_graph.data.features import fingerprint_counts
from rnc_graph.data.featurizer import FeaturizerConfig, molecule_arrays
from rnc_graph.data.fingerprints import FINGERPRINTS


def test_the_featurizer_counts_what_the_canonical_smiles_has(esol: MoleculeTable) -> None:
    # Next to descriptors, which compute more of a molecule; a bad one has no counts.
    smiles = ["OCC", "C(", "[CH3:1][13CH2]O", "C[C@H](F)Cl", "c1ccccc1O", *esol.smiles[:40]]
    config = FeaturizerConfig(descriptors=True, canonical=True)
    arrays = molecule_arrays(smiles, config, FINGERPRINTS)
    assert [bad.row for bad in arrays.bad] == [1]
    good = [row for row in range(len(smiles)) if row != 1]
    expected = fingerprint_counts([arrays.canonical[row] for row in good], FINGERPRINTS)
    for name, counts in arrays.counts.items():
        assert counts[[1]].nnz == 0
        np.testing.assert_array_equal(counts[good].toarray(), expected[name].toarray())
        assert counts[[4]].nnz
    assert not molecule_arrays(smiles[:1], config).counts
