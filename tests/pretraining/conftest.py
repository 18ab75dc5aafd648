"""A corpus of some hundred molecules, described once."""

import pytest

from rnc_graph.data import load_dataset
from rnc_graph.pretraining import describe_corpus, make_recipe, open_corpus

RECIPE = {
    "molecules": 300,
    "encoder_options": {"hidden_dim": 16, "layers": 2, "dropout": 0.1},
    "passes": 4,
    "batch_size": 50,
    "learning_rate": 3e-3,
}


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """The file of a corpus."""
    path = tmp_path_factory.mktemp("corpus") / "esol.smi"
    path.write_text("\n".join(load_dataset("esol").smiles) + "\n")
    return path


@pytest.fixture(scope="session")
def store(corpus):
    """The complete store of the recipe's corpus."""
    recipe = make_recipe(corpus=str(corpus), **RECIPE)
    return describe_corpus(open_corpus(recipe, folder=corpus.parent / "store"))
