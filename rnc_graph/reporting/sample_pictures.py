"""Molecules and images as pictures, for figures and pages."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rnc_graph.data import MoleculeTable
from rnc_graph.data.smiles import parse_smiles
from rnc_graph.experiments.datasets import Loaded

# Pixels an inch; more than figures are saved with, so that lines stay sharp.
_PIXELS = 220

# The longest side of an image on a page, in pixels.
_SIDE = 96


def molecule_pixels(smiles: str, width: float, height: float) -> NDArray[np.float64]:
    """Draw a valid SMILES into pixels (rows, columns, 4) from 0 to 1, width and height in inches.

    Small molecules are drawn no larger than the others.
    """
    from matplotlib.image import imread
    from rdkit.Chem.Draw import rdMolDraw2D

    drawer = rdMolDraw2D.MolDraw2DCairo(round(width * _PIXELS), round(height * _PIXELS))
    options: Any = drawer.drawOptions()
    options.bondLineWidth = 3
    options.minFontSize = 14
    _draw(drawer, smiles, bond=45, padding=0.04)
    pixels: NDArray[np.float64] = imread(BytesIO(drawer.GetDrawingText()), format="png")
    return pixels


@dataclass(frozen=True)
class AtomMark:
    """A disk behind an atom: its fill in CSS, its opacity from 0 to 1, and a note beside it."""

    fill: str
    opacity: float
    note: str = ""


def molecule_svg(
    smiles: str,
    size: tuple[int, int] = (220, 160),
    bond: int = 26,
    marks: Mapping[int, AtomMark] | None = None,
) -> str:
    """Draw a valid SMILES as SVG in the page's own colors, with marks behind some of its atoms.

    A bond is so many pixels long, and shorter where the molecule would not fit.
    """
    from rdkit.Chem.Draw import rdMolDraw2D

    marks = marks or {}
    # Letters are text: as outlines they take most of the space.
    drawer = rdMolDraw2D.MolDraw2DSVG(*size, noFreetype=True)
    options: Any = drawer.drawOptions()
    options.clearBackground = False
    options.annotationFontScale = 0.8
    options.useBWAtomPalette()
    notes = {number: mark.note for number, mark in marks.items() if mark.note}
    _draw(drawer, smiles, bond=bond, padding=0.06, notes=notes)
    svg = str(drawer.GetDrawingText())
    svg = svg[svg.index("<svg") :].replace("#000000", "currentColor")
    # Round ends of the bonds, in place of a short line around each corner.
    svg = re.sub(r"<path d='[^']*' style='fill:none;[^>]*/>", "", svg)
    svg = svg.replace("<svg ", "<svg stroke-linecap='round' font-family='sans-serif' ", 1)
    svg = re.sub(r"xmlns:\w+='[^']*'\s*|xml:space='preserve'\s*|<!--.*?-->", "", svg)
    svg = re.sub(r"version='1.1' baseProfile='full'\s*| class='[^']*'", "", svg)
    svg = re.sub(r"font-(style|weight):normal;|fill-opacity:1;|stroke:none;", "", svg)
    svg = re.sub(r"font-family:sans-serif;|text-anchor:start;|fill-rule:evenodd;", "", svg)
    svg = re.sub(r"stroke-linecap:butt;stroke-linejoin:miter;[^']*", "", svg)
    svg = re.sub(r"\s*\n\s*", "", svg)
    # To half a pixel.
    svg = re.sub(r"\d+\.\d+", lambda number: f"{round(2 * float(number[0])) / 2:g}", svg)
    svg = re.sub(r" ?([MLQCZ]) ?", r"\1", svg)
    # One path for all neighbors of one style: half the size of a page of thousands.
    svg = re.sub(r"<path d='[^']*'( [^>]*/>)(?:<path d='[^']*'\1)+", _one_path, svg)
    return re.sub(r"<svg[^>]*>", lambda head: head[0] + _disks(drawer, smiles, marks), svg, count=1)


def _disks(drawer: Any, smiles: str, marks: Mapping[int, AtomMark]) -> str:
    molecule = parse_smiles(smiles)
    place = [drawer.GetDrawCoords(number) for number in range(molecule.GetNumAtoms())]
    bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()]
    lengths = [(place[begin] - place[end]).Length() for begin, end in bonds]
    radius = 0.42 * float(np.median(lengths)) if lengths else 11.0
    return "".join(
        f'<circle cx="{place[number].x:.1f}" cy="{place[number].y:.1f}" r="{radius:.1f}" '
        f'fill="{mark.fill}" fill-opacity="{mark.opacity:.2f}"/>'
        for number, mark in marks.items()
    )


def _draw(
    drawer: Any, smiles: str, *, bond: int, padding: float, notes: Mapping[int, str] | None = None
) -> None:
    from rdkit.Chem.Draw import rdMolDraw2D

    options = drawer.drawOptions()
    options.fixedBondLength = bond
    options.padding = padding
    molecule = parse_smiles(smiles)
    for number, note in (notes or {}).items():
        molecule.GetAtomWithIdx(number).SetProp("atomNote", note)
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, molecule)
    drawer.FinishDrawing()


def _one_path(paths: re.Match[str]) -> str:
    drawn = "".join(re.findall(r"d='([^']*)'", paths[0]))
    return f"<path d='{drawn}'{paths[1]}"


def kind_of(loaded: Loaded) -> dict[str, str]:
    """Return what a data set's samples are called, and what names one of them."""
    if isinstance(loaded.table, MoleculeTable):
        return {"sample": "molecule", "label": "SMILES"}
    if loaded.images is None:
        return {"sample": "graph", "label": "graph"}
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
    if loaded.images is None:  # Graphs without SMILES are not drawn.
        return ""
    from PIL import Image

    pixels = loaded.images.batch(torch.tensor([row]))[0].permute(1, 2, 0).numpy()
    image = Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
    image.thumbnail((_SIDE, _SIDE))
    out = BytesIO()
    # Photographs take a sixth of the space as JPEG.
    kind = "png" if image.mode == "L" else "jpeg"
    image.save(out, kind, **({} if kind == "png" else {"quality": 85}))
    content = base64.b64encode(out.getvalue()).decode("ascii")
    return f'<img alt="" width="{_SIDE}" src="data:image/{kind};base64,{content}">'
