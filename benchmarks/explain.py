"""Contributions of atoms against a known answer: models of Crippen's logP on lipophilicity's set.

    python benchmarks/explain.py [--train 1500] [--explained 60] [--by-member 12]
        [--out results/benchmarks/explain.json]

Crippen's logP (Wildman and Crippen, J. Chem. Inf. Comput. Sci. 39, 1999) is a sum of contributions
of atoms, so the right answer is known. A model is trained on the logP of random molecules of
lipophilicity's set and explains others. The number is Pearson's correlation of its contributions
with Crippen's own, molecule by molecule, on average; a hydrogen's contribution counts for the atom
that it is bound to, and in a second column not at all. "structure" is ``MoleculeRegressor`` without
descriptors and with one network; "defaults" has its default members with one network, among whose
descriptors is this logP itself. "dummies" is another way to mask: in all inputs a dummy atom
replaces the atom, in graphs too. Writes JSON, Markdown and a figure.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import Crippen, rdMolDescriptors
from report import processor, write

from rnc_graph import MoleculeRegressor, load_dataset
from rnc_graph.data.features import MoleculeFeatures
from rnc_graph.data.featurizer import molecule_arrays
from rnc_graph.models import Explanation, MoleculeModel, explain_smiles
from rnc_graph.models.attribution import _with_dummies
from rnc_graph.reporting import style

MODELS: dict[str, dict[str, Any]] = {"structure": {"descriptors": False}, "defaults": {}}


def crippen(smiles: str, *, hydrogens: bool) -> np.ndarray:
    """Return Crippen's contributions of the heavy atoms, with or without those of hydrogens."""
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    values = np.array([logp for logp, _ in rdMolDescriptors._CalcCrippenContribs(molecule)])
    owner = np.arange(len(values))
    for atom in molecule.GetAtoms():
        if atom.GetAtomicNum() == 1 and atom.GetDegree() and hydrogens:
            owner[atom.GetIdx()] = atom.GetNeighbors()[0].GetIdx()
    heavy = Chem.MolFromSmiles(smiles).GetNumAtoms()
    return np.bincount(owner, values)[:heavy]


def correlations(found: list[Explanation], *, hydrogens: bool) -> np.ndarray:
    """Return the correlation of each molecule; NaN where all contributions are equal."""
    with np.errstate(invalid="ignore"):
        return np.array(
            [
                np.corrcoef(e.contributions[:, 0], crippen(e.smiles, hydrogens=hydrogens))[0, 1]
                for e in found
            ]
        )


def by_dummies(model: MoleculeModel, smiles: list[str]) -> list[Explanation]:
    """Explain by molecules with a dummy atom alone."""
    found = []
    for text in smiles:
        texts = [*_with_dummies(text), text]
        features = MoleculeFeatures.of(molecule_arrays(texts, model.featurizer_config))
        values = model.predict(features).values
        found.append(Explanation(text, values[-1] - values[:-1]))
    return found


def measure(name: str, found: list[Explanation]) -> dict[str, Any]:
    """Return the correlations of some explanations."""
    of_all = correlations(found, hydrogens=True)
    return {
        "name": name,
        "molecules": len(found),
        "mean": float(np.nanmean(of_all)),
        "median": float(np.nanmedian(of_all)),
        "least": float(np.nanmin(of_all)),
        "above_0.7": float((of_all >= 0.7).mean()),
        "mean_without_hydrogens": float(np.nanmean(correlations(found, hydrogens=False))),
    }


def pixels(explanation: Explanation, values: np.ndarray) -> np.ndarray:
    """Draw a molecule with its atoms colored by values, orange for positive ones."""
    from io import BytesIO

    from matplotlib.image import imread
    from rdkit.Chem.Draw import rdMolDraw2D

    up, down = np.array([213, 94, 0]) / 255, np.array([0, 114, 178]) / 255
    shares = np.clip(np.abs(values) / np.abs(values).max(), 0, 1)
    colors = {
        atom: tuple(1 - share * (1 - (up if value > 0 else down)))
        for atom, (value, share) in enumerate(zip(values.tolist(), shares, strict=True))
    }
    drawer = rdMolDraw2D.MolDraw2DCairo(500, 350)
    drawer.drawOptions().useBWAtomPalette()
    molecule = Chem.MolFromSmiles(explanation.smiles)
    rdMolDraw2D.PrepareAndDrawMolecule(
        drawer, molecule, highlightAtoms=list(colors), highlightAtomColors=colors
    )
    drawer.FinishDrawing()
    return imread(BytesIO(drawer.GetDrawingText()), format="png")


