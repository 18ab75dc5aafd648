"""Specs as YAML files; an error names the line and the key, and what was expected."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from rnc_graph.errors import (
    BadValueError,
    MisfitError,
    RncGraphError,
    UnknownNameError,
    did_you_mean,
    reason_of,
)
from rnc_graph.experiments.spec.experiment import Experiment
from rnc_graph.experiments.spec.grid import axis_of, expanded
from rnc_graph.experiments.spec.renamed_keys import renamed_keys
from rnc_graph.experiments.spec.selection import selected
from rnc_graph.experiments.spec.sources import BRANCHES, SECTIONS
from rnc_graph.files import resource_dir
from rnc_graph.yaml_files import read_yaml

# Of a spec that are listed: a key in a wrong section may make one of each key below it.
_MOST_MISTAKES = 20


def example_specs() -> dict[str, Path]:
    """Return the paths of all shipped experiments by name, those of published recipes too."""
    folder = resource_dir("experiments")
    paths = [*folder.glob("*.yaml"), *(folder / "published").glob("*.yaml")]
    return {path.stem: path for path in sorted(paths)}


def example_spec(name: str) -> Path:
    """Return the path of a shipped experiment; raises :class:`UnknownNameError`."""
    paths = example_specs()
    if name not in paths:
        raise UnknownNameError("experiment", name, list(paths))
    return paths[name]


def read_spec(
    path: Path,
    *,
    seeds: str | None = None,
    encoders: Sequence[str] | None = None,
    finished: bool = False,
) -> Experiment:
    """Read an experiment from YAML.

    Args:
        path: the file.
        seeds: how many, from the file's first on: a number, or one by encoder ("gin=10,gcn=5").
        encoders: the ones to take of the file's; all by default.
        finished: read the spec of finished runs: no Python file is run, and what only a plugin
            knows is not checked again.

    Raises:
        RncGraphError: the file is missing, no YAML, or no valid spec; one line a mistake.
    """
    try:
        root, raw = read_yaml(path)
    except UnicodeDecodeError as error:
        raise BadValueError(f"{path}: cannot be read: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, RncGraphError):
            raise
        raise BadValueError(f"{path}: is not YAML: {error}") from error
    renamed = list(renamed_keys(raw))
    if renamed:
        raise BadValueError(
            "\n".join(
                f"{path}, line {_line(root, keys)[0]}: {'.'.join(map(str, keys))}: {reason}"
                for keys, reason in renamed
            )
        )
    try:
        experiment = Experiment.model_validate(raw, context={"finished": finished})
    except ValidationError as error:
        raise BadValueError(_describe(error, str(path), root, raw)) from error
    if seeds is None and encoders is None:
        return experiment
    try:
        return Experiment.model_validate(selected(experiment, seeds, encoders))
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(str(key) for key in _location(problem))}: {_reason(problem)}"
            for problem in error.errors()
        )
        raise BadValueError(f"{path}, with these encoders and seeds: {reasons}") from error


def _describe(error: ValidationError, source: str, root: Any, raw: Any) -> str:
    own: dict[str, None] = {}
    inherited: dict[str, None] = {}
    for problem in error.errors():
        location = _declared(_location(problem), raw)
        line, found = _line(root, location)
        if _misfit(problem) and not found and isinstance(raw, dict) and raw.get("grid"):
            # Of a method or split that a grid made, which the message names.
            location = ["grid"]
            line, found = _line(root, location)
        key = ".".join(str(part) for part in location) or "the spec"
        message = f"{source}, line {line}: {key}: {_reason(problem)}"
        (own if found else inherited)[message] = None
    # An inherited value is reported at its line, unless the file has none.
    lines = list(own or inherited)
    more = [f"and {len(lines) - _MOST_MISTAKES} more"] if len(lines) > _MOST_MISTAKES else []
    return "\n".join([*lines[:_MOST_MISTAKES], *more])


def _misfit(problem: Any) -> tuple[Any, ...]:
    cause = problem.get("ctx", {}).get("error")
    return cause.keys if isinstance(cause, MisfitError) else ()


def _location(problem: Any) -> list[Any]:
    """Return the keys of the file that lead to a mistake, without pydantic's own marks."""
    keys = (*problem["loc"], *_misfit(problem))
    return [key for key in keys if key not in (*BRANCHES, "[key]")]


def _declared(location: list[Any], raw: Any) -> list[Any]:
    """Return the place of a value on its axis for that in a method or split that a grid made."""
    if not isinstance(raw, dict) or not raw.get("grid") or len(location) < 2:
        return location
    above, name, *keys = location
    made = expanded(dict(raw)).get(above) if above in ("methods", "splits") else None
    entries = dict(enumerate(made)) if isinstance(made, list) else made or {}
    entry = entries.get(name)
    axes = entry.get("axes") if isinstance(entry, dict) else None
    axis = axis_of(keys, axes) if isinstance(axes, dict) else None
    return location if axis is None else ["grid", axis]


def _reason(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        fields = _fields(problem["loc"][:-1])
        meant = did_you_mean(problem["loc"][-1], fields)
        return f"unknown key; known here: {', '.join(fields)}{meant}"
    return reason_of(problem)


def _fields(location: Sequence[Any]) -> list[str]:
    """Return the keys that the section at ``location`` may have."""
    section: Any = Experiment
    named = False
    for key in location:
        if named:  # By a name of the user's own, as splits are.
            named = False
        elif key in SECTIONS:
            section = SECTIONS[key]
        elif isinstance(key, str):
            annotation = section.model_fields[key].annotation
            named = get_origin(annotation) is dict
            section = _model_in(annotation)
    # Those two are spelled out as methods and splits.
    spelled_out = ["grid", "include"] if section is Experiment else []
    return sorted([*section.model_fields, *spelled_out])


def _model_in(annotation: Any) -> Any:
    """Return the model inside ``list[Model]``, ``Model | None``, or ``Model``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _line(node: Any, location: Sequence[Any]) -> tuple[int, bool]:
    """Return the line (from 1) of the key at ``location``, and whether it is there.

    The line is that of the nearest key above if it is not; a last key that is missing counts as
    there.
    """
    line = 1
    for depth, key in enumerate(location):
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(key)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
            found = (node.value[key], node.value[key]) if key < len(node.value) else None
        else:
            found = None
        if found is None:
            return line, depth == len(location) - 1
        line = found[0].start_mark.line + 1
        node = found[1]
    return line, True
