"""The search: trials drawn by Optuna, their runs in a run store, both there to go on from."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from rnc_graph.errors import BadValueError, RunError
from rnc_graph.experiments.executors.executor import Executor
from rnc_graph.experiments.executors.schedule import TasksFailedError, missing_tasks, run_tasks
from rnc_graph.experiments.plan import plan
from rnc_graph.experiments.progress import Progress
from rnc_graph.experiments.results import scoring_of
from rnc_graph.experiments.run import (
    ExecutionConfig,
    ExperimentSetup,
    open_executor,
    setup_experiment,
)
from rnc_graph.experiments.search.trial import (
    Values,
    draw,
    on_validation,
    values_in_words,
    with_values,
)
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec.search import SearchSpec
from rnc_graph.experiments.store import Store, digest, locked
from rnc_graph.extras import import_extra
from rnc_graph.files import write_text

if TYPE_CHECKING:
    import optuna


# What the study remembers: what it searches; of a trial, why its training failed, and a digest of
# what was drawn and found.
_SEARCHED, _FAILED, _SEAL = "searched", "failed", "sha256"


@dataclass(frozen=True)
class SearchOutcome:
    """What a search ended with.

    Attributes:
        trials: value (None where pruned or failed) and settings of each trial, in order.
        best: number of the best one.
        files: what was written.
        score: what the values are.
        notes: what to know before the best settings are compared with others.
    """

    trials: list[tuple[float | None, Values]]
    best: int
    files: list[Path]
    score: str
    notes: list[str]


def search(
    experiment: Experiment,
    folder: Path,
    *,
    trials: int | None = None,
    execution: ExecutionConfig,
    say: Callable[[str], None] = lambda text: None,
) -> SearchOutcome:
    """Search the ranges that the spec declares; a second call with the same spec goes on.

    A trial's value is the mean over data sets, splits and seeds of the validation RMSE,
    standardized, or of the validation error of classes. It is pruned after a seed when the mean so
    far is above the median of earlier trials at that seed. One whose training fails, as by
    diverging, counts among the trials and is never the best.

    Args:
        experiment: with a section ``search``.
        folder: takes ``search.db`` (SQLite), the run store and ``best.yaml``.
        trials: how many in all; the spec's by default.
        execution: where runs are computed.
        say: receives a line for each trial.

    Raises:
        RncGraphError: there is no section ``search``, a range names no key, Optuna is not
            installed, the folder holds another search or a damaged one, or no trial was finished.
    """
    spec = experiment.search
    if spec is None:
        raise BadValueError("the spec has no section `search`; it says what may change")
    optuna = import_extra("optuna", "tune", "a search")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    wanted = trials or spec.trials
    setup = setup_experiment(_checked(experiment, spec))
    # A spec's data sets are all measured, or all of classes.
    score = f"validation {scoring_of(next(iter(setup.datasets.tables.values()))).title}"
    store = Store(folder / "store")
    with locked(store.folder):
        study = _opened(experiment.name, spec, folder / "search.db")
        _check_same(study, _searched(spec, setup), folder)
        for left in study.get_trials(deepcopy=False):
            # A killed process left it; its settings are tried again, unless they had failed.
            if left.state == optuna.trial.TrialState.RUNNING:
                study.tell(left.number, state=optuna.trial.TrialState.FAIL)
                if _FAILED not in left.user_attrs:
                    study.enqueue_trial(left.params)
        # Loggers would have the epochs of all trials.
        work = replace(setup.work(execution.device, store), tracking={})
        with open_executor(execution, work, execution.jobs) as executor:
            while (number := sum(map(_is_done, study.get_trials(deepcopy=False)))) < wanted:
                # A fresh one for each trial, so that a search that was stopped draws the same.
                study.sampler = optuna.samplers.TPESampler(
                    seed=spec.seed + number, n_startup_trials=spec.startup_trials
                )
                trial = study.ask()
                values = draw(trial, spec.ranges)
                say(f"trial {number + 1} of {wanted}: {values_in_words(values)}")
                try:
                    chosen = with_values(experiment, spec, values)
                    value = _value(study, trial, chosen, spec, store, executor, say)
                except TasksFailedError as error:
                    trial.set_user_attr(_FAILED, str(error).splitlines()[-1])
                    study.tell(trial, state=optuna.trial.TrialState.FAIL)
                    say(f"  failed: {trial.user_attrs[_FAILED]}")
                    continue
                say(f"  {'pruned' if value is None else f'{score} {value:.4f}'}")
    return _outcome(experiment, spec, study, folder, score)


def _opened(name: str, spec: SearchSpec, path: Path) -> optuna.Study:
    """Open or begin the study in a database, with all its trials checked."""
    import optuna

    try:
        with closing(sqlite3.connect(path)) as database:
            ((found, *_),) = database.execute("PRAGMA integrity_check(1)").fetchall()
        if found != "ok":
            raise ValueError(found)
        study = optuna.create_study(
            storage=f"sqlite:///{path.absolute()}",
            study_name=name,
            load_if_exists=True,
            direction="minimize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=spec.startup_trials),
        )
        for trial in study.get_trials(deepcopy=False):
            steps = trial.intermediate_values
            if trial.state.name in ("COMPLETE", "PRUNED") and (
                trial.user_attrs.get(_SEAL) != _seal(trial.params, steps)
                or trial.value != steps[max(steps)]
            ):
                raise ValueError(f"trial {trial.number + 1} has changed since it was written")
    except Exception as error:  # Whatever SQLite, SQLAlchemy and Optuna make of its bytes.
        raise BadValueError(
            f"{path}: damaged, or not the database of a search: {error}; remove it to begin anew, "
            "finished runs are kept"
        ) from error
    return study


def _seal(params: Mapping[str, Any], steps: Mapping[int, float]) -> str:
    return digest({"params": params, "steps": sorted(steps.items())})


def _checked(experiment: Experiment, spec: SearchSpec) -> Experiment:
    """Return a value within each range; raises for a range that the spec cannot take."""
    middle = {
        key: found.choices[0] if found.choices else _within(found.low, found.high, found.whole)
        for key, found in spec.ranges.items()
    }
    for key, found in spec.ranges.items():
        for choice in found.choices or ():
            with_values(experiment, spec, {**middle, key: choice})
    return with_values(experiment, spec, middle)


def _within(low: float | None, high: float | None, whole: bool) -> float:
    assert low is not None
    assert high is not None
    # The middle may be a whole number, which a range that is not whole hardly draws.
    return int(low) if whole else low + 0.618 * (high - low)


def _searched(spec: SearchSpec, setup: ExperimentSetup) -> str:
    """Return a short name for all that a trial's value depends on, and what is drawn from."""
    experiment = setup.experiment
    runs = [
        run.task.key
        for seed in experiment.seeds[spec.encoder]
        for run in plan(on_validation(experiment, spec, seed), setup.datasets)
    ]
    plugins = [module.name for module in setup.plugins]
    asked = spec.model_dump(mode="json", exclude={"trials"})
    return digest({"runs": runs, "plugins": plugins, **asked})


