"""One SMILES in, the picture of its molecule out."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.featurizer import parse_smiles
from rnc_graph.errors import BadValueError
from rnc_graph.vision.decoding import BadImage

# Raised whenever the pixels that drawing gives change.
DRAWER = "1"


@dataclass(frozen=True)
class Drawing:
    """How molecules are drawn: black on white for gray images, with RDKit's colors otherwise.

    Attributes:
        size: H = W in pixels.
        gray: whether images have one channel rather than three.
        line_width: of bonds, in pixels, the same for all molecules.

    Raises:
        RncGraphError: a size below 16, or a line width below 1.
    """

    size: int = 64
    gray: bool = False
    line_width: int = 1

    def __post_init__(self) -> None:
        if self.size < 16 or self.line_width < 1:
            raise BadValueError(
                f"depictions: found a size of {self.size} and lines of {self.line_width} pixels, "
                "right is 16 or more and 1 or more"
            )

    @property
    def channels(self) -> int:
        """C."""
        return 1 if self.gray else 3


def draw(smiles: str, drawing: Drawing) -> NDArray[np.uint8]:
    """Return the (size, size, C) pixels of a molecule, always the same for one SMILES.

    Raises:
        ValueError: the SMILES is no molecule; the message is the reason.
    """
    from PIL import Image
    from rdkit.Chem.Draw import rdMolDraw2D

    molecule = parse_smiles(smiles)
    canvas: Any = rdMolDraw2D.MolDraw2DCairo(drawing.size, drawing.size)
    options = canvas.drawOptions()
    options.bondLineWidth = drawing.line_width
    options.scaleBondWidth = False
    options.padding = 0.03
    # Letters that can still be told on a small image.
    options.minFontSize = max(6, drawing.size // 12)
    if drawing.gray:
        options.useBWAtomPalette()
    rdMolDraw2D.PrepareAndDrawMolecule(canvas, molecule)
    canvas.FinishDrawing()
    with Image.open(io.BytesIO(canvas.GetDrawingText())) as picture:
        pixels = np.asarray(picture.convert("L" if drawing.gray else "RGB"), dtype=np.uint8)
    return pixels.reshape(drawing.size, drawing.size, drawing.channels)


def draw_all(smiles: Sequence[str], drawing: Drawing) -> tuple[NDArray[np.uint8], list[BadImage]]:
    """Return the (n, size, size, C) pixels of n SMILES; a bad one is black and named."""
    pixels = np.zeros((len(smiles), drawing.size, drawing.size, drawing.channels), dtype=np.uint8)
    bad = []
    for row, text in enumerate(smiles):
        try:
            pixels[row] = draw(text, drawing)
        except ValueError as error:
            bad.append(BadImage(row, repr(text), str(error)))
    return pixels, bad
