"""One SMILES in, the picture of its molecule out."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_graph.data.smiles import parse_smiles
from rnc_graph.errors import BadValueError
from rnc_graph.vision.decoding import Pixels, filled

# Part of the cache's key: changes whenever the same SMILES would give other pixels.
DRAWER = "1"


@dataclass(frozen=True)
class Drawing:
    """How RDKit draws molecules: black on white for gray images, else in its colors.

    Attributes:
        size: H = W in pixels.
        gray: whether images have one channel in place of three.
        line_width: of bonds, in pixels, the same for all molecules.
    """

    size: int = 64
    gray: bool = False
    line_width: int = 1

    def __post_init__(self) -> None:
        if self.size < 16 or self.line_width < 1:
            raise BadValueError(
                "depictions: expected a size of at least 16 and lines of at least 1 pixel, got "
                f"{self.size} and {self.line_width}"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of each picture."""
        return self.size, self.size, 1 if self.gray else 3


def draw(smiles: str, drawing: Drawing) -> NDArray[np.uint8]:
    """Return the (size, size, C) pixels of a molecule, always the same for one SMILES."""
    from PIL import Image
    from rdkit.Chem.Draw import rdMolDraw2D

    molecule = parse_smiles(smiles)
    canvas: Any = rdMolDraw2D.MolDraw2DCairo(drawing.size, drawing.size)
    options = canvas.drawOptions()
    options.bondLineWidth = drawing.line_width
    options.scaleBondWidth = False
    options.padding = 0.03
    options.minFontSize = max(6, drawing.size // 12)  # Letters stay legible on a small image.
    if drawing.gray:
        options.useBWAtomPalette()
    rdMolDraw2D.PrepareAndDrawMolecule(canvas, molecule)
    canvas.FinishDrawing()
    with Image.open(io.BytesIO(canvas.GetDrawingText())) as picture:
        pixels = np.asarray(picture.convert("L" if drawing.gray else "RGB"), dtype=np.uint8)
    return pixels.reshape(drawing.shape)


def draw_all(smiles: Sequence[str], drawing: Drawing) -> Pixels:
    """Return the (n, size, size, C) pixels of n SMILES."""
    return filled(smiles, lambda text: draw(text, drawing), drawing.shape)
