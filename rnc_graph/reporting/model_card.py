"""The model card: how a model was made, its errors, and its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnc_graph.errors import plural
from rnc_graph.models import Evaluation
from rnc_graph.models.build import Built, DataConfig, DataSetup
from rnc_graph.reporting import numbers
from rnc_graph.reporting.comparisons import RIVALS, rivals
from rnc_graph.reporting.markup import code, markdown, markdown_table

# The metrics of a target, with their titles.
METRICS = {
    "count": "rows",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "spearman": "Spearman",
    "coverage": "within their interval",
    "width": "median width of the interval",
    "out_of_domain": "out of domain",
}

# Those of a target with bounds follow.
BOUNDS = {"bounds": "bounds (> or <)", "violations": "bounds violated"}

_OUT_OF_FOLD = "training set, predicted out of fold"

_LIMITS = (
    "Intervals hold on average over molecules that resemble those of the data, not for each one, "
    "and not for molecules that are out of domain. The model keeps fingerprints and descriptors of "
    "its training molecules, from which these can be guessed: do not share it if the structures "
    "are secret."
)

_RIVALS_NOTE = (
    "Members and baselines learn from the same training set. Differences are paired by molecule, "
    "with 95% intervals; p values are those of t tests, corrected after Holm. In parentheses: the "
    "smallest true difference that would be significant, before Holm's correction, in four of five "
    "test sets."
)


def model_card(
    *,
    source: str,
    command: str,
    setup: DataSetup,
    data_config: DataConfig,
    built: Built,
    versions: Mapping[str, str],
    figures: Sequence[str],
    sections: Sequence[Sequence[str]] = (),
) -> str:
    """Return the card as Markdown.

    ``figures`` are names of files in the same folder, ``sections`` lines of further sections.
    """
    model, settings = built.model, built.model.settings
    evaluation, name = evaluated(built)
    targets = map(numbers.with_unit, model.targets, model.units)
    bad = len({b.row for b in setup.bad})
    members = [f"{settings.networks} x {settings.encoder}"] * (settings.most_networks > 0)
    members += settings.other_members
    stage2 = "frozen" if settings.freeze_encoder else "fine-tuned"
    networks = [
        f"stage 1: {settings.objective or 'none'}; stage 2: {settings.head_loss}, {stage2}",
        f"descriptors in addition to the embedding: {'yes' if settings.descriptors else 'no'}",
    ]
    data = [
        f"{source}: {len(setup.table)} rows used, {bad} rows left out"
        + (" (bad_rows.csv)" if bad else ""),
        *setup.notes,
        *setup.table.bound_notes(),
        *_weights(setup),
        f"split: {_how_divided(data_config)} (split.json): {setup.sizes()}",
        *[f"column {setup.table.id_column} names the rows"] * bool(setup.table.id_column),
        *["cleaned: salts and charges removed, in prediction too"] * settings.clean,
    ]
    calibrated = "predictions out of fold" if built.out_of_fold else "held-out molecules"
    made = [
        f"members: {', '.join(members)}; weights: {settings.weights}",
        *(
            f"{target} is learned as its {transform}, predicted in its unit"
            for target, transform in zip(model.targets, model.scaler.transforms, strict=False)
            if transform != "none"
        ),
        *(networks if settings.most_networks else []),
        *(
            f"intervals of {target}: calibrated on {count} {calibrated}; above "
            f"{count / (count + 1):.1%} there are none"
            for target, count in zip(model.targets, model.intervals.counts, strict=True)
        ),
        "domain: a molecule is out of domain if its Tanimoto distance to the nearest training "
        f"molecule is above {model.domain.threshold:.2f}",
        "all settings: config.json",
    ]
    cells = [
        [numbers.with_unit(scale.targets[n], scale.units[n]), *metric_cells(scale, n)]
        for scale, n in evaluation.scales()
    ]
    cells_of_rivals, better = rivals(built, setup)
    parts = [
        [f"# {markdown(', '.join(targets))}"],
        [f"Made by {code(command)}."],
        [f"## Evaluation on the {name}"],
        markdown_table(["target", *metrics_of(evaluation).values()], cells),
        [_reliability(built)],
        [f"![{figure}]({figure})" for figure in figures],
        ["## In and out of the domain"],
        _domain_table(evaluation),
        [f"## Members and baselines on the {name}"],
        markdown_table(RIVALS, cells_of_rivals),
        [f"- {markdown(line)}" for line in better],
        [_RIVALS_NOTE],
        *sections,
        ["## Data"],
        [f"- {markdown(line)}" for line in data],
        ["## Model"],
        [f"- {markdown(line)}" for line in made],
        ["## Limits"],
        [_LIMITS],
        ["## Versions"],
        [", ".join(f"{library} {version}" for library, version in versions.items())],
    ]
    return "\n\n".join("\n".join(section) for section in parts if section) + "\n"


def _how_divided(data_config: DataConfig) -> str:
    path = (data_config.split_options or {}).get("path")
    return f"{f'that of {path}' if path else data_config.split}, seed {data_config.seed}"


def _weights(setup: DataSetup) -> list[str]:
    weights = setup.table.weights
    if weights is None:
        return []
    return [f"rows have weights from {weights.min():g} to {weights.max():g}, in training alone"]


def evaluated(built: Built) -> tuple[Evaluation, str]:
    """Return the evaluation to show, on the test set if there is one, and the set's name."""
    if built.test is not None:
        return built.test, "test set"
    return built.validation, _OUT_OF_FOLD if built.out_of_fold else "validation set"


