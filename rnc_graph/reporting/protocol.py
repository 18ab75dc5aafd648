"""The protocol of an experiment in words, for below its tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from rnc_graph.data.table import MoleculeTable, Table
from rnc_graph.experiments.spec import Experiment
from rnc_graph.experiments.spec.sources import CsvData, division_of, source_name
from rnc_graph.experiments.spec.split import SplitSpec
from rnc_graph.metrics import Scoring
from rnc_graph.reporting.numbers import trial

# More splits than this are not listed one by one.
_LISTED = 12


def notes(experiment: Experiment, scoring: Scoring, tables: Mapping[str, Table]) -> list[str]:
    """Return the protocol in words, for below the tables; ``tables`` are its data, by name."""
    splits = experiment.splits
    classes = scoring.scale == "share"
    ways = list(dict.fromkeys(map(_way, splits.values())))
    changes = {name: _changes(split, classes) for name, split in splits.items()}
    changed = list(dict.fromkeys(changes.values()))
    divisions = [division for source in experiment.data if (division := division_of(source))]
    published = len(divisions) == len(experiment.data)
    by_seed = [split.by_seed for split in splits.values()]
    same_sets = published or not any(by_seed)
    several = "splits as listed below" if not all(by_seed) else "splits by seed, as listed below"
    drawn = ways[0] if len(ways) == 1 else several
    if divisions:
        drawn = " and ".join(divisions) + ("" if published else f"; of other data {drawn}")
    one_way = published or len(ways) == 1
    steps = [
        f"Mean ± standard deviation over {'seeds' if same_sets else 'split seeds'}",
        drawn,
        changed[0] if len(changed) == 1 else "",
        "" if classes else "targets standardized by the training set",
        f"the epoch was selected by {scoring.selected_by}",
        "the test set was not touched"
        if experiment.evaluate == "validation"
        else "the test set was touched once a run",
    ]
    found = [f"{'; '.join(filter(None, steps))}."]
    for source in experiment.data:
        name = source_name(source)
        if isinstance(source, CsvData) and (said := _of_file(source, tables[name])):
            found.append(f"{name}: {'; '.join(said)}.")
    if len(changed) > 1 or not one_way:
        if len(splits) <= _LISTED:
            found.append(_each_split(splits, changes, one_way))
        else:
            found.append(_what_varies(splits, classes, one_way))
    found.append(
        "Δ: mean paired difference to the reference, seed by seed; negative is better; "
        "95% interval of the paired t test; its p value is corrected by Holm over the methods with "
        "one reference, and over the baselines. A difference is not significant if the corrected p "
        "is 0.05 or more; in parentheses the smallest true difference that would be significant, "
        "before Holm's correction, in four of five experiments. "
        + _overlap(same_sets, published, divisions, splits.values())
    )
    if experiment.ranked:
        found.append(
            f"Sorted by {scoring.title}; mean rank: the rank among all rows, averaged over seeds."
        )
    evaluated = experiment.representation
    if evaluated or any(split.long_tail for split in splits.values()):
        found.append(
            "▲ ▼: better or worse than the reference's after Holm's correction, by the same tests, "
            f"metric by metric{'' if classes else '; labels are standardized'}."
        )
    if evaluated:
        hits = (
            "Retrieval: the training samples nearest to one of the evaluated set, a hit where the "
            "class, or its group, is the same."
            if classes
            else f"Retrieval counts a hit within {evaluated.tolerance:g} of the label."
        )
        found.append(f"{hits} Out-of-distribution set: {evaluated.ood_name or 'none'}.")
    if small := trial(experiment.samples):
        found.insert(0, f"{small[0].upper()}{small[1:]}; these are no results to report.")
    return found


def _of_file(source: CsvData, table: Table) -> list[str]:
    """Say what is learned of a file other than its values."""
    said = []
    if source.transforms:
        transforms = zip(source.targets, source.transforms, strict=True)
        names = ", ".join(name for name, how in transforms if how == "log10")
        said.append(f"{names}: learned as log10, of which standardized errors are")
    if source.weight:
        said.append(f"samples of the training set weighted by {source.weight}")
    if isinstance(table, MoleculeTable) and table.censored is not None:
        said.append("bounds are learned, and in no error")
    return said


def _overlap(
    same: bool, published: bool, divisions: list[str], splits: Collection[SplitSpec]
) -> str:
    """Say what the spread over seeds is that of."""
    if published:
        return (
            "The test set is the same for all seeds: the spread is that of what is drawn in "
            "training, and of validation sets."
        )
    if same:
        return (
            "The sets are the same for all seeds: the spread is that of what is drawn in training."
        )
    all_by_seed = all(split.by_seed for split in splits)
    drawn = "The splits" if not divisions and all_by_seed else "The splits by seed"
    cut = any(split.train_size < 1 or split.long_tail or split.unseen for split in splits)
    sizes = " The training set is the whole one, before samples are left out of it." if cut else ""
    return (
        f"{drawn} overlap: intervals and p values have Nadeau and Bengio's correction, by which "
        "intervals are sqrt(1 + seeds * test set / training set) times as wide, 1.5 times for 10 "
        f"seeds of 80/10/10.{sizes}"
    )


def _way(split: SplitSpec) -> str:
    """Say how data are divided that come without a split."""
    shares = "/".join(f"{100 * share:g}" for share in (split.train, split.validation, split.test))
    if split.splitter is None:
        return f"random {shares} splits by seed"
    name, options = split.splitter.name, split.splitter.model_extra or {}
    if name == "published":
        return "the split that the data came with, the same test set for all seeds"
    shown = f" ({', '.join(f'{k}: {value}' for k, value in options.items())})" if options else ""
    if name in ("column", "file"):  # Which have shares of their own.
        return f"the split by {name}{shown}, the same for all seeds"
    if not split.by_seed:
        return f"the {name} {shares} split{shown}, the same for all seeds"
    return f"{name} {shares} splits by seed{shown}"


def _changes(split: SplitSpec, classes: bool) -> str:
    """Say how the sets are then changed; "" for not at all."""
    kept = f"{split.train_size:.4g} of the training set kept"
    said = {
        f"labels from quantile {_band(split)} in the test set alone": split.unseen is not None,
        kept: split.train_size < 1,
        _tail(split, classes): split.long_tail is not None,
        f"{split.label_noise:.4g} of the training labels are permuted": bool(split.label_noise),
        f"the evaluated molecules altered ({_noise(split)})": bool(split.graph_noise),
    }
    return "; ".join(words for words, applies in said.items() if applies)


def _band(split: SplitSpec) -> str:
    return "" if split.unseen is None else f"{split.unseen[0]:g} to {split.unseen[1]:g}"


def _tail(split: SplitSpec, classes: bool) -> str:
    """Say how the training set is thinned; "" for not at all."""
    tail = split.long_tail
    if tail is None:
        return ""
    if classes:
        how = (
            f"thinned to a long tail, {tail.imbalance:g} to 1" if tail.imbalance else "as they are"
        )
        return (
            f"the training set's classes {how} (more than {tail.many} samples: many-shot, fewer "
            f"than {tail.few}: few-shot)"
        )
    return (
        f"the training set thinned to a long tail at the {tail.tail} end, "
        f"{tail.imbalance:g} to 1 over {tail.bins} bins (more than {tail.many} molecules: "
        f"many-shot, fewer than {tail.few}: few-shot)"
    )


def _noise(split: SplitSpec) -> str:
    return ", ".join(f"{name}: {options}" for name, options in split.graph_noise.items())


def _each_split(splits: Mapping[str, SplitSpec], changes: Mapping[str, str], one_way: bool) -> str:
    """Say of each split what the others do not share with it."""
    listed = []
    for name, split in splits.items():
        own = [] if one_way else [_way(split)]
        listed.append(f"{name}: {'; '.join([*own, changes[name] or 'no set changed'])}")
    return f"Splits. {'. '.join(listed)}."


def _what_varies(splits: Mapping[str, SplitSpec], classes: bool, one_way: bool) -> str:
    """Say of many splits what they differ in, and what is done to all of them."""
    aspects: dict[str, Callable[[SplitSpec], str]] = {
        **({} if one_way else {"division": _way}),
        "quantiles of the labels in the test set alone": _band,
        "share of the training set kept": lambda split: f"{split.train_size:.4g}",
        "long tail": lambda split: _tail(split, classes),
        "share of the training labels that are permuted": lambda split: f"{split.label_noise:.4g}",
        "alterations of the evaluated molecules": _noise,
    }
    varied, shared = [], []
    for name, value_of in aspects.items():
        values = list(dict.fromkeys(map(value_of, splits.values())))
        shown = ", ".join(value or "none" for value in values[:_LISTED])
        more = f", and {len(values) - _LISTED} more" if len(values) > _LISTED else ""
        if len(values) > 1:
            varied.append(f"{name} ({shown}{more})")
        elif values[0] != value_of(SplitSpec()):
            shared.append(f"{name} ({shown})")
    of_all = f" Of all: {'; '.join(shared)}." if shared else ""
    return f"{len(splits)} splits, which differ in: {'; '.join(varied)}.{of_all}"
