"""A molecule as pixels."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

# An inch; twice what figures are saved with, so that lines stay sharp.
PIXELS = 220


def molecule_pixels(smiles: str, width: float, height: float) -> NDArray[np.float64]:
    """Draw a molecule; small ones no larger than the others.

    Args:
        smiles: a valid SMILES.
        width: in inches.
        height: in inches.

    Returns:
        (rows, columns, 4) from 0 to 1.

    Raises:
        ValueError: the SMILES is no molecule.
    """
    from matplotlib.image import imread
    from rdkit.Chem.Draw import rdMolDraw2D

    from rnc_graph.data.featurizer import parse_smiles

    drawer = rdMolDraw2D.MolDraw2DCairo(round(width * PIXELS), round(height * PIXELS))
    options: Any = drawer.drawOptions()
    options.fixedBondLength = 45
    options.bondLineWidth = 3
    options.minFontSize = 14
    options.padding = 0.04
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, parse_smiles(smiles))
    drawer.FinishDrawing()
    pixels: NDArray[np.float64] = imread(BytesIO(drawer.GetDrawingText()), format="png")
    return pixels
