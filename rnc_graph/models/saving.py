"""A model on disk: ``config.json`` and ``model.safetensors``, and nothing pickled."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Collection, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch_geometric.nn import models

from rnc_graph import __version__
from rnc_graph.data import TargetScaler
from rnc_graph.data.featurizer import AS_WRITTEN
from rnc_graph.errors import BadValueError, MissingFileError, RncGraphError, first_problem
from rnc_graph.files import OWN_FILES, read_bytes, write_bytes, write_text
from rnc_graph.metrics.intervals import ConformalIntervals
from rnc_graph.models.domain import Domain
from rnc_graph.models.inputs import DescriptorScaler
from rnc_graph.models.members import kinds, load_member
from rnc_graph.models.model import MoleculeModel, SpreadOf
from rnc_graph.models.settings import ModelSettings, TableOptions
from rnc_graph.models.widening import GRID
from rnc_graph.plugins import PluginRecord, read_plugin

# Raised when earlier versions cannot read what this one writes.
FORMAT = 9

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
SPLIT = "split.json"

# A hostile folder must not eat the memory: 20,000 fingerprints and 1,000 networks fit.
_MOST_BYTES = {CONFIG: 10_000_000, WEIGHTS: 4_000_000_000}

# Encoders that are imported without being named by the caller. Not all of torch_geometric.nn:
# its Sequential evaluates its arguments.
_TRUSTED = tuple(
    f"{module}.{name}"
    for module in ("torch_geometric.nn", "torch_geometric.nn.models")
    for name in models.__all__
)

_LIBRARIES = ("torch", "torch_geometric", "rdkit", "scikit-learn", "numpy")


class PluginWarning(UserWarning):
    """A plugin's content is not that with which the model was trained."""


class _Needs(BaseModel):
    """What is read first of ``config.json``: plugins register what its settings name."""

    plugins: tuple[PluginRecord, ...] = ()


