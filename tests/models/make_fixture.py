"""Make a model of this version for later versions to read: python -m tests.models.make_fixture.

Run once for each FORMAT; a fixture that is there is never made again.
"""

import json
from pathlib import Path

from rnc_graph import MoleculeRegressor, load_dataset
from rnc_graph.models.saving import FORMAT

FOLDER = Path(__file__).parent / "data" / f"v{FORMAT}"
SMILES = ["CCO", "c1ccccc1O", "CC(=O)Nc1ccc(O)cc1", "C[N+](C)(C)CC([O-])=O", "*CC*"]
# Of format 2 on: stereochemistry, a map and a salt.
SMILES += ["C[C@H](N)C(=O)O", "N[C@@H](C)C(=O)O", "[CH3:1][OH:2]", "CCN.Cl"]


def main() -> None:
    table = load_dataset("esol")
    model = MoleculeRegressor(
        networks=2,  # Of format 9 on; one before.
        encoder="gin",
        encoder_options={"hidden_dim": 8, "layers": 1},
        head_hidden=[8],
        pretraining_epochs=1,
        epochs=2,
        # The last three of formats 6, 7 and 8 on.
        descriptor_models=[
            "svr",
            "fingerprint-svr",
            "embedding-svr",
            "fingerprint-trees",
            "gaussian-process",
        ],
        weights="stacked",
        target_transform="log10",  # Of format 4 on.
    )
    model.fit(table.smiles[:60], 10 ** table.targets[:60, 0])
    model.save(FOLDER)
    predicted, low, high = model.predict(SMILES, return_interval=0.7)
    expected = {
        "smiles": SMILES,
        "predicted": predicted.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "embedding": model.embed(SMILES).tolist(),
    }
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
