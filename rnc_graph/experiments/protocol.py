"""The protocol of an experiment in words, for below its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnc_graph.evaluation import Scoring
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec.sections import SplitSpec
from rnc_graph.experiments.spec.sources import division_of

# More splits than this are not told one by one.
_TOLD = 12


def notes(experiment: Experiment, scorings: Sequence[Scoring]) -> list[str]:
    """Return the protocol in words, for below the tables.

    Args:
        experiment: the grid.
        scorings: what the tables' predictions are scored by.
    """
    scoring = scorings[0]
    classes = scoring.scale == "share"
    ways = list(dict.fromkeys(map(_way, experiment.splits.values())))
    changes = {name: _changes(split, classes) for name, split in experiment.splits.items()}
    changed = list(dict.fromkeys(changes.values()))
    touched = (
        "the test part was not touched"
        if experiment.evaluate == "validation"
        else "the test part was touched once a run"
    )
    divisions = [division for source in experiment.data if (division := division_of(source))]
    alike = len(divisions) == len(experiment.data)
    divided = (
        f"seeds; {' and '.join(divisions)}"
        if alike
        else f"split seeds; {ways[0] if len(ways) == 1 else 'splits by seed, as told below'}"
    )
    notes = [
        f"Mean ± standard deviation over {divided}; "
        f"{f'{changed[0]}; ' if len(changed) == 1 and changed[0] else ''}"
        f"{'' if classes else 'targets standardised by the training part; '}the epoch "
        f"was selected by {scoring.selected_by}; {touched}.",
        "Δ: mean paired difference to the reference, seed by seed; negative is better; "
        "95% interval of the paired t test, not corrected; its p value corrected by Holm over the "
        "methods with one reference, and over the baselines. The verdict is open where the "
        "corrected p is 0.05 or more. "
        + (
            "The test part is the same for all seeds: the spread is that of what is drawn in "
            "training, and of validation parts."
            if alike
            else "The splits overlap: by Nadeau and Bengio's correction the intervals would be "
            "sqrt(1 + seeds * test part / training part) times as wide, 1.5 times for 10 seeds of "
            "80/10/10."
        ),
    ]
    if len(ways) > 1 or len(changed) > 1:
        notes.insert(1, _each_split(experiment, changes, alike or len(ways) == 1))
    if experiment.ranked:
        notes.append(
            f"Sorted by {scoring.title}; mean rank: the row's place among all, seed by seed, "
            "averaged."
        )
    if experiment.representation or any(s.long_tail for s in experiment.splits.values()):
        notes.append(
            "▲ ▼: better or worse than the reference's after Holm's correction, by the same tests, "
            f"measure by measure{'' if classes else '; labels are standardised'}."
        )
    judged = experiment.representation
    if judged and classes:
        notes.append(
            "Retrieval: the training samples nearest to one of the evaluated part, a hit where the "
            f"class, or its group, is the same. From outside: {judged.outside_name or 'none'}."
        )
    elif judged:
        notes.append(
            "Retrieval counts a hit within "
            f"{judged.tolerance:g} of the label. Molecules from outside: "
            f"{judged.outside_name or 'none'}."
        )
    return notes


def _way(split: SplitSpec) -> str:
    """Say how data are divided that come without a split."""
    shares = "/".join(f"{100 * share:g}" for share in (split.train, split.validation, split.test))
    return f"{split.splitter.name if split.splitter else 'random'} {shares} splits by seed"


def _changes(split: SplitSpec, classes: bool) -> str:
    """Say what is then done to the parts; "" for nothing."""
    found = []
    if split.unseen is not None:
        low, high = split.unseen
        found.append(f"labels from quantile {low:g} to {high:g} in the test part alone")
    if split.train_size < 1:
        found.append(f"{split.train_size:.4g} of the training part kept")
    tail = split.long_tail
    if tail and classes:
        found.append(
            f"the training part's classes thinned to a long tail, {tail.imbalance:g} to 1 (more "
            f"than {tail.many} samples: many-shot, fewer than {tail.few}: few-shot)"
        )
    elif tail:
        found.append(
            f"the training part thinned to a long tail at the {tail.tail} end, "
            f"{tail.imbalance:g} to 1 over {tail.bins} bins (more than {tail.many} molecules: "
            f"many-shot, fewer than {tail.few}: few-shot)"
        )
    if split.label_noise:
        found.append(f"{split.label_noise:.4g} of the training labels change places")
    if split.graph_noise:
        noise = ", ".join(f"{name}: {options}" for name, options in split.graph_noise.items())
        found.append(f"the evaluated molecules altered ({noise})")
    return "; ".join(found)


def _each_split(experiment: Experiment, changes: Mapping[str, str], one_way: bool) -> str:
    """Say of each split what the others do not share with it."""
    told = []
    for name, split in list(experiment.splits.items())[:_TOLD]:
        own = [] if one_way else [_way(split)]
        told.append(f"{name}: {'; '.join([*own, changes[name] or 'no part changed'])}")
    more = len(experiment.splits) - len(told)
    return f"Splits. {'. '.join(told)}.{f' And {more} more, in spec.yaml.' if more else ''}"
