"""Which atoms matter: how much a prediction changes if an atom is masked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from rnc_graph.data.features import MoleculeFeatures, stream_arrays
from rnc_graph.data.featurizer import MoleculeArrays, molecule_arrays
from rnc_graph.data.rdkit_log import whole
from rnc_graph.data.schema import MASK
from rnc_graph.data.smiles import parse_smiles
from rnc_graph.data.table import FloatArray
from rnc_graph.models.model import MoleculeModel

# A molecule of A atoms takes A predictions of A atoms each.
LARGEST = 200
# Molecules with an atom masked that are predicted together, at least.
_BLOCK = 512
# With fewer blocks, starting processes takes longer than the work.
_WORTH_PROCESSES = 8


@dataclass(frozen=True)
class Explanation:
    """Contributions of the A atoms of a molecule to the predictions of t targets.

    Attributes:
        smiles: the canonical SMILES that the model sees; "" for a molecule that cannot be read.
        contributions: (A, t) in the targets' units, in log10 units for a target that is learned as
            log10, in the order of the atoms of ``smiles``: the prediction, or its log10, minus that
            with the atom masked. NaN for an atom that cannot be masked; A = 0 for a molecule that
            is not explained.
        problem: why it is not explained, "" if it is.
    """

    smiles: str
    contributions: FloatArray
    problem: str = ""


def explain_features(
    model: MoleculeModel,
    features: MoleculeFeatures,
    jobs: int = 1,
    on_done: Callable[[int], None] = lambda molecules: None,
) -> list[Explanation]:
    """Explain the predictions of N molecules by their atoms.

    One atom after another is masked, with its hydrogens and bonds, in what each member sees. In a
    graph its features become those of a masked atom, as in the views of pretraining. Fingerprints
    and descriptors are those of the molecule with a dummy atom in its place, as in Sheridan, J.
    Chem. Inf. Model. 59, 2019. The differences of the members have the weights that their
    predictions have. Contributions need not add up to the prediction: an effect that needs two
    atoms counts for both.

    ``features`` are computed as ``model.featurizer_config``, and others in ``jobs`` processes;
    ``on_done`` is called with the number of molecules done since the last call.
    """
    shape = (0, len(model.targets))
    problems = {bad.row: bad.reason for bad in features.bad}
    explained: dict[int, Explanation] = {}
    blocks: list[dict[int, list[str]]] = [{}]
    for row, smiles in enumerate(features.canonical):
        if row not in problems:
            masked = whole(partial(_with_dummies, smiles))
            if len(masked) <= LARGEST:
                if sum(map(len, blocks[-1].values())) >= _BLOCK:
                    blocks.append({})
                blocks[-1][row] = [*masked, smiles]
                continue
            problems[row] = f"{len(masked)} atoms: at most {LARGEST} are explained"
        explained[row] = Explanation(smiles, np.empty(shape), problems[row])
    on_done(len(explained))
    config = replace(model.featurizer_config, clean=False)  # They are clean already.
    jobs = jobs if len(blocks) >= _WORTH_PROCESSES else 1
    texts = ([text for own in block.values() for text in own] for block in blocks if block)
    for block, arrays in zip(blocks, stream_arrays(texts, config, jobs), strict=False):
        predicted = model.predict(_masked_features(model, arrays, list(map(len, block.values()))))
        learned = model.scaler.transform(predicted.values)
        first = 0
        for row, own in block.items():
            values = learned[first : first + len(own)]
            explained[row] = Explanation(own[-1], values[-1] - values[:-1])
            first += len(own)
        on_done(len(block))
    return [explained[row] for row in range(len(features))]


def _with_dummies(smiles: str) -> list[str]:
    """Return a molecule with a dummy in place of each of its atoms in turn, A SMILES."""
    from rdkit import Chem

    molecule = parse_smiles(smiles)
    found = []
    for number in range(molecule.GetNumAtoms()):
        changed = Chem.RWMol(molecule)
        # It keeps its bonds alone: no hydrogens, charge, stereochemistry or isotope.
        dummy = Chem.Atom(0)
        dummy.SetIsAromatic(molecule.GetAtomWithIdx(number).GetIsAromatic())
        dummy.SetNoImplicit(True)
        changed.ReplaceAtom(number, dummy)
        found.append(Chem.MolToSmiles(changed))
    return found


def _masked_features(
    model: MoleculeModel, arrays: MoleculeArrays, counts: Sequence[int]
) -> MoleculeFeatures:
    """Return the features of molecules with an atom masked, each group ended by the whole molecule.

    ``arrays`` are of molecules with a dummy instead, in groups of A + 1, the ``counts``.
    """
    parts_of_networks = (part for one in model.networks for part in one.modules.modules())
    # The encoders of this package look up a vector for the mask; such a table has none, and gets
    # the graphs with dummies.
    if any(isinstance(part, nn.Embedding) for part in parts_of_networks):
        return MoleculeFeatures.of(arrays)
    atom_ends, edge_ends = np.cumsum(arrays.atom_counts), np.cumsum(arrays.edge_counts)
    parts: dict[str, list[NDArray[Any]]] = {"atoms": [], "ends": [], "bonds": []}
    for count, whole_row in zip(counts, np.cumsum(counts) - 1, strict=True):
        atoms = slice(atom_ends[whole_row] - arrays.atom_counts[whole_row], atom_ends[whole_row])
        edges = slice(edge_ends[whole_row] - arrays.edge_counts[whole_row], edge_ends[whole_row])
        ends = arrays.ends[edges]
        masked = np.arange(count)[:, None]  # The last is no atom's number: nothing is masked.
        own = {
            "atoms": (arrays.atoms[atoms], masked == np.arange(count - 1)),
            "bonds": (arrays.bonds[edges], (masked[..., None] == ends).any(axis=2)),
        }
        for name, (values, hidden) in own.items():
            every = np.where(hidden[..., None], MASK, values.astype(np.int16))
            parts[name].append(every.reshape(-1, values.shape[1]))
        parts["ends"].append(np.tile(ends, (count, 1)))
    of_whole = np.repeat(np.cumsum(counts) - 1, counts)
    return MoleculeFeatures.of(
        replace(
            arrays,
            atoms=np.concatenate(parts["atoms"]),
            ends=np.concatenate(parts["ends"]),
            bonds=np.concatenate(parts["bonds"]),
            atom_counts=arrays.atom_counts[of_whole],
            edge_counts=arrays.edge_counts[of_whole],
        )
    )


def explain_smiles(
    model: MoleculeModel,
    smiles: Sequence[str],
    jobs: int = 1,
    on_done: Callable[[int], None] = lambda molecules: None,
) -> list[Explanation]:
    """Explain the predictions of N SMILES by their atoms: see :func:`explain_features`."""
    features = MoleculeFeatures.of(molecule_arrays(smiles, model.featurizer_config))
    return explain_features(model, features, jobs, on_done)
