"""Molecules that another set lacks: what a model was not trained for."""

from collections.abc import Sequence

from rnc_graph.data.featurizer import canonical_smiles


def without(smiles: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return those of ``smiles`` whose molecule is none of ``known``, by canonical SMILES.

    Raises:
        ValueError: a SMILES gives no molecule.

    >>> without(["OCC", "c1ccccc1"], ["CCO"])
    ['c1ccccc1']
    """
    excluded = {canonical_smiles(text) for text in known}
    return [text for text in smiles if canonical_smiles(text) not in excluded]
