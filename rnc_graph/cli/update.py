"""`rnc-graph train --update`: a model trained as an old one was, and compared with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnc_graph.cli.app import say_all
from rnc_graph.cli.tables import target_in
from rnc_graph.errors import BadValueError, plural

if TYPE_CHECKING:
    from rnc_graph.models import Comparison, ModelSettings, MoleculeModel
    from rnc_graph.models.build import Built, DataSetup

SPLIT = "split.json"

# Options of `train` by the settings that they give; all others are given by --set.
OPTIONS = {
    "encoder": "encoder",
    "encoder_options": "encoder_option",
    "objective": "objective",
    "head_loss": "head_loss",
    "freeze_encoder": "freeze",
    "clean": "clean",
    "descriptors": "descriptors",
    "networks": "networks",
    "descriptor_models": "member",
    "weights": "weights",
    "epochs": "epochs",
    "pretraining_epochs": "pretraining_epochs",
}


def load_old(folder: Path, given: Mapping[str, Any]) -> MoleculeModel:
    """Load the model that is updated.

    Raises:
        BadValueError: it cannot be loaded, its split knows no molecules, or an option is given that
            an update does not have.
    """
    from rnc_graph.models import load_model

    for name in ("split", "split_column", "split_file", "leaks"):
        if name in given:
            raise BadValueError(
                f"--{name.replace('_', '-')}: excluded by --update, which keeps the split of "
                f"{folder}"
            )
    model = load_model(folder, given.get("trusted") or (), plugins=given.get("plugin") or [])
    if not _digests(folder):
        raise BadValueError(
            f"{folder / SPLIT}: an earlier version wrote it, with rows and no molecules: expected "
            "a model that rnc-graph train made since"
        )
    return model


def _digests(folder: Path) -> dict[str, list[str]]:
    """Return the digests of a model's molecules by their set; none as earlier versions wrote it."""
    from rnc_graph.data.splits.given import read_split

    digests: dict[str, list[str]] = read_split(folder / SPLIT).get("digests") or {}
    return digests


def old_arguments(
    model: MoleculeModel, given: Mapping[str, Any], validation: float = 0.0
) -> list[str]:
    """Return the arguments that a model was trained with, without those that are given anew.

    ``validation`` is the share of its molecules in the validation set, which new molecules get too
    where a column or a file made the set, and not ``--validation-fraction``.
    """
    settings, table = model.settings, model.table
    values: dict[str, Any] = {
        option: getattr(settings, name)
        for name, option in OPTIONS.items()
        if name != "encoder_options"
    }
    values["objective"] = settings.objective or "none"
    if "encoder" in given:  # Another encoder has epochs of its own.
        del values["epochs"], values["pretraining_epochs"]
    else:
        values["encoder_option"] = _pairs(settings.encoder_options or {})
    targets = given.get("target") or model.targets
    values["target"] = model.targets
    of_targets: dict[str, dict[str, str]] = {
        "unit": dict(zip(model.targets, model.units, strict=True)),
        "transform": dict(zip(model.targets, settings.transforms(model.targets), strict=True)),
    }
    values["id_column"] = model.id_column
    if table is not None:
        values |= {name: value for name, value in table if name != "networks"}
        values["networks"] = table.networks or settings.networks
        values["validation_fraction"] = table.validation_fraction or validation
    arguments = [
        argument
        for name, value in values.items()
        if name not in given
        for argument in _arguments({"id_column": "id"}.get(name, name), value)
    ]
    for name, known in of_targets.items():
        texts = given.get(name) or []
        named = set(filter(None, (target_in(text, targets) for text in texts)))
        if named or not texts:  # Else it is given for all targets.
            kept = [f"{t}={known[t]}" for t in targets if known.get(t) and t not in named]
            arguments += _arguments(name, kept)
    own = {text.partition("=")[0] for text in given.get("further") or []}
    if "encoder" in given:
        own.add("head_epochs")
    further = {name: value for name, value in _further(settings).items() if name not in own}
    return [*arguments, *_arguments("set", _pairs(further))]


def validation_share(folder: Path) -> float:
    """Return the share of the molecules of a model's split that are in its validation set."""
    from rnc_graph.data.splits.given import old_sets

    sets = list(old_sets(_digests(folder)).values())
    return round(sets.count("validation") / len(sets), 4)