class _Config(_Needs):
    """``config.json``: all of a model that is no tensor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["rnc_graph molecule model"] = "rnc_graph molecule model"
    format: int = FORMAT
    settings: ModelSettings
    targets: list[str]
    units: list[str]
    descriptors: list[str] | None
    # Format 1 has no such key: its models see molecules as they are written.
    featurizer: Literal["ogb-2", "ogb-3"] = AS_WRITTEN
    column: bool = False
    id_column: str = ""
    table: TableOptions | None = None
    spread_of: SpreadOf | None = None
    # In place of it in formats 5 to 8.
    old_spread: bool = Field(False, exclude=True)
    domain_threshold: float
    versions: dict[str, str]
    weights_sha256: str
    config_sha256: str = ""


def _digest(config: dict[str, Any]) -> str:
    """Return the SHA-256 of everything but the digest itself; it differs in an edited file."""
    rest = {key: value for key, value in config.items() if key != "config_sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def save_model(model: MoleculeModel, folder: str | Path) -> None:
    """Write a model into a folder, which is made where it is missing.

    Where ``rnc-graph train`` has written another model, its card, split, figures and predictions
    are removed: they do not describe this one.

    Raises:
        OSError: it cannot be written to.
        BadValueError: its encoder was passed as a module, or its weights are larger than what is
            read.
    """
    folder = Path(folder)
    if not isinstance(model.settings.encoder, str):
        raise BadValueError(
            f"encoder {type(model.settings.encoder).__name__}: a model is saved with the name or "
            "the import path of its encoder and encoder_options, got a module"
        )
    weights = save({name: part.contiguous() for name, part in _tensors(model).items()})
    if len(weights) > _MOST_BYTES[WEIGHTS]:
        raise BadValueError(
            f"{folder / WEIGHTS}: expected weights of at most {_MOST_BYTES[WEIGHTS]:,} bytes, got "
            f"{len(weights):,}"
        )
    config = _Config(
        settings=model.settings,
        targets=model.targets,
        units=model.units,
        descriptors=model.descriptor_scaler.names if model.descriptor_scaler else None,
        featurizer=model.featurizer,
        column=model.column,
        id_column=model.id_column,
        table=model.table,
        plugins=model.plugins,
        spread_of=model.spread_of,
        domain_threshold=model.domain.threshold,
        versions={"rnc_graph": __version__} | {name: version(name) for name in _LIBRARIES},
        weights_sha256=hashlib.sha256(weights).hexdigest(),
    )
    config = config.model_copy(update={"config_sha256": _digest(config.model_dump(mode="json"))})
    if _holds_another(folder, config.weights_sha256):
        for name in OWN_FILES - {CONFIG, WEIGHTS}:
            (folder / name).unlink(missing_ok=True)
    # The weights first: a new config with old weights would be refused.
    write_bytes(folder / WEIGHTS, weights)
    write_text(folder / CONFIG, config.model_dump_json(indent=2) + "\n")


def _holds_another(folder: Path, weights_sha256: str) -> bool:
    """Return whether a folder has another model with a split, as ``rnc-graph train`` writes."""
    if not (folder / SPLIT).is_file():
        return False
    try:
        old = json.loads(_read(folder, CONFIG))
    except (RncGraphError, ValueError, RecursionError):
        return False
    ours = isinstance(old, dict) and old.get("kind") == _Config.model_fields["kind"].default
    return ours and old.get("weights_sha256") != weights_sha256


def load_model(
    folder: str | Path, trusted: Collection[str] = (), *, plugins: Sequence[str | Path] = ()
) -> MoleculeModel:
    """Load a model; it predicts the same bits as the one that was saved, on the same machine.

    Args:
        folder: the model's.
        trusted: modules or classes, such as "my_package", whose encoders may be imported, which
            runs code. Registered encoders and the classes of ``torch_geometric.nn.models`` always
            are.
        plugins: the Python files that it was trained with; no other file is run.

    Raises:
        MissingFileError: there is no model.
        BadValueError: a newer version wrote it, a plugin is missing, a file is truncated, edited or
            a link, its encoder is not trusted, or the parts do not fit together.
    """
    folder = Path(folder)
    config = _read_config(folder, trusted, plugins)
    content = _read(folder, WEIGHTS)
    if hashlib.sha256(content).hexdigest() != config.weights_sha256:
        raise BadValueError(
            f"{folder / WEIGHTS}: is not the file that {CONFIG} was written with "
            f"({len(content):,} bytes found): truncated, edited, or of another model; save the "
            "model again, or copy both files anew"
        )
    try:
        tensors = load(content)
        _check_finite(tensors)
        return _model(config, tensors)
    except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
        raise BadValueError(f"{folder}: its weights do not fit its config: {error}") from error


def _read_config(folder: Path, trusted: Collection[str], plugins: Sequence[str | Path]) -> _Config:
    path = folder / CONFIG
    text = _read(folder, CONFIG)
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadValueError(f"{path}: is no JSON (truncated or edited?): {error}") from error
    found = given.get("format") if isinstance(given, dict) else None
    if not isinstance(found, int) or given.get("kind") != "rnc_graph molecule model":
        raise BadValueError(f"{path}: is not the config of a model of rnc_graph")
    if found > FORMAT:
        by = given.get("versions", {}).get("rnc_graph", "a newer version")
        raise BadValueError(
            f"{path}: written by rnc_graph {by} in format {found}; this is rnc_graph "
            f"{__version__}, which reads formats up to {FORMAT}: upgrade rnc_graph"
        )
    # First: settings import their encoder.
    _check_trusted(path, given.get("settings"), (*_TRUSTED, *trusted))
    try:
        _load_needed(_Needs.model_validate(given).plugins, plugins, path)
        settings = given.get("settings")
        if isinstance(settings, dict):
            if found < 3:  # Weights could not be learned yet.
                settings = {"weights": "equal"} | settings
            if found < 6:  # There was one pretrained encoder.
                settings = {"embedding": "gin-moses"} | settings
        config = _Config.model_validate(given | {"settings": settings})
    except ValidationError as error:
        raise BadValueError(f"{path}: {first_problem(error)}") from error
    if config.config_sha256 != _digest(given):
        raise BadValueError(
            f"{path}: has been edited since it was written; what a model is cannot be changed "
            "afterwards: train it with other options instead"
        )
    return config


def _check_trusted(path: Path, settings: Any, trusted: Collection[str]) -> None:
    encoder = settings.get("encoder") if isinstance(settings, dict) else None
    if not isinstance(encoder, str) or "." not in encoder:
        return
    if not any(f"{encoder}.".startswith(f"{name}.") for name in trusted):
        raise BadValueError(
            f"{path}: settings.encoder: importing {encoder!r} would run its module's code; if you "
            f"trust it: --trusted {encoder.rpartition('.')[0]}, or "
            f"trusted=({encoder.rpartition('.')[0]!r},) in Python"
        )


def _load_needed(needed: Sequence[PluginRecord], paths: Sequence[str | Path], config: Path) -> None:
    """Load the user's plugins, if they are all that a model needs."""
    given = [read_plugin(Path(path)) for path in paths]
    files = {plugin.record.file for plugin in given}
    contents = {plugin.record.sha256 for plugin in given}
    for record in needed:
        if record.sha256 in contents:
            continue
        if record.file not in files:
            raise BadValueError(
                f"{config}: the model was trained with the plugin {record.file!r}, which is run "
                f"only if you name it: expected --plugin {record.file}, or plugins=[...] in Python"
            )
        warnings.warn(
            f"{config}: the plugin {record.file!r} is not the one that the model was trained with "
            f"(expected SHA-256 {record.sha256[:16]}...): predictions may differ",
            PluginWarning,
            stacklevel=4,
        )
    for plugin in given:
        plugin.load()


