"""The members without pickles predict as scikit-learn's own do."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from rdkit import DataStructs
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.svm import SVR

from rnc_graph.data import MoleculeTable, Subset
from rnc_graph.data.features import MoleculeFeatures, fingerprint_counts
from rnc_graph.data.featurizer import FeaturizerConfig, descriptor_names, molecule_arrays
from rnc_graph.data.fingerprints import FINGERPRINTS
from rnc_graph.data.smiles import parse_smiles
from rnc_graph.encoders import ENCODERS
from rnc_graph.errors import BadValueError
from rnc_graph.models.domain import Domain
from rnc_graph.models.extra_trees import ExtraTrees, FingerprintTrees
from rnc_graph.models.inputs import EMBEDDING, DescriptorScaler, Inputs
from rnc_graph.models.members import QUICK
from rnc_graph.models.network import _WithDescriptors
from rnc_graph.models.quick import step_of
from rnc_graph.models.support_vectors import EmbeddingVectors, SupportVectors
from rnc_graph.training.inference import moved

CONFIG = FeaturizerConfig(descriptors=True, fingerprints=True)


def _inputs(table: MoleculeTable, embedding: str | None = None) -> tuple[Inputs, torch.Tensor]:
    features = MoleculeFeatures.of(molecule_arrays(table.smiles[:120], CONFIG))
    scaler = DescriptorScaler.fit(descriptor_names(), features.descriptors[:100])
    inputs = Inputs.of(features, np.arange(120), scaler, embedding=embedding)
    targets = torch.from_numpy(table.targets[:120]).float().repeat(1, 2)
    targets[:30, 1] = torch.nan
    return inputs, targets


def test_training_and_selection_share_the_molecules_on_the_device(esol: MoleculeTable) -> None:
    inputs, targets = _inputs(esol)
    both = _WithDescriptors(inputs, inputs.scores)
    train, selection = (
        moved(Subset(both, rows, targets[rows]), torch.device("meta")).inputs
        for rows in (torch.arange(100), torch.arange(100, 120))
    )
    assert train.molecules.graphs.packed is selection.molecules.graphs.packed
    assert train.molecules.graphs.device == train.descriptors.device == torch.device("meta")
    assert both.nbytes > inputs.nbytes == inputs.graphs.nbytes > 1000
    batch, descriptors = both.batch(torch.tensor([3, 5]))
    assert batch.num_graphs == len(descriptors) == 2


def test_support_vectors(esol: MoleculeTable) -> None:
    inputs, targets = _inputs(esol)
    scores = inputs.scores.double().numpy()
    found = SupportVectors(2).fit(inputs, targets, torch.arange(100)).predict(inputs)
    for target, first in ((0, 0), (1, 30)):
        theirs = SVR(C=10.0, epsilon=0.05).fit(
            scores[first:100], targets[first:100, target].double().numpy()
        )
        np.testing.assert_allclose(found[:, target], theirs.predict(scores), atol=1e-10)


@pytest.mark.parametrize("kind", [SupportVectors, EmbeddingVectors])
def test_without_a_support_vector_the_intercept_is_predicted(
    esol: MoleculeTable, kind: type[SupportVectors]
) -> None:
    inputs, targets = _inputs(esol, embedding=EMBEDDING)
    member = kind(1).fit(inputs, torch.full_like(targets[:, :1], 0.5), torch.arange(100))
    assert not len(member.tensors()["0.vectors"])
    assert (kind(1).load(member.tensors()).predict(inputs) == 0.5).all()


@pytest.mark.parametrize("described", [True, False])
def test_support_vectors_on_embeddings(esol: MoleculeTable, described: bool) -> None:
    config = FeaturizerConfig(descriptors=described, canonical=True)
    features = MoleculeFeatures.of(molecule_arrays(esol.smiles[:120], config))
    scaler = DescriptorScaler.fit(descriptor_names(), features.descriptors) if described else None
    inputs = Inputs.of(features, np.arange(120), scaler, embedding=EMBEDDING)
    targets = torch.from_numpy(esol.targets[:120]).float()
    graphs = features.graphs.batch(torch.arange(120))
    expected = ENCODERS.make(EMBEDDING).eval()(graphs).detach()
    torch.testing.assert_close(inputs.embedding, expected, rtol=1e-4, atol=1e-4)
    columns = StandardScaler().fit(inputs.embedding[:100]).transform(inputs.embedding.double())
    if described:
        scores = inputs.scores.double().numpy()
        columns = np.hstack([scores / scores.shape[1] ** 0.5, columns / columns.shape[1] ** 0.5])
    theirs = SVR(C=10.0, epsilon=0.05).fit(columns[:100], targets[:100, 0].double().numpy())
    member = EmbeddingVectors(1).fit(inputs, targets, torch.arange(100))
    for found in (member, EmbeddingVectors(1).load(member.tensors())):
        np.testing.assert_allclose(
            found.predict(inputs.take(torch.arange(90, 120)))[:, 0],
            theirs.predict(columns[90:]),
            atol=1e-6,
        )


def test_support_vectors_on_the_embedding_alone_still_load(esol: MoleculeTable) -> None:
    inputs, targets = _inputs(esol, embedding=EMBEDDING)
    without = replace(inputs, scores=inputs.scores[:, :0])
    old = EmbeddingVectors(2).fit(without, targets, torch.arange(100))
    found = EmbeddingVectors(2).load(old.tensors()).predict(inputs)
    np.testing.assert_array_equal(found, old.predict(without))


def test_extra_trees(esol: MoleculeTable) -> None:
    inputs, targets = _inputs(esol)
    scores = inputs.scores.numpy()
    found = ExtraTrees(2).fit(inputs, targets, torch.arange(100), seed=3).predict(inputs)
    for target, first in ((0, 0), (1, 30)):
        theirs = ExtraTreesRegressor(300, max_features=1 / 3, random_state=3).fit(
            scores[first:100], targets[first:100, target].double().numpy()
        )
        np.testing.assert_allclose(found[:, target], theirs.predict(scores), atol=1e-12)


def test_trees_beside_fingerprints(esol: MoleculeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, targets = _inputs(esol)
    inputs = replace(inputs, smiles=esol.smiles[:120])
    train = torch.arange(100)
    trees = FingerprintTrees(2, trees=20).fit(inputs, targets, train, seed=3)
    counts = fingerprint_counts(inputs.smiles, FINGERPRINTS)
    every = np.hstack([counts[name].toarray() for name in FINGERPRINTS])
    common = (every[:100] > 0).sum(axis=0) >= 10
    columns = np.hstack([inputs.scores.numpy(), every[:, common]]).astype(np.float32)
    forest = ExtraTreesRegressor(20, max_features=0.2, random_state=3)
    found = trees.predict(inputs)
    for target, first in ((0, 0), (1, 30)):
        known = slice(first, 100)
        theirs = forest.fit(columns[known], targets[known, target].double().numpy())
        np.testing.assert_allclose(found[:, target], theirs.predict(columns), atol=1e-12)
    # As they are kept, and with counts that are there already.
    again = FingerprintTrees(2).load(trees.tensors())
    np.testing.assert_array_equal(again.predict(inputs.counted()), found)
    # Of many molecules, those of a fold or all, they are the trees on descriptors alone.
    monkeypatch.setattr(FingerprintTrees, "largest", 110)
    for rows in (train, train[:50]):
        many, alone = (
            forest(2, trees=5).fit(inputs, targets, rows, seed=3).predict(inputs)
            for forest in (FingerprintTrees, ExtraTrees)
        )
        np.testing.assert_array_equal(many, alone)


def test_members_of_many_molecules_learn_from_a_part_of_them(
    esol: MoleculeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, targets = _inputs(esol)

    def predicted(rows: torch.Tensor, largest: int | None) -> np.ndarray:
        monkeypatch.setattr(SupportVectors, "largest", largest)
        return SupportVectors(1).fit(inputs, targets[:, :1], rows).predict(inputs)

    # A fold of them, too, although all of it would be few enough.
    for rows in (torch.arange(100), torch.arange(36)):
        np.testing.assert_array_equal(predicted(rows, 40), predicted(rows[::4], None))


@pytest.mark.parametrize(("rows", "step"), [(0, 1), (10, 1), (11, 2), (20, 2), (21, 4), (41, 8)])
def test_parts_of_many_rows_have_rows_in_common(rows: int, step: int) -> None:
    assert step_of(rows, 10) == step
    assert step_of(rows, None) == 1


def test_what_members_do_not_learn_from_many_rows_is_told() -> None:
    def notes(rows: int, measured: int) -> list[str]:
        return [n for member in QUICK.values() if (n := member.size_note(rows, measured))]

    assert not notes(10_000, 10_000)
    assert notes(25_000, 9_000) == [
        "fingerprint-trees learn from descriptors alone, of 25,000 rows"
    ]
    assert notes(25_000, 25_000) == [
        "svr learns from one in 2 of the 25,000 rows",
        "embedding-svr learns from one in 2 of the 25,000 rows",
        "fingerprint-trees learn from descriptors alone, of 25,000 rows",
        "fingerprint-svr learns from one in 2 of the 25,000 rows",
        "gaussian-process learns from one in 4 of the 25,000 rows",
    ]


def test_counts_go_with_their_molecules(esol: MoleculeTable) -> None:
    inputs, _ = _inputs(esol)
    with pytest.raises(BadValueError, match="canonical SMILES"):
        inputs.fingerprint_counts(FINGERPRINTS)
    inputs = replace(inputs, smiles=esol.smiles[:120])
    rows = torch.tensor([7, 3, 100])
    taken = inputs.counted().take(rows)
    assert taken.counts.keys() == set(FINGERPRINTS)
    for name, counts in inputs.take(rows).fingerprint_counts(FINGERPRINTS).items():
        np.testing.assert_array_equal(taken.counts[name].toarray(), counts.toarray())


def test_descriptors_become_normal_scores_cut_off_at_three() -> None:
    random = np.random.default_rng(0)
    values = random.lognormal(0, 3, (300, 4))
    values[:, 2] = 5.0
    values[::9, 1] = np.nan
    values[7, 3] = np.inf
    scaler = DescriptorScaler.fit(["a", "b", "constant", "d"], values)
    assert scaler.names == ["a", "b", "d"]
    # Columns are found by name, whatever stands beside them.
    new = random.lognormal(0, 5, (50, 5))
    found = scaler.transform(["d", "x", "a", "b", "y"], new).numpy()
    filled = np.where(np.isfinite(values), values, np.nan)
    filled = np.where(np.isnan(filled), np.nanmedian(filled, axis=0), filled)[:, [0, 1, 3]]
    theirs = QuantileTransformer(n_quantiles=200, output_distribution="normal").fit(filled)
    expected = theirs.transform(new[:, [2, 3, 0]]).clip(-3, 3)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found).max() == 3


def test_distances_are_those_of_tanimoto(esol: MoleculeTable) -> None:
    known, new = esol.smiles[:60], [*esol.smiles[60:90], esol.smiles[3]]
    generator = GetMorganGenerator(radius=2, fpSize=2048)
    bits = [generator.GetFingerprint(parse_smiles(text)) for text in known]
    domain = Domain.fit(molecule_arrays(known, CONFIG).fingerprints)
    found = domain.distances(molecule_arrays(new, CONFIG).fingerprints)
    for text, distance in zip(new, found, strict=True):
        own = generator.GetFingerprint(parse_smiles(text))
        nearest = max(DataStructs.BulkTanimotoSimilarity(own, bits))
        assert abs(distance - (1 - nearest)) < 1e-6
    assert found[-1] == 0
    leave_one_out = [
        1 - max(DataStructs.BulkTanimotoSimilarity(own, bits[:row] + bits[row + 1 :]))
        for row, own in enumerate(bits)
    ]
    assert abs(domain.threshold - np.quantile(leave_one_out, 0.95)) < 1e-6
