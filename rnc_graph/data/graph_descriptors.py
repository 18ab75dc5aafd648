"""Descriptors of a molecule's graph: paths, distances, and eigenvalues."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors
from rdkit.ML.InfoTheory import rdInfoTheory

from rnc_graph.data.described_molecule import (
    BURDEN,
    OUTER,
    DescribedMolecule,
    Values,
    sum_of_neighbors,
)


def paths(molecule: DescribedMolecule) -> Values:
    """Hall and Kier's connectivity and shape indices of paths of two to four bonds.

    "The Molecular Connectivity Chi Indexes and Kappa Shape Indexes", Rev. Comput. Chem. 2, 1991.
    Rings of three and four bonds are paths too: what counts them is left to RDKit.
    """
    smallest = min(map(len, molecule.rdkit.GetRingInfo().AtomRings()), default=5)
    begin, end = molecule.begin, molecule.end
    neighbors: list[list[int]] = [[] for _ in molecule.atoms]
    for atom, other, *_ in molecule.bond_keys:
        neighbors[atom].append(other)
        neighbors[other].append(atom)
    turns = [(i, *pair) for i, own in enumerate(neighbors) for pair in combinations(own, 2)]
    center, left, right = np.array(turns, dtype=np.int64).reshape(-1, 3).T
    degree = molecule.degree
    outer = OUTER[molecule.element]
    valence = (outer - molecule.hydrogens).astype(float)
    cores = np.where(molecule.element > 10, molecule.element - outer - 1, 1)
    values: Values = {
        "Chi0": sum(np.sqrt(1 / degree[degree > 0]).tolist()),
        "Chi1": sum(np.sqrt(1 / (degree[begin] * degree[end])).tolist()),
    }
    for letter, electrons in (("n", valence), ("v", valence / cores)):
        if electrons.min() < 0:
            return {}
        x = np.divide(1, np.sqrt(electrons), out=np.zeros_like(electrons), where=electrons > 0)
        sums = sum_of_neighbors(molecule, x)
        pairs = x[center] * x[left] * x[right]
        onwards = (sums[begin] - x[end]) * (sums[end] - x[begin])
        both = (sums[left] - x[center]) * (sums[right] - x[center])
        values[f"Chi2{letter}"] = pairs.sum()
        if smallest > 3:
            values[f"Chi3{letter}"] = (x[begin] * x[end] * onwards).sum()
        if smallest > 4:
            values[f"Chi4{letter}"] = (pairs * both).sum()
    atoms = len(molecule.atoms)
    alpha = rdMolDescriptors.CalcHallKierAlpha(molecule.rdkit)
    counts = (len(begin), len(turns), int(((degree[begin] - 1) * (degree[end] - 1)).sum()))
    one, two, three = (float((count + alpha) * (count + alpha)) for count in counts)
    size = atoms + alpha
    kappa1 = size * (size - 1) * (size - 1) / one if one else 0.0
    kappa2 = (size - 1) * (size - 2) * (size - 2) / two if two else 0.0
    values |= {"Kappa1": kappa1, "Kappa2": kappa2, "Phi": kappa1 * kappa2 / atoms}
    if smallest > 3:
        values["Kappa3"] = (size - 2 + atoms % 2) * (size - 3) * (size - 3) / three if three else 0
    return values


def burden(molecule: DescribedMolecule) -> Values:
    """Pearlman and Smith's extreme eigenvalues of Burden matrices."""
    atoms = len(molecule.atoms)
    matrices = np.full((4, atoms, atoms), 0.001)
    orders = [BURDEN[order] for _, _, order, _ in molecule.bond_keys]
    matrices[:, molecule.begin, molecule.end] = matrices[:, molecule.end, molecule.begin] = orders
    masses = [atom.GetMass() for atom in molecule.atoms]
    diagonals = np.stack([masses, molecule.partial_charges, *molecule.crippen.T])
    matrices[:, range(atoms), range(atoms)] = diagonals
    if not molecule.charges_are_known or not np.isfinite(diagonals).all():
        return {}
    found = np.linalg.eigvalsh(matrices)
    names = (("MWHI", "MWLOW"), ("CHGHI", "CHGLO"), ("LOGPHI", "LOGPLOW"), ("MRHI", "MRLOW"))
    return {
        f"BCUT2D_{name}": value
        for pair, values in zip(names, found.tolist(), strict=True)
        for name, value in zip(pair, (values[-1], values[0]), strict=True)
    }


def polynomial(molecule: DescribedMolecule) -> Values:
    """Bonchev and Trinajstic's information content of the characteristic polynomial, 1977.

    Le Verrier's method has RDKit's rounding errors, which beyond 70 atoms are most of the value.
    """
    adjacency = Chem.GetAdjacencyMatrix(molecule.rdkit).astype(float)
    atoms = len(adjacency)
    coefficients = np.ones(atoms + 1)
    power = adjacency.copy()
    for n in range(1, atoms + 1):
        diagonal = power.reshape(-1)[:: atoms + 1]
        coefficients[n] = 1.0 / n * diagonal.sum()
        diagonal -= coefficients[n]
        power = adjacency @ power
    sizes = np.abs(coefficients)
    average = rdInfoTheory.InfoEntropy(sizes)
    return {"AvgIpc": average, "Ipc": sum(sizes.tolist()) * average}


def topology(molecule: DescribedMolecule) -> Values:
    """Balaban's J, 1982, and Bertz's complexity, 1981."""
    atoms, bonds = len(molecule.atoms), len(molecule.bonds)
    if atoms < 2:
        return {}
    far = Chem.GetDistanceMatrix(
        molecule.rdkit, useBO=True, useAtomWts=False, force=True, prefix="Balaban"
    )
    # Atoms with equal distances (to four digits, the first hundred) have one class.
    rows = np.rint(np.sort(far, axis=1)[:, :100] * 1e4)
    classes: dict[bytes, int] = {}
    of_atom = [classes.setdefault(row.tobytes(), len(classes)) for row in rows]
    neighbors: list[list[tuple[int, float]]] = [[] for _ in range(atoms)]
    for left, right, order, _ in molecule.bond_keys:
        neighbors[left].append((right, order))
        neighbors[right].append((left, order))
    connections: defaultdict[tuple[int, ...], float] = defaultdict(float)
    for atom, hinge in enumerate(of_atom):
        neighbors[atom].sort()
        for i, (one, order) in enumerate(neighbors[atom]):
            kind = of_atom[one]
            if order > 1 and one > atom:
                connections[min(hinge, kind), max(hinge, kind)] += order * (order - 1) / 2
            for other, second in neighbors[atom][i + 1 :]:
                ends = kind, of_atom[other]
                connections[min(ends), hinge, max(ends)] += order * second
    counts = list(connections.values()) or [1]
    content = rdInfoTheory.InfoEntropy(np.array(counts, dtype=float))
    complexity = sum(counts) * (content + math.log(sum(counts)) / math.log(2))
    elements = list(Counter(molecule.element.tolist()).values())
    rings = bonds - atoms + 1
    total = far.sum(axis=0)
    pairs = [(atom, one) for atom, own in enumerate(neighbors) for one, _ in own if one > atom]
    begin, end = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    index = sum((1.0 / np.sqrt(total[begin] * total[end])).tolist())
    return {
        "BalabanJ": bonds / (rings + 1) * index if rings + 1 else 0,
        "BertzCT": atoms * rdInfoTheory.InfoEntropy(np.array(elements, dtype=float)) + complexity,
    }
