"""From drawn values to an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from rnc_graph.errors import BadValueError, first_problem
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec.search import Range, SearchSpec

if TYPE_CHECKING:
    import optuna

Values = dict[str, Any]


def draw(trial: optuna.Trial, ranges: Mapping[str, Range]) -> Values:
    """Draw a value for each key."""
    values: Values = {}
    for key, found in ranges.items():
        if found.choices is not None:
            # By number: a database holds no lists or mappings.
            values[key] = found.choices[
                trial.suggest_categorical(key, list(range(len(found.choices))))
            ]
            continue
        assert found.low is not None
        assert found.high is not None
        if found.whole:
            values[key] = trial.suggest_int(key, int(found.low), int(found.high), log=found.log)
        else:
            values[key] = trial.suggest_float(key, found.low, found.high, log=found.log)
    return values


def values_in_words(values: Values) -> str:
    """Return the drawn values on one line."""
    return ", ".join(
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in values.items()
    )


def with_values(experiment: Experiment, search: SearchSpec, values: Values) -> Experiment:
    """Return the experiment with the values in the searched method and encoder alone.

    Raises:
        RncGraphError: a key is none of the spec, or a value is out of its range.
    """
    raw = experiment.model_dump(mode="json")
    method = next(m for m in raw["methods"] if m["name"] == search.method)
    for key, value in values.items():
        first, *path = key.split(".")
        into: Any = raw["encoders"][search.encoder] if first == "encoder" else method[first]
        *above, last = path
        for step in above:
            into = into.get(step) if isinstance(into, dict) else None
        if not isinstance(into, dict):
            raise BadValueError(f"search.ranges: {key!r} is no key of method {search.method!r}")
        into[last] = value
    try:
        return Experiment.model_validate(raw)
    except ValidationError as error:
        raise BadValueError(f"search.ranges: {first_problem(error)}") from error


def on_validation(experiment: Experiment, search: SearchSpec, seed: int) -> Experiment:
    """Return the searched method's one run of a seed, which leaves the test set untouched."""
    method = next(m for m in experiment.methods if m.name == search.method)
    return experiment.model_copy(
        update={
            "methods": [method.model_copy(update={"reference": None})],
            "reference": method.name,
            "encoders": {search.encoder: experiment.encoders[search.encoder]},
            "seeds": {search.encoder: [seed]},
            "baselines": [],
            "representation": None,
            "evaluate": "validation",
            "tracking": {},
        }
    )