def _check_same(study: optuna.Study, searched: str, folder: Path) -> None:
    """Refuse to go on with the trials of another search."""
    if study.get_trials(deepcopy=False) and study.user_attrs.get(_SEARCHED) != searched:
        raise BadValueError(
            f"{folder / 'search.db'}: holds another search: data, splits, seeds, the method, the "
            "encoder or the ranges were others; choose another folder by --out, or remove this one"
        )
    study.set_user_attr(_SEARCHED, searched)


def _is_done(trial: optuna.trial.FrozenTrial) -> bool:
    """Say whether a trial has ended; what failed without a reason was left by a killed process."""
    return trial.state.name in ("COMPLETE", "PRUNED") or _FAILED in trial.user_attrs


def _value(
    study: optuna.Study,
    trial: optuna.Trial,
    experiment: Experiment,
    spec: SearchSpec,
    store: Store,
    executor: Executor,
    say: Callable[[str], None],
) -> float | None:
    """Run a trial seed by seed and tell the study; None where it was pruned."""
    import optuna

    errors: list[float] = []
    means: dict[int, float] = {}
    for step, seed in enumerate(experiment.seeds[spec.encoder]):
        setup = setup_experiment(on_validation(experiment, spec, seed))
        damaged = store.discard_damaged(setup.tasks, say)
        run_tasks(missing_tasks(setup.tasks, store.keys(), damaged), executor, Progress())
        for run in setup.planned:
            scoring = scoring_of(setup.datasets.tables[run.data])
            found = store.record(run.task.key)["metrics"]["validation"]
            errors.append(found[scoring.scale][scoring.ranked_by])
        means[step] = float(np.mean(errors))
        if not np.isfinite(means[step]):  # Optuna would never count it.
            raise TasksFailedError(f"its validation score is not a number: {means[step]}")
        trial.report(means[step], step)
        trial.set_user_attr(_SEAL, _seal(trial.params, means))
        if trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return None
    study.tell(trial, means[step])
    return means[step]


def _outcome(
    experiment: Experiment, spec: SearchSpec, study: optuna.Study, folder: Path, score: str
) -> SearchOutcome:
    done = [trial for trial in study.get_trials() if _is_done(trial)]

    def values(params: dict[str, Any]) -> Values:
        return {
            key: spec.ranges[key].choices[value] if spec.ranges[key].choices else value  # type: ignore[index]
            for key, value in params.items()
        }

    trials = [(t.value if t.state.name == "COMPLETE" else None, values(t.params)) for t in done]
    finished = [n for n, (value, _) in enumerate(trials) if value is not None]
    if not finished:
        reasons = [trial.user_attrs[_FAILED] for trial in done if _FAILED in trial.user_attrs]
        raise RunError("\n".join(["no trial was finished", *reasons[-1:]]))
    best = min(finished, key=lambda n: (trials[n][0], n))
    chosen = with_values(experiment, spec, trials[best][1])
    path = folder / "best.yaml"
    text = yaml.safe_dump(
        chosen.model_dump(mode="json", exclude={"search"}), sort_keys=False, allow_unicode=True
    )
    notes = _unequal_epochs(chosen, spec.method)
    write_text(path, "".join(f"# {note}\n" for note in notes) + text)
    return SearchOutcome(trials, best, [path, folder / "search.db"], score, notes)


def _unequal_epochs(experiment: Experiment, method: str) -> list[str]:
    """Say that a method is trained for other epochs than the row that it is compared with."""
    epochs = {m.name: sum(s.epochs for s in m.stages.values()) for m in experiment.methods}
    reference = experiment.reference_of(method)
    if epochs[method] == epochs[reference]:
        return []
    return [
        f"{method} has {epochs[method]} epochs in all, {reference} {epochs[reference]}: a fair "
        "comparison needs as many"
    ]
