"""RDKit's two-dimensional descriptors of a molecule, several times as fast as one by one.

Names, order and values (to 1e-9 relative) are those of ``rdkit.Chem.Descriptors``. What several
descriptors share is computed once, arrays replace loops in Python, and RDKit searches only for
substructures that the molecule may contain. RDKit computes what is not written here, what fails
here, and molecules with explicit hydrogens, dummy atoms or uncommon bonds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import QED, Descriptors, Fragments, MolSurf, rdMolDescriptors
from rdkit.Chem.EState import EState_VSA
from rdkit.Chem.rdFingerprintGenerator import AdditionalOutput, GetMorganGenerator

from rnc_graph.data.described_molecule import (
    OUTER,
    PERIOD,
    DescribedMolecule,
    Values,
    in_bins,
)
from rnc_graph.data.graph_descriptors import burden, paths, polynomial, topology
from rnc_graph.data.smiles import atoms_of, bonds_of
from rnc_graph.data.substructures import SubstructureScreen

# Descriptors take time that grows with the square of the number of atoms and with the number of
# paths of four bonds: larger molecules are refused.
LARGEST_DESCRIBED = 1_000
_MOST_WALKS = 200_000
# These grow with its third or fourth power, and are undefined for larger molecules.
_LARGEST_CUBIC = 150
_CUBIC = ("Ipc", "AvgIpc", "BalabanJ", "BertzCT", "BCUT2D")


# Distances of atoms that are not connected are greater.
_FAR = 1e6
_HYBRIDIZATION = {
    Chem.HybridizationType.SP: 1,
    Chem.HybridizationType.SP2: 2,
    Chem.HybridizationType.SP3: 3,
}


def check_describable(molecule: Chem.Mol) -> None:
    """Raise ``ValueError`` if a molecule is too large or too densely bonded.

    For descriptors, and for fingerprints of pairs of atoms.
    """
    atoms = molecule.GetNumAtoms()
    if atoms > LARGEST_DESCRIBED:
        raise ValueError(f"{atoms:,} atoms, more than {LARGEST_DESCRIBED:,}")
    adjacency = Chem.GetAdjacencyMatrix(molecule).astype(np.float64)
    two_bonds = adjacency @ adjacency.sum(axis=1)
    if two_bonds @ two_bonds > _MOST_WALKS:
        raise ValueError("too densely bonded for descriptors")


def descriptors(
    molecules: Sequence[Chem.Mol],
    atoms: Iterable[list[Chem.Atom]] | None = None,
    bonds: Iterable[list[Chem.Bond]] | None = None,
) -> NDArray[np.float64]:
    """Return the (n, D) descriptors in RDKit's order, NaN where one is not defined.

    Some molecules together take half the time of one by one: the processor's caches hold the code
    of one group of descriptors, not of all.

    Args:
        molecules: n molecules.
        atoms: their atoms, if they are known; to ask RDKit takes time.
        bonds: their bonds.
    """
    atoms = map(atoms_of, molecules) if atoms is None else atoms
    bonds = map(bonds_of, molecules) if bonds is None else bonds
    described = list(map(DescribedMolecule, molecules, atoms, bonds))
    values: list[Values] = [{} for _ in described]
    for group in _GROUPS:
        for molecule, own in zip(described, values, strict=True):
            large = len(molecule.atoms) > _LARGEST_CUBIC
            if molecule.is_common and not (large and group in _CUBIC_GROUPS):
                own.update(_attempt(group, molecule) or {})
    for name, describe in Descriptors._descList:
        for molecule, own in zip(described, values, strict=True):
            if name not in own:
                large = len(molecule.atoms) > _LARGEST_CUBIC
                undefined = large and name.startswith(_CUBIC)
                value = None if undefined else _attempt(_as_float(describe), molecule.rdkit)
                own[name] = np.nan if value is None else value
    names = [name for name, _ in Descriptors._descList]
    return np.array([[own[name] for name in names] for own in values], dtype=np.float64)


def _as_float(describe: Callable[[Chem.Mol], Any]) -> Callable[[Chem.Mol], float]:
    # Python's integers may be greater than any float: not defined, then.
    return lambda molecule: float(describe(molecule))


def _attempt(function: Callable[[Any], Any], argument: Any) -> Any:
    # RDKit's own loop takes Ctrl-C and a lack of memory for a NaN.
    try:
        return function(argument)
    except (MemoryError, SystemError):  # SystemError: Ctrl-C while RDKit wrote to its log.
        raise
    except Exception:
        return None


def _electrotopological(molecule: DescribedMolecule) -> Values:
    """Kier and Hall's EState indices: extremes, and sums by surface area and the reverse."""
    period = PERIOD[molecule.element]
    valence = OUTER[molecule.element] - molecule.hydrogens
    degree = np.maximum(molecule.degree, 1)
    own = np.where(molecule.degree > 0, (4.0 / (period * period) * valence + 1) / degree, 0.0)
    far = Chem.GetDistanceMatrix(molecule.rdkit, useBO=False, useAtomWts=False) + 1
    effects = np.where(far < _FAR, (own[:, None] - own) / (far * far), 0.0)
    # One after another, as RDKit adds them: a bin may begin at a rounding error.
    states = effects.cumsum(axis=1)[:, -1] + own
    absolute = np.abs(states)
    return {
        "MaxEStateIndex": states.max(),
        "MinEStateIndex": states.min(),
        "MaxAbsEStateIndex": absolute.max(),
        "MinAbsEStateIndex": absolute.min(),
        **in_bins("EState_VSA", states, EState_VSA.estateBins, molecule.areas),
        **in_bins("VSA_EState", molecule.areas, EState_VSA.vsaBins, states),
    }


