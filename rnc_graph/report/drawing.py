"""Molecules as small pictures for a page."""

from __future__ import annotations

import re
from typing import Any


def molecule_svg(smiles: str) -> str:
    """Draw a molecule as SVG in the page's own colours, 220 by 160.

    Raises:
        ValueError: the SMILES is no molecule.
    """
    from rdkit.Chem.Draw import rdMolDraw2D

    from rnc_graph.data.featurise import parse_smiles

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
    svg = svg.replace("stroke-linecap:butt;stroke-linejoin:miter;stroke-opacity:1", "")
    return re.sub(r"\s*\n\s*", "", svg)
