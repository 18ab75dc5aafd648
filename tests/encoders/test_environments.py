"""Embeddings of distinct environments against those of all nodes."""

import pytest
import torch
from torch import nn

from rnc_graph.data import load_dataset
from rnc_graph.data.features import featurize
from rnc_graph.data.graphs import GraphDataset
from rnc_graph.encoders import ENCODERS, GIN
from rnc_graph.encoders.environments import Environments


@pytest.fixture(scope="module")
def graphs() -> GraphDataset:
    return featurize(load_dataset("esol").smiles[:150])[0]


def _trained(encoder: nn.Module, graphs: GraphDataset) -> nn.Module:
    """Return an encoder whose batch normalization has seen data, in evaluation mode."""
    torch.manual_seed(0)
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.3)
    for _ in range(3):
        encoder(graphs.batch(torch.arange(64)))
    return encoder.eval().requires_grad_(False)


@pytest.mark.parametrize("readout", ["both", "max"])
def test_equal_environments_have_equal_vectors(graphs: GraphDataset, readout: str) -> None:
    batch = graphs.batch(torch.arange(150))
    assert len(batch.x) > 1500
    environments = Environments(batch)
    # Encoders of different depth share what is compared.
    for layers in (2, 4, 3):
        encoder = _trained(GIN(16, layers, 0.0, readout), graphs)
        found, expected = environments.embed(encoder), encoder(batch)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * expected.abs().max())
    counts = [len(layer.own) for layer in environments._layers]
    assert counts == sorted(counts)
    assert counts[0] < 60 < counts[1] < len(batch.x) / 3
    assert counts[-1] < len(batch.x)


@pytest.mark.parametrize("smiles", ["C", "CCO", "c1ccccc1C(=O)N"])
def test_a_small_batch_has_the_same_bits(graphs: GraphDataset, smiles: str) -> None:
    encoder = _trained(GIN(16, 3), graphs)
    batch = featurize([smiles])[0].batch()
    assert torch.equal(Environments(batch).embed(encoder), encoder(batch))


@pytest.mark.parametrize("name", ["gcn", "mpnn"])
def test_other_encoders_get_the_batch(graphs: GraphDataset, name: str) -> None:
    encoder = _trained(ENCODERS.make(name, hidden_dim=16), graphs)
    batch = graphs.batch(torch.arange(100))
    assert torch.equal(Environments(batch).embed(encoder), encoder(batch))


def test_other_categories_are_an_error(graphs: GraphDataset) -> None:
    batch = graphs.batch(torch.arange(100))
    batch.x[3, 0] = 400
    with pytest.raises(ValueError, match="expected categories of sizes"):
        Environments(batch).embed(_trained(GIN(8, 1), graphs))
