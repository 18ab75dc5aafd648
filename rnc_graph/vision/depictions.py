"""Molecules drawn as images: real targets for an encoder of images, without a download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from rnc_graph.data.cache import OnDone
from rnc_graph.errors import BadValueError
from rnc_graph.vision.cache import digest, packed_images
from rnc_graph.vision.drawing import DRAWER, Drawing, draw_all
from rnc_graph.vision.store import PackedImages


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
        smiles: N SMILES.
        drawing: how they are drawn.
        source: what errors call the place they came from.
        jobs: processes to draw in.
        on_done: told how many more molecules are done.

    Raises:
        RncGraphError: a SMILES gives no molecule; the message names its row, text and reason.
    """
    import rdkit
    from PIL import __version__ as pillow

    # What is no text stands apart from all texts.
    texts = (text if isinstance(text, str) else f"{text!r} is no text" for text in smiles)
    key = digest([DRAWER, rdkit.__version__, pillow, asdict(drawing)], texts)
    shape = (drawing.size, drawing.size, drawing.channels)
    make = partial(draw_all, drawing=drawing)
    packed = packed_images(key, smiles, make, shape, jobs=jobs, on_done=on_done)
    if packed.bad:
        shown = [f"  row {b.row + 1}: {b.path[:80]}: {b.reason}" for b in packed.bad[:10]]
        if len(packed.bad) > len(shown):
            shown.append(f"  and {len(packed.bad) - len(shown)} more")
        head = f"{source}: {len(packed.bad)} SMILES cannot be read (rows counted below the header)"
        raise BadValueError("\n".join([head, *shown]))
    return packed.images
