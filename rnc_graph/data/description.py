"""What is inside a table of molecules: rows, gaps, repeats, labels, structures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.bad import BadRow, bad_rows
from rnc_graph.data.splits import PUBLISHED, SPLITS, SplitSamples
from rnc_graph.data.table import FloatArray, MoleculeTable
from rnc_graph.errors import BadValueError

if TYPE_CHECKING:  # The list of data sets is printed without RDKit.
    from rnc_graph.data.smiles import BadMolecule

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
BINS = 24
NEAR = 0.9
"""The Tanimoto similarity from which two molecules are near-duplicates."""

# Values pile up at a limit that has such a share of them, so many, and so many times the rows that
# a value has in the median.
_PILE, _FEWEST, _OTHERS = 0.02, 5, 5
# Repeats that differ by such factors, or their logarithms by such numbers, may have other units.
_FACTORS = (1e3, 1e6, 1e9)
_RTOL = 0.01
# A target with larger values is no logarithm.
_LARGEST_LOGARITHM = 20.0
# Molecules that are compared with so many of each embedded data set.
_COMPARED, _OF_A_SET = 300, 400


@dataclass(frozen=True)
class TargetDescription:
    """The labels of one target, in its unit.

    All numbers but ``bounds`` are of values alone: NaN, and counts of 0, where there are none.

    Attributes:
        n_values: how many rows have a value.
        missing: how many have neither a value nor a bound.
        quantiles: values at ``QUANTILES``, from the least to the greatest.
        counts: (BINS,) values in bins of equal width.
        edges: (BINS + 1,) ends of the bins.
        unit: "" where unknown.
        limits: the least and the greatest value, with their numbers of rows, where many rows have
            them, as at the limit of an assay.
        repeated: molecules with several values.
        repeat_sd: pooled standard deviation of the values of a molecule, an estimate of the error
            of the measurement; NaN without repeats. No model can have a smaller RMSE on them.
        other_units: molecules whose values differ by a factor of 10³, 10⁶ or 10⁹, or by 3, 6 or 9
            where they may be logarithms.
        bounds: how many rows have a bound such as ">100" in place of a value.
    """

    name: str
    n_values: int
    missing: int
    mean: float
    sd: float
    quantiles: FloatArray
    counts: NDArray[np.int64]
    edges: FloatArray
    unit: str = ""
    limits: list[tuple[float, int]] = field(default_factory=list)
    repeated: int = 0
    repeat_sd: float = float("nan")
    other_units: int = 0
    bounds: int = 0


@dataclass(frozen=True)
class StructureDescription:
    """The structures of the different molecules that can be read.

    Attributes:
        salts: those of several fragments.
        chiral: those with a stereocenter or double bond whose configuration is given.
        unspecified: those with one whose configuration is not given.
        atoms: heavy atoms at ``QUANTILES``.
        scaffolds: different Bemis-Murcko scaffolds.
        single: those of them that one molecule has.
        largest: the most frequent scaffold ("" is no ring) and its number of molecules.
        split: the split that ``near`` is about; "" if the table is too small for one.
        test: molecules of its test set.
        near: those with a near-duplicate (Tanimoto of 0.9 or more) in its training set.
        nearest_set: the embedded data set with the most similar molecules.
        similarity: mean Tanimoto similarity to the most similar of its molecules, of samples.
    """

    salts: int
    chiral: int
    unspecified: int
    atoms: FloatArray
    scaffolds: int
    single: int
    largest: tuple[str, int]
    split: str
    test: int
    near: int
    nearest_set: str
    similarity: float


@dataclass(frozen=True)
class TableDescription:
    """What is inside a table.

    Attributes:
        name: of the table.
        rows: N, with the bad ones.
        molecules: how many different ones can be read.
        bad: the rows whose SMILES give no molecule, by their index.
        bad_rows: the same, by their number and line in the source.
        repeated: molecules with more than one row.
        conflicts: those of them whose values conflict; see ``find_duplicates``.
        targets: one for each target, of the rows that can be read.
        structures: None where they were not described.
    """

    name: str
    rows: int
    molecules: int
    bad: list[BadMolecule]
    bad_rows: list[BadRow]
    repeated: int
    conflicts: int
    targets: list[TargetDescription]
    structures: StructureDescription | None


def describe(table: MoleculeTable, *, structures: bool = True) -> TableDescription:
    """Describe a table of molecules.

    Args:
        table: the table.
        structures: whether to describe the structures too, which takes milliseconds a molecule.

    >>> from rnc_graph.data import load_dataset
    >>> found = describe(load_dataset("freesolv"), structures=False)
    >>> found.rows, found.targets[0].n_values
    (642, 642)
    """
    from rnc_graph.data.duplicates import find_duplicates
    from rnc_graph.data.smiles import BadMolecule, canonical_smiles

    canonical: list[str] = []
    bad: list[BadMolecule] = []
    for row, text in enumerate(table.smiles):
        try:
            canonical.append(canonical_smiles(text))
        except ValueError as reason:
            bad.append(BadMolecule(row, text, str(reason)))
    unreadable = bad_rows(bad, table)
    rows = len(table)
    if bad:
        table = table.take(np.setdiff1d(np.arange(rows), [molecule.row for molecule in bad]))
    duplicates = find_duplicates(canonical, table.exact)
    return TableDescription(
        name=table.name,
        rows=rows,
        molecules=len(set(canonical)),
        bad=bad,
        bad_rows=unreadable,
        repeated=len(duplicates.groups),
        conflicts=len(duplicates.conflicts),
        targets=[
            _target(name, values, exact, unit, duplicates.groups)
            for name, values, exact, unit in zip(
                table.target_names, table.targets.T, table.exact.T, table.unit_of_each, strict=True
            )
        ],
        structures=_structures(table, canonical) if structures and len(table) else None,
    )


def _target(
    name: str,
    values: FloatArray,
    exact: FloatArray,
    unit: str,
    groups: Sequence[NDArray[np.int64]],
) -> TargetDescription:
    known = exact[~np.isnan(exact)]
    some = known if len(known) else np.full(1, np.nan)
    missing = int(np.isnan(values).sum())
    counts, edges = np.histogram(known, bins=BINS)
    several = [own[~np.isnan(own)] for own in (exact[rows] for rows in groups)]
    several = [own for own in several if len(own) > 1]
    squares = sum(float(np.square(own - own.mean()).sum()) for own in several)
    freedom = sum(map(len, several)) - len(several)
    different, rows_of_each = np.unique(known, return_counts=True)
    usual = float(np.median(rows_of_each)) if len(known) else 0.0
    fewest = max(_FEWEST, _PILE * len(known), _OTHERS * usual)
    return TargetDescription(
        name=name,
        n_values=len(known),
        missing=missing,
        mean=float(some.mean()),
        sd=float(some.std()),
        quantiles=np.quantile(some, QUANTILES),
        counts=counts,
        edges=edges,
        unit=unit,
        limits=[
            (float(different[end]), int(rows_of_each[end]))
            for end in (0, -1)
            if len(different) > 1 and rows_of_each[end] >= fewest
        ],
        repeated=len(several),
        repeat_sd=(squares / freedom) ** 0.5 if freedom else float("nan"),
        other_units=sum(
            _may_have_other_units(own, np.abs(known).max() <= _LARGEST_LOGARITHM) for own in several
        ),
        bounds=len(values) - missing - len(known),
    )


def _may_have_other_units(values: FloatArray, logarithms: bool) -> bool:
    low, high = values.min(), values.max()
    ratio = high / low if low > 0 else 0.0
    far = np.isclose(ratio, _FACTORS, rtol=_RTOL).any()
    if logarithms:
        far |= np.isclose(high - low, np.log10(_FACTORS), rtol=_RTOL).any()
    return bool(far)


def _structures(table: MoleculeTable, canonical: list[str]) -> StructureDescription:
    from rnc_graph.data.fingerprints import bit_vectors
    from rnc_graph.data.smiles import parse_smiles
    from rnc_graph.data.splits.chemical import murcko_scaffold

    different = list(dict.fromkeys(canonical))
    molecules = [parse_smiles(text) for text in different]
    scaffolds = Counter(map(murcko_scaffold, different))
    bits = bit_vectors(molecules)
    given, missing = zip(*map(_stereo, molecules), strict=True)
    split, test, near = _near_duplicates(table, canonical, dict(zip(different, bits, strict=True)))
    nearest_set, similarity = _nearest_set(table.name, bits)
    return StructureDescription(
        salts=sum("." in text for text in different),
        chiral=sum(given),
        unspecified=sum(missing),
        atoms=np.quantile([molecule.GetNumHeavyAtoms() for molecule in molecules], QUANTILES),
        scaffolds=len(scaffolds),
        single=list(scaffolds.values()).count(1),
        largest=scaffolds.most_common(1)[0],
        split=split,
        test=test,
        near=near,
        nearest_set=nearest_set,
        similarity=similarity,
    )


def _stereo(molecule: Any) -> tuple[bool, bool]:
    """Return whether a configuration is given, and whether one is missing."""
    from rdkit.Chem import FindPotentialStereo, StereoSpecified

    from rnc_graph.data.rdkit_log import whole

    found = {info.specified for info in whole(lambda: FindPotentialStereo(molecule))}
    return StereoSpecified.Specified in found, StereoSpecified.Unspecified in found


def _near_duplicates(
    table: MoleculeTable, canonical: list[str], bits: dict[str, Any]
) -> tuple[str, int, int]:
    """Return the default split, the molecules of its test set, and those with a near-duplicate."""
    from rdkit.DataStructs import BulkTanimotoSimilarity

    name = "published" if PUBLISHED in table.extra else "random"
    try:
        samples = SplitSamples.of(table, canonical)
        split = SPLITS.make(name).split(samples, 0, (0.8, 0.1, 0.1))
    except BadValueError:  # Too few molecules.
        return "", 0, 0
    test = dict.fromkeys(canonical[row] for row in split.test)
    train = [bits[text] for text in dict.fromkeys(canonical[row] for row in split.train)]
    near = sum(max(BulkTanimotoSimilarity(bits[text], train)) >= NEAR for text in test)
    return name, len(test), near


def _nearest_set(name: str, bits: Sequence[Any]) -> tuple[str, float]:
    """Return the embedded data set that some molecules resemble most, and how much."""
    from rdkit.DataStructs import BulkTanimotoSimilarity

    from rnc_graph.data.catalog import dataset_cards, load_dataset
    from rnc_graph.data.fingerprints import bit_vectors
    from rnc_graph.data.smiles import parse_smiles

    queries = bits[:: -(-len(bits) // _COMPARED)]
    found = {}
    for card in dataset_cards().values():
        if card.collection or card.name == name:
            continue
        smiles = load_dataset(card.name).smiles
        known = bit_vectors(map(parse_smiles, smiles[:: -(-len(smiles) // _OF_A_SET)]))
        nearest = [max(BulkTanimotoSimilarity(own, known)) for own in queries]
        found[card.name] = float(np.mean(nearest))
    best = max(found, key=lambda key: found[key])
    return best, found[best]
