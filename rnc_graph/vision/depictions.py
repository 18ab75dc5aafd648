"""Molecules drawn as images: continuous targets for an encoder of images, without a download."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from rnc_graph.data.bad import BadRow, check_bad, shorten
from rnc_graph.data.cache import OnDone
from rnc_graph.data.inputs import DEPICTIONS
from rnc_graph.vision.drawing import DRAWER, Drawing, draw_all
from rnc_graph.vision.store import PackedImages, digest, packed_images


@DEPICTIONS.register("rdkit")
class Depictions(Drawing):
    """Pictures of molecules by RDKit."""

    def draw(self, smiles: list[str], source: str) -> PackedImages:
        """Return the pictures of N SMILES: see :func:`depict`."""
        return depict(smiles, self, source)


def depict(
    smiles: Sequence[str],
    drawing: Drawing,
    source: str,
    *,
    jobs: int = 1,
    on_done: OnDone = lambda images: None,
) -> PackedImages:
    """Return the pictures of N molecules, row by row, drawn once and cached after.

    Args:
        smiles: N SMILES; all that are not valid are named in an error.
        drawing: how they are drawn.
        source: where they are from, for error messages.
        jobs: processes to draw in.
        on_done: called with the number of molecules done since the last call.
    """
    import rdkit
    from PIL import __version__ as pillow

    # A value that is no text differs from all texts.
    texts = (text if isinstance(text, str) else f"{text!r} is no text" for text in smiles)
    key = digest([DRAWER, rdkit.__version__, pillow, asdict(drawing)], texts)
    make = partial(draw_all, drawing=drawing)
    images, bad = packed_images(key, smiles, make, drawing.shape, jobs=jobs, on_done=on_done)
    rows = [BadRow(row + 1, None, "", shorten(str(smiles[row])), why) for row, why in bad.items()]
    check_bad(rows, "raise", source)
    return images