def _read(folder: Path, name: str) -> bytes:
    """Read a file of the folder; a link that leads out of it is not followed."""
    path = folder / name
    if not folder.is_dir():
        raise MissingFileError(f"{folder}: no such folder; a model is a folder with {CONFIG}")
    if os.path.realpath(path) != os.path.join(os.path.realpath(folder), name):
        raise BadValueError(f"{path}: is a link to elsewhere; a model's files lie in its folder")
    try:
        return read_bytes(path, _MOST_BYTES[name])
    except MissingFileError:
        if (folder / "runs.json").is_file():
            raise BadValueError(
                f"{folder}: is an experiment, not a model of `rnc-graph train`; its table.md "
                "compares its rows"
            ) from None
        raise MissingFileError(f"{path}: missing; a model is {CONFIG} and {WEIGHTS}") from None


def _tensors(model: MoleculeModel) -> dict[str, Tensor]:
    parts: dict[str, Any] = {
        "scaler.mean": model.scaler.mean,
        "scaler.sd": model.scaler.sd,
        "typical_spread": model.typical_spread,
        "interval_scores": model.intervals.scores,
        "domain.fingerprints": model.domain.fingerprints,
    }
    for name in ("seen", "folds", "weights", "widening"):
        if (part := getattr(model, name)) is not None:
            parts[name] = part
    if model.descriptor_scaler is not None:
        parts["descriptors.medians"] = model.descriptor_scaler.medians
        parts["descriptors.quantiles"] = model.descriptor_scaler.quantiles
    tensors = {name: torch.from_numpy(np.ascontiguousarray(part)) for name, part in parts.items()}
    for number, member in enumerate(model.members):
        tensors |= {f"members.{number}.{name}": t for name, t in member.tensors().items()}
    return tensors


def _check_finite(tensors: dict[str, Tensor]) -> None:
    # The scores of a target that few molecules have end in NaN.
    for name, tensor in tensors.items():
        if name != "interval_scores" and not bool(tensor.isfinite().all()):
            raise ValueError(f"{name} holds NaN or infinity")


def _model(config: _Config, tensors: dict[str, Tensor]) -> MoleculeModel:
    def array(name: str) -> Any:
        return tensors[name].numpy()

    descriptor_scaler = None
    if config.descriptors is not None:
        descriptor_scaler = DescriptorScaler(
            config.descriptors, array("descriptors.medians"), array("descriptors.quantiles")
        )
    optional = {n: array(n) for n in ("seen", "folds", "widening") if n in tensors}
    shape = len(config.targets), len(GRID)
    if "widening" in optional and optional["widening"].shape != shape:
        raise ValueError(f"widening: expected {shape[0]} x {shape[1]} factors")
    scores = len(config.descriptors or [])
    members = []
    for number, kind in enumerate(kinds(config.settings)):
        own = f"members.{number}."
        learned = {n.removeprefix(own): t for n, t in tensors.items() if n.startswith(own)}
        members.append(load_member(kind, learned, config.settings, scores, len(config.targets)))
    return MoleculeModel(
        settings=config.settings,
        targets=config.targets,
        units=config.units,
        scaler=TargetScaler(
            mean=array("scaler.mean"),
            sd=array("scaler.sd"),
            transforms=tuple(config.settings.transforms(config.targets)),
        ),
        descriptor_scaler=descriptor_scaler,
        members=members,
        typical_spread=array("typical_spread"),
        intervals=ConformalIntervals(array("interval_scores")),
        domain=Domain(array("domain.fingerprints"), config.domain_threshold),
        featurizer=config.featurizer,
        column=config.column,
        id_column=config.id_column,
        table=config.table,
        plugins=config.plugins,
        weights=array("weights") if config.settings.weights == "stacked" else None,
        spread_of=_spread_of(config),
        **optional,
    )


def _spread_of(config: _Config) -> SpreadOf:
    """Return how a model of any format was calibrated."""
    if config.spread_of is not None:
        return config.spread_of
    return "prediction" if config.old_spread or config.format < 5 else "members"
