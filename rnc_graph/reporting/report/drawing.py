"""Molecules and images as small pictures for a page."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import torch

from rnc_graph.data import MoleculeTable
from rnc_graph.experiments.datasets import Loaded

# The longest side of an image on a page, in pixels.
_SIDE = 96


def kind_of(loaded: Loaded) -> dict[str, str]:
    """Return what a data set's samples are called, and what names one of them."""
    if isinstance(loaded.table, MoleculeTable):
        return {"sample": "molecule", "label": "SMILES"}
    return {"sample": "image", "label": "image"}


def label_of(loaded: Loaded, row: int) -> str:
    """Return what names a sample: its SMILES, or the name of its file."""
    if isinstance(loaded.table, MoleculeTable):
        return loaded.table.smiles[row]
    # With its folder, which names the class where folders are the classes.
    return "/".join(Path(loaded.table.names[row]).parts[-2:])


def picture_of(loaded: Loaded, row: int) -> str:
    """Return a sample as HTML that needs no other file."""
    if isinstance(loaded.table, MoleculeTable):
        return molecule_svg(loaded.table.smiles[row])
    from PIL import Image

    assert loaded.images is not None
    pixels = loaded.images.batch(torch.tensor([row]))[0].permute(1, 2, 0).numpy()
    image = Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
    image.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    # Photographs take a sixth of the space as JPEG.
    kind = "png" if image.mode == "L" else "jpeg"
    image.save(out, kind, **({} if kind == "png" else {"quality": 85}))
    content = base64.b64encode(out.getvalue()).decode("ascii")
    return f'<img alt="" width="{_SIDE}" src="data:image/{kind};base64,{content}">'


def molecule_svg(smiles: str) -> str:
    """Draw a molecule as SVG in the page's own colors, 220 by 160.

    Raises:
        ValueError: the SMILES is no molecule.
    """
    from rdkit.Chem.Draw import rdMolDraw2D

    from rnc_graph.data.featurizer import parse_smiles

    drawer = rdMolDraw2D.MolDraw2DSVG(220, 160)
    options: Any = drawer.drawOptions()
    options.clearBackground = False
    options.useBWAtomPalette()
    options.fixedBondLength = 26
    options.padding = 0.06
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, parse_smiles(smiles))
    drawer.FinishDrawing()
    svg = str(drawer.GetDrawingText())
    svg = svg[svg.index("<svg") :].replace("#000000", "currentColor")
    svg = re.sub(r"xmlns:\w+='[^']*'\s*|xml:space='preserve'\s*|<!--.*?-->", "", svg)
    svg = re.sub(r" class='[^']*'", "", svg)
    svg = re.sub(r"(\d+\.\d)\d+", r"\1", svg)
    svg = svg.replace("fill:none;fill-rule:evenodd;", "fill:none;")
    svg = re.sub(r"stroke-linecap:butt;stroke-linejoin:miter;[^']*", "", svg)
    svg = re.sub(r"\s*\n\s*", "", svg)
    svg = re.sub(r" ?([MLQCZ]) ?", r"\1", svg.replace(".0,", ",").replace(".0 ", " "))
    # One path for all neighbors of one look: half the size of a page of thousands.
    return re.sub(r"<path d='[^']*'( [^>]*/>)(?:<path d='[^']*'\1)+", _one_path, svg)


def _one_path(paths: re.Match[str]) -> str:
    drawn = "".join(re.findall(r"d='([^']*)'", paths[0]))
    return f"<path d='{drawn}'{paths[1]}"
