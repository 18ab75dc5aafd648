"""Published weights in the layouts of the authors of Rank-N-Contrast, SupCon, MoCo, KCL and TSC.

Files of Rank-N-Contrast and SupCon have under the key ``model`` the state dict of a module with an
``encoder``, maybe in a ``DataParallel``, and the options of the run
(https://github.com/kaiwenzha/Rank-N-Contrast, https://github.com/HobbitLong/SupContrast). Those of
MoCo, in whose layout KCL and TSC are too, have under ``state_dict`` two encoders, of which
``encoder_q`` is the trained one, and the queue (https://github.com/facebookresearch/moco,
https://github.com/LTH14/targeted-supcon).
"""

import argparse
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnc_graph.errors import BadValueError, unreadable
from rnc_graph.vision.encoders import ResNet


def load_checkpoint(encoder: ResNet, path: Path) -> None:
    """Load the weights of a published checkpoint into an encoder; no code in the file is run.

    It may be a state dict under ``model``, ``state_dict`` or by itself; with ``encoder.``,
    ``encoder_q.``, ``module.`` or neither before the names; with ``shortcut`` for ``downsample``.
    Weights of a head, of a last layer ``fc``, of a momentum encoder or of a queue are left out.

    Raises :class:`FileError` for a file that cannot be read, and :class:`BadValueError` if it is no
    checkpoint or has objects that would run code, or if weights are missing, unexpected, or of
    another shape, all named. The encoder, whose stem and channels are those that the weights were
    trained with, does not change then.
    """
    found = _of_encoder(read_state(path))
    own = encoder.backbone.state_dict()
    wrong = []
    for name, weights in own.items():
        if name not in found:
            # Old files do not count the batches of a batch normalization, and nothing needs it.
            if not name.endswith("num_batches_tracked"):
                wrong.append(f"  {name}: missing")
        elif found[name].shape != weights.shape:
            shapes = f"expected shape {tuple(weights.shape)}, got {tuple(found[name].shape)}"
            wrong.append(f"  {name}: {shapes}")
    wrong += [f"  {name}: unexpected" for name in found if name not in own]
    if wrong:
        raise BadValueError(
            f"{path}: these are not the weights of {type(encoder).__name__}:\n" + "\n".join(wrong)
        )
    encoder.backbone.load_state_dict({**own, **found})


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the weights that a file of torch holds, by the names they have there."""
    # Published files keep the run's options as argparse's Namespace, which torch refuses by
    # default. It is allowed here: it has attributes only, and making one runs no code of the file.
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise unreadable(path, error) from error
    except pickle.UnpicklingError as error:
        raise BadValueError(f"{path}: {_refused(path)}") from error
    except Exception as error:  # Damaged bytes lead to errors of many kinds.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadValueError(f"{path}: is not a checkpoint of torch: {reason}") from error
    if isinstance(content, Mapping):
        content = content.get("model", content.get("state_dict", content))
    if not isinstance(content, Mapping) or not content or not all(map(_is_weight, content.items())):
        raise BadValueError(
            f"{path}: expected a state dict, by itself or under the key 'model', got none"
        )
    return dict(content)


def _refused(path: Path) -> str:
    """Return which classes of a file are refused."""
    try:
        unsafe = set(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # It is not a file of torch at all.
        unsafe = set()
    named = ", ".join(sorted(unsafe - {"argparse.Namespace"}))
    if not named:
        return "is not a checkpoint of torch that can be read without running code from it"
    return (
        f"needs {named}, and code from a file is never run; save the state dict alone, "
        "torch.save({'model': model.state_dict()}, ...)"
    )


def _is_weight(item: tuple[Any, Any]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], Tensor)


def _of_encoder(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the encoder's weights by torchvision's names."""
    plain = {re.sub(r"(^|\.)module\.", r"\1", name): weights for name, weights in state.items()}
    for own in ("encoder.", "encoder_q."):
        if any(name.startswith(own) for name in plain):
            plain = {n.removeprefix(own): w for n, w in plain.items() if n.startswith(own)}
    return {
        name.replace(".shortcut.", ".downsample."): weights
        for name, weights in plain.items()
        if not name.startswith(("fc.", "head."))
    }