def _reliability(built: Built) -> str:
    evaluation, _ = evaluated(built)
    without = [markdown(note) + "." for note in built.model.interval_notes(evaluation.level)]
    if built.test is None and built.out_of_fold:
        first = (
            "No test set was kept. Each molecule was predicted by members that had not learned "
            "from it; the model has learned from more molecules than these. The intervals were "
            "calibrated on these predictions: that they cover "
            f"{numbers.percent(evaluation.level)} of them says nothing about new molecules."
        )
    elif built.test is None:
        first = (
            "No test set was kept. The validation set chose the epochs and calibrated the "
            "intervals: errors on new molecules are larger than these."
        )
    else:
        first = (
            "The test set was predicted once, after everything had been chosen. The intervals are "
            f"made to cover {numbers.percent(evaluation.level)} of new measurements of molecules "
            f"like those {'of the training set' if built.out_of_fold else 'that calibrated them'}."
        )
    return " ".join([first, *without])


def _domain_table(evaluation: Evaluation) -> list[str]:
    """Return errors and coverage in and out of the domain, as the lines of a Markdown table."""
    rows = []
    for target, (title, unit) in enumerate(zip(evaluation.targets, evaluation.units, strict=True)):
        for name, part in evaluation.by_domain().items():
            metrics, covered = part.metrics(target), part.covered(target)
            cells = [numbers.with_unit(title, unit), name, f"{metrics['count']:,.0f}"]
            rows.append([*cells, numbers.number(metrics["rmse"]), _share(*covered)])
    header = ["target", "molecules", "rows", "RMSE", "within their interval (95% interval)"]
    return markdown_table(header, rows)


def _share(covered: int, count: int, molecules: int) -> str:
    """Return a share with its exact 95% interval (Clopper and Pearson, Biometrika 26, 1934).

    Molecules are its trials: the rows of one say little more than one of them.
    """
    from scipy.stats import beta

    if not count:
        return numbers.NONE
    inside = covered / count * molecules
    low = beta.ppf(0.025, inside, molecules - inside + 1) if inside else 0.0
    high = beta.ppf(0.975, inside + 1, molecules - inside) if inside < molecules else 1.0
    ends = f"{numbers.percent(low)} to {numbers.percent(high)}"
    of = f"{count}" if molecules == count else f"{count} ({plural(molecules, 'molecule')})"
    return f"{covered} of {of}: {numbers.percent(covered / count)} ({ends})"


def metric_cells(evaluation: Evaluation, target: int) -> list[str]:
    """Return one target's metrics as text, in the order of ``metrics_of``; NaN is a dash."""
    metrics = evaluation.metrics(target)
    shares = ("coverage", "out_of_domain", "violations")
    return [
        f"{metrics[name]:,.0f}"
        if name in ("count", "bounds")
        else (numbers.percent if name in shares else numbers.number)(metrics[name])
        for name in metrics_of(evaluation)
    ]


def metrics_of(evaluation: Evaluation) -> dict[str, str]:
    """Return the metrics to show, with their titles."""
    return METRICS if evaluation.censored is None else METRICS | BOUNDS
