"""Where the shipped data sets and experiment specs lie.

In a checkout they stand at its top; an installed wheel carries them inside the package.
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def resource_dir(name: str) -> Path:
    """Return the folder ``name`` ("datasets" or "experiments") of the wheel or of the checkout."""
    inside = _PACKAGE / "_shipped" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
