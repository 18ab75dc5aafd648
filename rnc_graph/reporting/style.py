"""The style of all figures: colors, sizes, panels, files."""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnc_graph.files import atomic_path
from rnc_graph.reporting.markup import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colors, which color-blind eyes distinguish too.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
BETTER, WORSE, NEUTRAL, LINE = COLORS[2], COLORS[1], "0.45", "0.3"
SEQUENTIAL = "viridis"

PANEL = 2.8  # inches
_LONGEST = 60  # characters of a name
_PANEL_LINE = 38  # characters above a panel

_SETTINGS: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "figure.titlesize": 10,
    "figure.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    # Names are text: a dollar sign in one begins no formula.
    "text.parse_math": False,
    "svg.hashsalt": "rnc_graph",
    "svg.fonttype": "none",
}

# With the letters that matplotlib's own font lacks: of Linux, macOS and Windows.
_FURTHER_FONTS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK KR", "Source Han Sans"),
    *("WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback", "IPAGothic"),
    *("Hiragino Sans", "PingFang HK", "Heiti TC", "Apple SD Gothic Neo", "Arial Unicode MS"),
    *("Yu Gothic", "MS Gothic", "Microsoft YaHei", "SimHei", "Malgun Gothic"),
)

P = ParamSpec("P")
T = TypeVar("T")


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Make a function draw in this style."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        import matplotlib
        from cycler import cycler

        own: dict[Any, Any] = {"axes.prop_cycle": cycler(color=COLORS), "font.family": _families()}
        with matplotlib.rc_context({**_SETTINGS, **own}):
            return draw(*args, **kwargs)

    return drawn


@cache
def _families() -> list[str]:
    """Return matplotlib's own family, and installed ones for the letters that it lacks."""
    from matplotlib.font_manager import fontManager

    # It would warn of those that are not installed.
    installed = set(fontManager.get_font_names())
    return ["sans-serif", *(name for name in _FURTHER_FONTS if name in installed)]


def panels(
    count: int, *, columns: int = 5, width: float = PANEL, height: float = PANEL
) -> tuple[Figure, list[Any]]:
    """Return a figure with a grid of panels of this size in inches, and their axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(1, min(columns, count))
    lines = max(1, math.ceil(count / columns))
    figure = Figure(figsize=(width * columns, height * lines + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(lines, columns, squeeze=False).flat)
    for unused in axes[count:]:
        unused.remove()
    return figure, axes[:count]


def limits_of(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of an axis that shows all values (N,); NaN is missing."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def square(axis: Any, limits: tuple[float, float]) -> None:
    """Draw the diagonal, with the same limits and ticks on both axes."""
    from matplotlib.ticker import MaxNLocator

    axis.plot(limits, limits, color=LINE, linewidth=0.8)
    axis.set(xlim=limits, ylim=limits, aspect="equal")
    axis.xaxis.set_major_locator(MaxNLocator(4))
    axis.yaxis.set_major_locator(MaxNLocator(4))


def short(name: str) -> str:
    """Return a name for a figure, where a longer one would leave no room for the panel."""
    name = one_line(name)
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def panel_name(name: str) -> str:
    """Return a name for above a panel, in lines that fit."""
    return "\n".join(textwrap.wrap(short(name), _PANEL_LINE)) or name


def name_lines(axis: Any, names: list[str]) -> None:
    """Name the lines of a panel, the first one at the bottom."""
    axis.set_yticks(range(len(names)), [*map(short, names)])
    axis.set_ylim(-0.7, len(names) - 0.3)


@contextmanager
def _missing_letters() -> Iterator[None]:
    """Warn once that letters are drawn as boxes, where matplotlib warns of each."""
    with warnings.catch_warnings(record=True) as found:
        warnings.filterwarnings("always", message="Glyph .* missing")
        yield
    for one in found:
        if str(one.message).startswith("Glyph "):
            _warn_of_boxes()
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


@cache  # Of all figures of a process.
def _warn_of_boxes() -> None:
    warnings.warn(
        "letters of the figures' texts are drawn as boxes: no font of this machine has them; "
        "install one, such as Noto Sans CJK",
        stacklevel=2,
    )


@styled
def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the suffix; equal figures are equal bytes.

    A PNG has 256 colors, a third of the size.
    """
    from PIL import Image

    kind = path.suffix[1:].lower()
    dated = {"svg": "Date", "pdf": "CreationDate", "png": "Software"}
    metadata = {dated[kind]: None} if kind in dated else None
    with atomic_path(path) as temporary:
        with _missing_letters():
            figure.savefig(temporary, format=kind, dpi=180, metadata=metadata)
        if kind == "png":
            with Image.open(temporary) as image:
                few = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
            few.save(temporary, format="PNG", optimize=True, dpi=(180, 180))
