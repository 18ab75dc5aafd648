"""Specs as YAML files; a mistake is told by its line, its key, and what would be right."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from rnc_graph.errors import RncGraphError, UnknownNameError
from rnc_graph.experiments.spec.experiment import Experiment
from rnc_graph.experiments.spec.grid import axis_of, expanded
from rnc_graph.experiments.spec.section import MisfitError
from rnc_graph.experiments.spec.sources import BRANCHES, SECTIONS
from rnc_graph.shipped import shipped_dir


def shipped_spec(name: str) -> Path:
    """Return the path of a shipped experiment; raises :class:`UnknownNameError`."""
    paths = {path.stem: path for path in shipped_dir("experiments").glob("*.yaml")}
    if name not in paths:
        raise UnknownNameError("experiment", name, list(paths))
    return paths[name]


def read_spec(
    path: Path, *, seeds: str | None = None, encoders: Sequence[str] | None = None
) -> Experiment:
    """Read an experiment from YAML.

    Args:
        path: the file.
        seeds: how many, from the file's first on: a number, or one by encoder ("gin=10,gcn=5").
        encoders: the ones to take of the file's; all by default.

    Raises:
        RncGraphError: the file is missing, no YAML, or no valid spec; one line a mistake.
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw = yaml.load(text, _UniqueKeys)
    except (OSError, UnicodeDecodeError) as error:
        raise RncGraphError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise RncGraphError(f"{path}: is not YAML: {error}") from error
    try:
        experiment = Experiment.model_validate(raw)
    except ValidationError as error:
        raise RncGraphError(_describe(error, str(path), text, raw)) from error
    return _select(experiment, seeds, encoders)


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def _select(
    experiment: Experiment, seeds: str | None, encoders: Sequence[str] | None
) -> Experiment:
    """Return the experiment with other seeds, or with some of its encoders."""
    chosen = {}
    for name in encoders or experiment.encoders:
        if name not in experiment.encoders:
            raise UnknownNameError("encoder", name, list(experiment.encoders))
        chosen[name] = experiment.encoders[name]
    counts = _seed_counts(seeds, list(chosen)) if seeds is not None else {}
    return experiment.model_copy(
        update={
            "encoders": chosen,
            "seeds": {
                name: _from_first(experiment.seeds[name], counts.get(name)) for name in chosen
            },
        }
    )


def _from_first(seeds: list[int], count: int | None) -> list[int]:
    """Return ``count`` seeds: the first ones given, and what follows the last if they run out."""
    if count is None:
        return seeds
    more = range(max(seeds) + 1, max(seeds) + 1 + max(0, count - len(seeds)))
    return [*seeds, *more][:count]


def _seed_counts(text: str, encoders: list[str]) -> dict[str, int]:
    """Parse "10" or "gin=10,gcn=5"."""
    counts = {}
    for item in text.split(","):
        encoder, separator, number = item.rpartition("=")
        if not number.isdecimal() or int(number) < 1:
            raise RncGraphError(f"--seeds takes a number from 1, or gin=10,gcn=5; found {text!r}")
        if separator and encoder not in encoders:
            raise UnknownNameError("encoder", encoder, encoders)
        counts.update(dict.fromkeys([encoder] if separator else encoders, int(number)))
    return counts


def _describe(error: ValidationError, source: str, text: str, raw: Any) -> str:
    root = yaml.compose(text)
    own: dict[str, None] = {}
    inherited: dict[str, None] = {}
    for problem in error.errors():
        cause = problem.get("ctx", {}).get("error")
        misfit = cause.keys if isinstance(cause, MisfitError) else ()
        location = [key for key in (*problem["loc"], *misfit) if not _is_choice(key)]
        location = _declared(location, raw)
        line, found = _line(root, location)
        if misfit and not found:  # Of a method or split that a grid made, which the message names.
            location = ["grid"]
            line, found = _line(root, location)
        key = ".".join(str(part) for part in location) or "the spec"
        message = f"{source}, line {line}: {key}: {_reason(problem)}"
        (own if found else inherited)[message] = None
    # What a method inherits is told where it stands, unless it stands nowhere as it was read.
    return "\n".join(own or inherited)


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


def _is_choice(key: Any) -> bool:
    """Tell the names that pydantic gives the branches of a union from keys of the file."""
    return isinstance(key, str) and key in BRANCHES


def _reason(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        fields = _fields(problem["loc"][:-1])
        return f"unknown key; known here: {', '.join(fields)}"
    if problem["type"] == "missing":
        return "is missing"
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return message
    if problem["type"] in ("model_type", "dict_type"):
        message = "must be a mapping from keys to values"
    return f"{message}, found {problem['input']!r}"


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
    # Those two are spelt out as methods and splits.
    spelt_out = ["grid", "include"] if section is Experiment else []
    return sorted([*section.model_fields, *spelt_out])


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
