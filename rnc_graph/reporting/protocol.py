"""The protocol of an experiment in words, for below its tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec.sources import division_of
from rnc_graph.experiments.spec.split import SplitSpec
from rnc_graph.metrics import Scoring

# More splits than this are not listed one by one.
_LISTED = 12


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
        "the test set was not touched"
        if experiment.evaluate == "validation"
        else "the test set was touched once a run"
    )
    divisions = [division for source in experiment.data if (division := division_of(source))]
    published = len(divisions) == len(experiment.data)
    by_seed = [split.by_seed for split in experiment.splits.values()]
    alike = published or not any(by_seed)
    drawn = not divisions and all(by_seed)
    several = "splits as listed below" if not all(by_seed) else "splits by seed, as listed below"
    by_split = ways[0] if len(ways) == 1 else several
    if published:
        divided = " and ".join(divisions)
    elif divisions:
        divided = f"{' and '.join(divisions)}; of other data {by_split}"
    else:
        divided = by_split
    notes = [
        f"Mean ± standard deviation over {'seeds' if alike else 'split seeds'}; {divided}; "
        f"{f'{changed[0]}; ' if len(changed) == 1 and changed[0] else ''}"
        f"{'' if classes else 'targets standardized by the training set; '}the epoch "
        f"was selected by {scoring.selected_by}; {touched}.",
        "Δ: mean paired difference to the reference, seed by seed; negative is better; "
        "95% interval of the paired t test, not corrected; its p value is corrected by Holm over "
        "the methods with one reference, and over the baselines. A difference is not significant "
        "if the corrected p is 0.05 or more. "
        + (
            "The test set is the same for all seeds: the spread is that of what is drawn in "
            "training, and of validation sets."
            if published
            else "The sets are the same for all seeds: the spread is that of what is drawn in "
            "training."
            if alike
            else f"{'The splits' if drawn else 'The splits by seed'} overlap: by Nadeau "
            "and Bengio's correction the intervals would be sqrt(1 + seeds * test set / training "
            "set) times as wide, 1.5 times for 10 seeds of 80/10/10."
        ),
    ]
    one_way = published or len(ways) == 1
    if len(changed) > 1 or not one_way:
        splits = list(experiment.splits.values())
        notes.insert(
            1,
            _each_split(experiment, changes, one_way)
            if len(splits) <= _LISTED
            else _what_varies(splits, classes, one_way),
        )
    if experiment.ranked:
        notes.append(
            f"Sorted by {scoring.title}; mean rank: the rank among all rows, averaged over seeds."
        )
    if experiment.representation or any(s.long_tail for s in experiment.splits.values()):
        notes.append(
            "▲ ▼: better or worse than the reference's after Holm's correction, by the same tests, "
            f"metric by metric{'' if classes else '; labels are standardized'}."
        )
    evaluated = experiment.representation
    if evaluated and classes:
        notes.append(
            "Retrieval: the training samples nearest to one of the evaluated set, a hit where the "
            "class, or its group, is the same. Out-of-distribution set: "
            f"{evaluated.outside_name or 'none'}."
        )
    elif evaluated:
        notes.append(
            "Retrieval counts a hit within "
            f"{evaluated.tolerance:g} of the label. Out-of-distribution set: "
            f"{evaluated.outside_name or 'none'}."
        )
    return notes


def _way(split: SplitSpec) -> str:
    """Say how data are divided that come without a split."""
    shares = "/".join(f"{100 * share:g}" for share in (split.train, split.validation, split.test))
    if split.splitter is None:
        return f"random {shares} splits by seed"
    if split.splitter.name == "published":
        return "the split that the data came with, the same test set for all seeds"
    name, options = split.splitter.name, split.splitter.model_extra or {}
    told = f" ({', '.join(f'{key}: {value}' for key, value in options.items())})" if options else ""
    if name in ("column", "file"):  # Which have shares of their own.
        return f"the split by {name}{told}, the same for all seeds"
    if not split.by_seed:
        return f"the {name} {shares} split{told}, the same for all seeds"
    return f"{name} {shares} splits by seed{told}"


def _changes(split: SplitSpec, classes: bool) -> str:
    """Say how the sets are then changed; "" for not at all."""
    found = []
    if split.unseen is not None:
        found.append(f"labels from quantile {_band(split)} in the test set alone")
    if split.train_size < 1:
        found.append(f"{split.train_size:.4g} of the training set kept")
    if split.long_tail:
        found.append(_tail(split, classes))
    if split.label_noise:
        found.append(f"{split.label_noise:.4g} of the training labels are permuted")
    if split.graph_noise:
        found.append(f"the evaluated molecules altered ({_noise(split)})")
    return "; ".join(found)


def _band(split: SplitSpec) -> str:
    return "" if split.unseen is None else f"{split.unseen[0]:g} to {split.unseen[1]:g}"


def _tail(split: SplitSpec, classes: bool) -> str:
    """Say how the training set is thinned; "" for not at all."""
    tail = split.long_tail
    if tail is None:
        return ""
    if classes:
        return (
            f"the training set's classes thinned to a long tail, {tail.imbalance:g} to 1 (more "
            f"than {tail.many} samples: many-shot, fewer than {tail.few}: few-shot)"
        )
    return (
        f"the training set thinned to a long tail at the {tail.tail} end, "
        f"{tail.imbalance:g} to 1 over {tail.bins} bins (more than {tail.many} molecules: "
        f"many-shot, fewer than {tail.few}: few-shot)"
    )


def _noise(split: SplitSpec) -> str:
    return ", ".join(f"{name}: {options}" for name, options in split.graph_noise.items())


def _each_split(experiment: Experiment, changes: Mapping[str, str], one_way: bool) -> str:
    """Say of each split what the others do not share with it."""
    told = []
    for name, split in experiment.splits.items():
        own = [] if one_way else [_way(split)]
        told.append(f"{name}: {'; '.join([*own, changes[name] or 'no set changed'])}")
    return f"Splits. {'. '.join(told)}."


def _what_varies(splits: Sequence[SplitSpec], classes: bool, one_way: bool) -> str:
    """Say of many splits what they differ in, and what is done to all of them."""
    aspects: dict[str, Callable[[SplitSpec], str]] = {
        "quantiles of the labels in the test set alone": _band,
        "share of the training set kept": lambda split: f"{split.train_size:.4g}",
        "long tail": lambda split: _tail(split, classes),
        "share of the training labels that are permuted": lambda split: f"{split.label_noise:.4g}",
        "alterations of the evaluated molecules": _noise,
    }
    if not one_way:
        aspects = {"division": _way, **aspects}
    varied, shared = [], []
    for name, told_of in aspects.items():
        values = list(dict.fromkeys(map(told_of, splits)))
        shown = ", ".join(value or "none" for value in values[:_LISTED])
        more = f", and {len(values) - _LISTED} more" if len(values) > _LISTED else ""
        if len(values) > 1:
            varied.append(f"{name} ({shown}{more})")
        elif values[0] != told_of(SplitSpec()):
            shared.append(f"{name} ({shown})")
    alike = f" Of all: {'; '.join(shared)}." if shared else ""
    return f"{len(splits)} splits, which differ in: {'; '.join(varied)}.{alike}"