def _electrons(molecule: DescribedMolecule) -> Values:
    outer = OUTER[molecule.element] - molecule.charge + molecule.hydrogens
    return {
        "NumValenceElectrons": outer.sum(),
        "NumRadicalElectrons": sum(map(Chem.Atom.GetNumRadicalElectrons, molecule.atoms)),
    }


def _charges(molecule: DescribedMolecule) -> Values:
    """Extremes of Gasteiger and Marsili's partial charges."""
    lowest, highest = 500.0, -500.0
    for charge in molecule.partial_charges:  # In RDKit's order, which decides among NaN.
        lowest, highest = min(charge, lowest), max(charge, highest)
    return {
        "MinPartialCharge": lowest,
        "MaxPartialCharge": highest,
        "MinAbsPartialCharge": min(abs(lowest), abs(highest)),
        "MaxAbsPartialCharge": max(abs(lowest), abs(highest)),
        **in_bins("PEOE_VSA", molecule.partial_charges, MolSurf.chgBins, molecule.areas),
    }


def _lipophilicity(molecule: DescribedMolecule) -> Values:
    logp, refractivity = molecule.crippen.T
    return {
        "MolLogP": molecule.crippen_total[0],
        "MolMR": molecule.crippen_total[1],
        **in_bins("SlogP_VSA", logp, MolSurf.logpBins, molecule.areas),
        **in_bins("SMR_VSA", refractivity, MolSurf.mrBins, molecule.areas),
    }


def _fingerprint_densities(molecule: DescribedMolecule) -> Values:
    """Numbers of different Morgan environments up to each radius, divided by the atoms."""
    output = AdditionalOutput()
    output.AllocateBitInfoMap()
    _morgan().GetSparseCountFingerprint(molecule.rdkit, additionalOutput=output)
    # The first of an environment's atoms has the smallest radius.
    radii = np.array([found[0][1] for found in output.GetBitInfoMap().values()])
    atoms = len(molecule.atoms)
    return {f"FpDensityMorgan{r}": int((radii <= r).sum()) / atoms for r in (1, 2, 3)}


@cache
def _morgan() -> Any:
    return GetMorganGenerator(3)


