"""Weights that others published: the layout of Rank-N-Contrast's own checkpoints.

A file of torch's whose key ``model`` holds the state dict of a module with an ``encoder``, maybe in
a ``DataParallel``, beside the options of the run (https://github.com/kaiwenzha/Rank-N-Contrast).
"""

from __future__ import annotations

import argparse
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnc_graph.errors import BadValueError, unreadable
from rnc_graph.vision.encoders.resnet import ResNet


def load_checkpoint(encoder: ResNet, path: Path) -> None:
    """Put the weights of a published checkpoint into an encoder; no code in the file is run.

    Understood are a state dict under ``model``, ``state_dict`` or by itself; names with
    ``encoder.``, ``module.`` or neither before them; ``shortcut`` for ``downsample``. What belongs
    to no encoder (a head, a last layer ``fc``) is left out.

    Args:
        encoder: its stem and number of channels are those that the weights were trained with.
        path: the file.

    Raises:
        RncGraphError: the file is missing, is no checkpoint, or holds objects that would run code;
            or weights are missing, unexpected, or of another shape, each named. The encoder stays
            as it was then.
    """
    found = _of_encoder(read_state(path))
    wanted = encoder.backbone.state_dict()
    wrong = []
    for name, weights in wanted.items():
        if name not in found:
            # Old files do not count the batches of a batch normalization, and nothing needs it.
            if not name.endswith("num_batches_tracked"):
                wrong.append(f"  {name}: missing")
        elif found[name].shape != weights.shape:
            shapes = f"found {tuple(found[name].shape)}, right is {tuple(weights.shape)}"
            wrong.append(f"  {name}: {shapes}")
    wrong += [f"  {name}: unexpected" for name in found if name not in wanted]
    if wrong:
        raise BadValueError(
            f"{path}: these are not the weights of {type(encoder).__name__}:\n" + "\n".join(wrong)
        )
    encoder.backbone.load_state_dict({**wanted, **found})


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the weights that a file of torch's holds, by the names they have there.

    Raises:
        RncGraphError: as :func:`load_checkpoint`.
    """
    # Published files keep the run's options as argparse's Namespace, which torch refuses with all
    # other classes. This one is let through: it has attributes and nothing else, and making one or
    # filling it runs no code of the file's.
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise unreadable(path, error) from error
    except pickle.UnpicklingError as error:
        raise BadValueError(f"{path}: {_refused(path)}") from error
    except Exception as error:  # Whatever damaged bytes make torch stumble on.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadValueError(f"{path}: is no checkpoint of torch: {reason}") from error
    if isinstance(content, Mapping):
        content = content.get("model", content.get("state_dict", content))
    if not isinstance(content, Mapping) or not content or not all(map(_is_weight, content.items())):
        raise BadValueError(
            f"{path}: holds no weights; right is a state dict, by itself or under the key 'model'"
        )
    return dict(content)


def _refused(path: Path) -> str:
    """Say which classes a file asks for."""
    try:
        unsafe = set(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # It is no file of torch's at all.
        unsafe = set()
    named = ", ".join(sorted(unsafe - {"argparse.Namespace"}))
    if not named:
        return "is no checkpoint of torch that can be read without running code from it"
    return (
        f"asks for {named}, and code from a file is never run; save the state dict alone, "
        "torch.save({'model': model.state_dict()}, ...)"
    )


def _is_weight(item: tuple[Any, Any]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], Tensor)


def _of_encoder(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the encoder's weights by torchvision's names."""
    plain = {re.sub(r"(^|\.)module\.", r"\1", name): weights for name, weights in state.items()}
    if any(name.startswith("encoder.") for name in plain):
        inside = {name: w for name, w in plain.items() if name.startswith("encoder.")}
        plain = {name.removeprefix("encoder."): weights for name, weights in inside.items()}
    return {
        name.replace(".shortcut.", ".downsample."): weights
        for name, weights in plain.items()
        if not name.startswith(("fc.", "head."))
    }
