"""Encoders with pretrained weights: those of the package, and those of a folder."""

from __future__ import annotations

import hashlib
import inspect
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from rnc_graph.encoders.base import ENCODERS, Encoder
from rnc_graph.encoders.graph import GraphEncoder
from rnc_graph.errors import BadValueError, FileError
from rnc_graph.files import read_bytes, write_text

PRETRAINED = "pretrained"
"""The name of the encoder of a folder."""

INCLUDED = ("gin-moses", "gin-moses-1m")
"""The names of those of the package. Their weights never change: saved models rely on them."""

WITH_WEIGHTS = (PRETRAINED, *INCLUDED)
"""The names of encoders that have weights before they are trained."""

WEIGHTS, CARD = "encoder.safetensors", "encoder.json"
# Far more than an encoder of molecules needs.
_LARGEST_WEIGHTS, _LARGEST_CARD = 2**31, 2**22
_CHECKSUM = "weights_sha256"
_WEIGHTS = Path(__file__).parent / "weights"


def save_pretrained(folder: Path, encoder: Encoder, card: dict[str, Any]) -> None:
    """Write ``encoder.safetensors`` and ``encoder.json``, its card, into a folder.

    In the card "encoder" and "options" are what the encoder is made of.
    """
    state = {
        name: value.detach().cpu().contiguous() for name, value in encoder.state_dict().items()
    }
    weights = save(state)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(weights)
    card = card | {_CHECKSUM: hashlib.sha256(weights).hexdigest()}
    write_text(folder / CARD, json.dumps(card, indent=1) + "\n")


def read_card(folder: Path) -> dict[str, Any]:
    """Return the card of a pretrained encoder.

    Raises:
        FileError: there is none, or it cannot be read.
    """
    try:
        card = json.loads(read_bytes(folder / CARD, _LARGEST_CARD))
        # A function among the encoders may lead to a card again.
        made, options = ENCODERS.get(card["encoder"]), card.get("options")
        if not (inspect.isclass(made) and issubclass(made, GraphEncoder)):
            raise ValueError("expected the name of an encoder of graphs under 'encoder'")
        if not isinstance(options, dict):
            raise ValueError("expected a dict under 'options'")
        return dict(card)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise FileError(f"{folder / CARD}: not the card of an encoder: {error}") from error


def architecture(folder: Path, **options: Any) -> tuple[str, dict[str, Any]]:
    """Return the name and the options that make the encoder of a folder, without its weights."""
    card = read_card(folder)
    return card["encoder"], card["options"] | options


def load_pretrained(folder: str | Path, **options: Any) -> Encoder:
    """Return the encoder of a folder, with its weights.

    Args:
        folder: that :func:`save_pretrained` wrote.
        options: of the encoder, instead of those of the card; they may not change its weights.

    Raises:
        FileError: a file is missing or damaged.
        BadValueError: the weights are not those of such an encoder.
    """
    folder = Path(folder)
    card, path = read_card(folder), folder / WEIGHTS
    encoder = ENCODERS.make(card["encoder"], **card["options"] | options)
    content = read_bytes(path, _LARGEST_WEIGHTS)
    expected = card.get(_CHECKSUM)
    # Cards of earlier versions have none.
    if expected is not None and expected != hashlib.sha256(content).hexdigest():
        raise FileError(
            f"{path}: is not the file that {CARD} was written with: truncated, edited, or of "
            "another encoder; copy both files anew"
        )
    try:
        state = load(content)
        encoder.load_state_dict(state)
    except (SafetensorError, RuntimeError) as error:
        raise FileError(f"{path}: not the weights of the encoder in {CARD}: {error}") from error
    if not all(value.isfinite().all() for value in state.values()):
        raise BadValueError(f"{path}: holds weights that are not finite")
    return encoder


def pretrained_digest(folder: Path) -> str:
    """Return a digest of the card and the weights in a folder.

    Raises:
        FileError: a file is missing or cannot be read.
        BadValueError: it is no regular file, or too large.
    """
    digest = hashlib.sha256(read_bytes(folder / CARD, _LARGEST_CARD))
    digest.update(read_bytes(folder / WEIGHTS, _LARGEST_WEIGHTS))
    return digest.hexdigest()


@ENCODERS.register(PRETRAINED)
def pretrained(folder: str, dropout: float = 0.0) -> nn.Module:
    """Return the encoder of a folder that ``rnc-graph pretrain`` wrote."""
    return load_pretrained(folder, dropout=dropout)


@ENCODERS.register("gin-moses")
def gin_moses(dropout: float = 0.0) -> nn.Module:
    """Return a GIN, 192 wide (d = 384), pretrained on 200,000 molecules: docs/pretraining.md."""
    return load_pretrained(_WEIGHTS / "gin-moses", dropout=dropout)


@ENCODERS.register("gin-moses-1m")
def gin_moses_1m(dropout: float = 0.0) -> nn.Module:
    """Return a GIN, 256 wide (d = 512), pretrained on 1,000,000 molecules: docs/pretraining.md."""
    return load_pretrained(_WEIGHTS / "gin-moses-1m", dropout=dropout)
