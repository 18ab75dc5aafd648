"""The encoders that the package ships."""

import shutil

import pytest
import torch

from rnc_graph import TwoStage
from rnc_graph.data import MoleculeDataset
from rnc_graph.encoders import ENCODERS, load_pretrained
from rnc_graph.encoders.pretrained import _WEIGHTS, INCLUDED, WEIGHTS, read_card
from rnc_graph.errors import FileError
from rnc_graph.files import resource_dir
from rnc_graph.models.inputs import EMBEDDING
from rnc_graph.pretraining import read_recipe

# Saved models rely on the weights: better ones get another name.
CHECKSUMS = {
    "gin-moses": "222fd68a84abb9b5fda9ad1db1a31c84938b126ee92a02d0fffa064118790841",
    "gin-moses-1m": "204dfe5ecf278d57d043b13c810c9ae4354e441dc19bed5ad75b8581acec0ad0",
}
RECIPES = {"gin-moses": ("moses.yaml", 200_000), "gin-moses-1m": ("moses-1m.yaml", 1_000_000)}


@pytest.mark.parametrize("name", INCLUDED)
def test_weights_never_change(name):
    assert read_card(_WEIGHTS / name)["weights_sha256"] == CHECKSUMS[name]
    assert (_WEIGHTS / name / WEIGHTS).stat().st_size < 10_000_000


@pytest.mark.parametrize("name", INCLUDED)
def test_a_flipped_bit_in_their_weights_is_noticed(name, tmp_path):
    folder = tmp_path / name
    shutil.copytree(_WEIGHTS / name, folder)
    load_pretrained(folder)
    weights = bytearray((folder / WEIGHTS).read_bytes())
    weights[-1] ^= 1
    (folder / WEIGHTS).write_bytes(weights)
    with pytest.raises(FileError, match=r"is not the file that encoder\.json was written with"):
        load_pretrained(folder)


@pytest.mark.parametrize("name", INCLUDED)
def test_the_card_has_the_recipe_of_the_file(name):
    card = read_card(_WEIGHTS / name)
    file, molecules = RECIPES[name]
    recipe = read_recipe(resource_dir("experiments") / "pretraining" / file)
    assert card["recipe"] == recipe.model_dump(mode="json")
    assert card["corpus"]["molecules"] == recipe.molecules == molecules
    for encoder in (ENCODERS.make(name), load_pretrained(str(_WEIGHTS / name))):
        assert encoder.embedding_dim == card["embedding_dim"]
    assert EMBEDDING in INCLUDED


@pytest.mark.slow
def test_their_embeddings_order_solubility_better_than_a_random_one():
    data = MoleculeDataset.load("esol")[:400]
    errors = {}
    random = ("gin", {"hidden_dim": 192, "layers": 4})
    for name, options in (*((name, {}) for name in INCLUDED), random):
        torch.manual_seed(0)
        encoder = ENCODERS.make(name, **options)
        model = TwoStage(encoder, loss=None, freeze=True, finetune={"epochs": 40})
        model.fit(data[:300], data[300:350])
        error = model.predict(data[350:400]) - data[350:400].y
        errors[name] = float(error.abs().mean())
    assert all(errors[name] < 0.9 * errors["gin"] for name in INCLUDED)
