"""The settings of a model by the options of ``rnc-graph train``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from rnc_graph.cli.tables import by_target, check_choices
from rnc_graph.errors import BadValueError, UnknownNameError

if TYPE_CHECKING:
    from rnc_graph.models import ModelSettings


def settings_of(own: Mapping[str, Any], further: Mapping[str, Any]) -> ModelSettings:
    """Return the settings of the options and of ``--set``.

    Raises:
        BadValueError: ``--set`` of no setting, or of one with an option.
    """
    from rnc_graph.models import ModelSettings, make_settings

    with_option = {*own, "descriptor_models", "target_transform"}
    settable = sorted(ModelSettings.model_fields.keys() - with_option)
    for name in further:
        if name in with_option:
            raise BadValueError(
                f"--set {name}: has an option of its own; see rnc-graph train --help"
            )
        if name not in settable:
            raise BadValueError(f"--set: {UnknownNameError('setting', name, settable)}")
    return make_settings(**own, **further)


def with_transforms(
    settings: ModelSettings, given: list[str], targets: Sequence[str]
) -> ModelSettings:
    """Return the settings with the transforms of ``--transform``."""
    from rnc_graph.data.scaling import Transform
    from rnc_graph.models import make_settings

    chosen = by_target("--transform", given, targets, "none")
    check_choices(*(("--transform", one, get_args(Transform)) for one in chosen))
    return make_settings(**{**dict(settings), "target_transform": chosen})