def _further(settings: ModelSettings) -> dict[str, Any]:
    """Return the settings without an option of their own that are not the default."""
    default = settings.defaults_of_encoder()
    return {
        name: value
        for name, value in settings
        if name not in {*OPTIONS, "target_transform"} and value != getattr(default, name)
    }


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}={json.dumps(value)}" for name, value in values.items()]


def _arguments(name: str, value: Any) -> list[str]:
    """Return the arguments that give an option its value, none for its default."""
    option = f"--{name.replace('_', '-')}"
    if value is True:
        return [option]
    if name == "descriptors":
        return ["--no-descriptors"]
    if value is False or value is None or value == "":
        return []
    texts = value if isinstance(value, list) else [value]
    return [f"{option}={text}" for text in texts]


def update_notes(
    folder: Path, old: MoleculeModel, settings: ModelSettings, setup: DataSetup
) -> list[str]:
    """Say which molecules are new, and whether networks start from those of the old model."""
    from rnc_graph.models.warm_start import cannot_start

    units = dict(zip(setup.table.target_names, setup.table.unit_of_each, strict=True))
    for name, unit in zip(old.targets, old.units, strict=True):
        if unit and units.get(name) and units[name] != unit:
            raise BadValueError(
                f"--unit {name}={units[name]}: expected {unit}, the unit of {folder}, with which "
                "the new model is compared"
            )
    notes = [_old_and_new(folder, setup)]
    if settings.most_networks and old.networks:
        why = cannot_start(old, settings, held_out=len(setup.split.validation) > 0)
        started = f"networks are trained anew: {why}" if why else "networks start from the old ones"
        notes.append(started)
    return notes


def _old_and_new(folder: Path, setup: DataSetup) -> str:
    from rnc_graph.data.splits.given import key_digest, old_sets

    old = old_sets(_digests(folder))
    own = [key_digest(key) for key in setup.features.canonical]
    digests = set(own)
    sets = [old[digest] for digest in digests & old.keys()]
    counts = ", ".join(f"{name} {sets.count(name)}" for name in ("train", "validation", "test"))
    divided = setup.split.sets().items()
    new = ", ".join(f"{name} {len({own[r] for r in rows} - old.keys())}" for name, rows in divided)
    lacking = len(old.keys() - digests)
    missing = f"; {plural(lacking, 'molecule')} of it are not in the table" if lacking else ""
    return (
        f"{plural(len(digests - old.keys()), 'new molecule')}, which alone are divided by "
        f"--validation-fraction and --test-fraction ({new}); {len(sets)} have the set that they "
        f"have in {folder} ({counts}){missing}"
    )


def _compare_with_old(
    folder: Path, old: MoleculeModel, built: Built, setup: DataSetup, jobs: int
) -> Comparison | None:
    """Compare a model with the one that it updates, on the molecules of the old test set.

    None if the table has none of them with a measurement.
    """
    import numpy as np

    from rnc_graph.data.splits.given import key_digest
    from rnc_graph.models import common_targets, compare_models

    digests = set(_digests(folder).get("test", []))
    canonical, table = setup.features.canonical, setup.table
    rows = np.array([r for r in setup.split.test if key_digest(canonical[r]) in digests], int)
    columns = [table.target_names.index(name) for name in common_targets(old, built.model)]
    if np.isnan(table.exact[rows][:, columns]).all():
        return None
    measured = table.targets[rows][:, columns]
    censored = None if table.censored is None else table.censored[rows][:, columns]
    smiles = [table.smiles[row] for row in rows]
    return compare_models(old, built.model, smiles, measured, censored=censored, jobs=jobs)


def update_section(
    old: MoleculeModel | None, folder: Path | None, built: Built, setup: DataSetup, jobs: int
) -> list[list[str]]:
    """Compare with the old model, and return the section of the card on it."""
    if old is None or folder is None:
        return []
    from rnc_graph.reporting.comparisons import comparison_section

    reason = "no measured molecule of the table is in its test set"
    try:
        found = _compare_with_old(folder, old, built, setup, jobs)
    except BadValueError as error:  # It must not cost the model.
        found, reason = None, str(error)
    section, lines = comparison_section(found, str(folder), reason)
    say_all(lines)
    return [section]