@style.styled
def draw(found: list[Explanation], path: Path) -> None:
    """Draw all atoms, the correlations, and three molecules by Crippen and by the model."""
    figure, axes = style.panels(8, columns=4, width=2.6, height=2.1)
    known = [crippen(e.smiles, hydrogens=True) for e in found]
    r = correlations(found, hydrogens=True)
    axes[0].scatter(
        np.concatenate(known), np.concatenate([e.contributions[:, 0] for e in found]), s=3
    )
    axes[0].set(xlabel="Crippen's contribution", ylabel="the model's", title="all atoms")
    axes[4].hist(r[np.isfinite(r)], bins=20)
    axes[4].set(xlabel="correlation in a molecule", ylabel="molecules")
    axes[4].set_title(f"mean {np.nanmean(r):.2f}")
    # The molecules at the first, second and third quartile: not the best ones.
    order = np.argsort(np.nan_to_num(r))
    for column, share in enumerate((0.25, 0.5, 0.75), start=1):
        chosen = int(order[int(share * len(order))])
        for axis, values, title in (
            (axes[column], known[chosen], "Crippen"),
            (
                axes[4 + column],
                found[chosen].contributions[:, 0],
                f"the model, r = {r[chosen]:.2f}",
            ),
        ):
            axis.imshow(pixels(found[chosen], values))
            axis.set(xticks=[], yticks=[], title=title)
            axis.spines[:].set_visible(False)
    style.save(figure, path)


def main() -> None:
    """Train the models, explain, and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--train", type=int, default=1500)
    parser.add_argument("--explained", type=int, default=60)
    parser.add_argument("--by-member", type=int, default=12)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/explain.json"))
    options = parser.parse_args()
    table = load_dataset("lipophilicity")
    order = np.random.default_rng(0).permutation(len(table))
    smiles = [table.smiles[row] for row in order[: options.train + options.explained]]
    logp = np.array([Crippen.MolLogP(Chem.MolFromSmiles(text)) for text in smiles])
    new = smiles[options.train :]
    rows, drawn = [], None
    for name, arguments in MODELS.items():
        began = time.perf_counter()
        regressor = MoleculeRegressor(networks=1, n_jobs=2, **arguments)
        regressor.fit(smiles[: options.train], logp[: options.train])
        trained = time.perf_counter() - began
        model = regressor.model_
        error = float(np.sqrt(np.mean((regressor.predict(new) - logp[options.train :]) ** 2)))
        began = time.perf_counter()
        found = explain_smiles(model, new)
        seconds = (time.perf_counter() - began) / len(new)
        drawn = drawn or found
        rows.append({"model": name, "rmse": error, "seconds_of_training": trained})
        rows[-1] |= {"seconds_a_molecule": seconds, "ways": [measure("the mixture", found)]}
        few = [e.smiles for e in found[: options.by_member]]
        for number, member in enumerate(model.members):
            alone = np.eye(len(model.members))[:, [number]]
            explained = explain_smiles(replace(model, weights=alone), few)
            rows[-1]["ways"].append(measure(f"{member.kind} alone", explained))
        rows[-1]["ways"].append(measure("the mixture, dummies", by_dummies(model, few)))
        print(json.dumps(rows[-1], indent=1), flush=True)
    result = {"processor": processor(), "train": options.train, "models": rows}
    command = (
        f"python benchmarks/explain.py --train {options.train} --explained {options.explained} "
        f"--by-member {options.by_member}"
    )
    assert drawn is not None
    draw(drawn, options.out.with_suffix(".png"))
    write(result, text(result, command), options.out)


def text(result: dict[str, Any], command: str) -> str:
    """Return the results as Markdown."""
    lines = [
        "# Contributions of atoms against Crippen's own",
        "",
        f"Made by `{command}` on {result['processor']}. Models of Crippen's logP, trained on "
        f"{result['train']:,} molecules of lipophilicity with one network; correlation of the "
        "contributions with Crippen's, molecule by molecule, on molecules that no model has seen. "
        "`structure` has no descriptors; among those of `defaults` is this logP itself.",
        "",
        "| model | contributions of | molecules | mean r | median r | least r | r of 0.7 or more | "
        "mean r, hydrogens left out |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["models"]:
        for way in row["ways"]:
            numbers = [f"{way[key]:.2f}" for key in ("mean", "median", "least")]
            cells = [row["model"], way["name"], str(way["molecules"]), *numbers]
            cells += [f"{way['above_0.7']:.0%}", f"{way['mean_without_hydrogens']:.2f}"]
            lines.append(f"| {' | '.join(cells)} |")
    for row in result["models"]:
        lines += [
            "",
            f"{row['model']}: test RMSE {row['rmse']:.2f}, {row['seconds_a_molecule']:.2f} s to "
            f"explain a molecule, {row['seconds_of_training']:.0f} s of training.",
        ]
    lines += ["", "![Contributions of atoms, structure](explain.png)", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