def _complexity(molecule: DescribedMolecule) -> Values:
    """Krzyzanowski et al., "Spacial Score", J. Med. Chem. 66, 2023."""
    own = Chem.Mol(molecule.rdkit)
    Chem.FindPotentialStereoBonds(own)
    stereo = {
        found.centeredOn
        for found in Chem.FindPotentialStereo(own)
        if found.type == Chem.StereoType.Atom_Tetrahedral
    }
    for index, (begin, end, order, _) in enumerate(molecule.bond_keys):
        if order == 2 and own.GetBondWithIdx(index).GetStereo() != Chem.BondStereo.STEREONONE:
            stereo |= {begin, end}
    score = 0
    for index, (atom, key) in enumerate(zip(molecule.atoms, molecule.atom_keys, strict=True)):
        _, degree, _, _, aromatic, _, _, rings = key
        shape = _HYBRIDIZATION.get(atom.GetHybridization(), 4)
        ring = 2 if rings and not aromatic else 1
        score += shape * (1 + (index in stereo)) * ring * degree**2
    return {"SPS": score / len(molecule.atoms)}


# RDKit leaves these without types.
_qed: Any = QED.qed
_properties: Any = QED.QEDproperties


@cache
def _patterns() -> tuple[list[tuple[str, Chem.Mol]], SubstructureScreen]:
    """Return the patterns that descriptors count, and their screen: QED's are the last."""
    counted = [(name, describe.__defaults__[-1]) for name, describe in Fragments.fns]
    own = [("acceptor", p) for p in QED.Acceptors] + [("alert", p) for p in QED.StructuralAlerts]
    patterns = counted + own
    return patterns, SubstructureScreen([pattern for _, pattern in patterns])


def _substructures(molecule: DescribedMolecule) -> Values:
    """Counts of fragments; Bickerton et al., "Quantifying the chemical beauty of drugs", 2012."""
    patterns, screen = _patterns()
    possible = screen.possible(molecule)
    own, values = molecule.rdkit, {name: 0 for name, _ in patterns}
    for i in possible:
        name, pattern = patterns[i]
        if name == "alert":
            values[name] += own.HasSubstructMatch(pattern)
        else:
            values[name] += len(own.GetSubstructMatches(pattern))
    rotatable = rdMolDescriptors.CalcNumRotatableBonds(own)
    donors = rdMolDescriptors.CalcNumHBD(own)
    area = rdMolDescriptors.CalcTPSA(own)
    aliphatic = {atom for (atom,) in own.GetSubstructMatches(QED.AliphaticRings)}
    properties = _properties(
        MW=rdMolDescriptors._CalcMolWt(own),
        ALOGP=molecule.crippen_total[0],
        HBA=values.pop("acceptor"),
        HBD=donors,
        PSA=area,
        ROTB=rotatable,
        AROM=_cycles(molecule, aliphatic),
        ALERTS=values.pop("alert"),
    )
    return {
        **values,
        "NumRotatableBonds": rotatable,
        "NumHDonors": donors,
        "TPSA": area,
        "qed": _qed(own, qedProperties=properties),
    }


def _cycles(molecule: DescribedMolecule, without: set[int]) -> int:
    """Return the number of independent cycles that avoid some atoms."""
    parent = list(range(len(molecule.atoms)))

    def root(atom: int) -> int:
        while parent[atom] != atom:
            atom = parent[atom]
        return atom

    cycles = 0
    for begin, end, _, ring in molecule.bond_keys:
        if ring and begin not in without and end not in without:
            one, other = root(begin), root(end)
            cycles += one == other
            parent[one] = other
    return cycles


_CUBIC_GROUPS = (burden, polynomial, topology)
_GROUPS = (
    _electrotopological,
    _electrons,
    _charges,
    _lipophilicity,
    _fingerprint_densities,
    paths,
    _complexity,
    _substructures,
    *_CUBIC_GROUPS,
)
