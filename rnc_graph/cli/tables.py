"""Tables for models from the shell: which columns are read as what, and how they are split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnc_graph.errors import BadValueError, MissingColumnError

if TYPE_CHECKING:
    from rnc_graph.data import MoleculeTable
    from rnc_graph.data.bad import BadRow
    from rnc_graph.models import MoleculeModel


def by_target(
    option: str, given: Sequence[str] | None, targets: Sequence[str], default: str = ""
) -> list[str]:
    """Return the value of an option for each target.

    It is given by name (NAME=VALUE), for each in their order, or once for all.
    """
    texts = list(given or [])
    if any("=" in text for text in texts):
        values: dict[str, str] = {}
        for text in texts:
            target = target_in(text, targets)
            if not target:
                raise BadValueError(
                    f"{option}: expected NAME=VALUE with a NAME of the targets "
                    f"{', '.join(targets)}, got {text!r}"
                )
            if target in values:
                raise BadValueError(f"{option}: a target is given twice")
            values[target] = text.removeprefix(f"{target}=")
        return [values.get(target, default) for target in targets]
    if len(texts) in (1, len(targets)):
        return texts if len(texts) == len(targets) else texts * len(targets)
    if texts:
        raise BadValueError(
            f"{option}: expected one for all, one for each of the targets "
            f"({', '.join(targets)}), or NAME=VALUE, got {', '.join(texts)}"
        )
    return [default] * len(targets)


def target_in(text: str, targets: Iterable[str]) -> str:
    """Return the target that a text TARGET=VALUE begins with, "" if it is no such text."""
    # Names of targets may have a "=" too.
    return max((t for t in targets if text.startswith(f"{t}=")), key=len, default="")


def column_of_each(given: Sequence[str], targets: Sequence[str]) -> dict[str, str]:
    """Return the column of each of a model's targets that ``--target`` names, in any number.

    Raises:
        BadValueError: a text is neither a target nor TARGET=COLUMN, where they are not as many as
            the targets or name them in another order; or a target is given twice.
    """
    named = [(target_in(text, targets), text) for text in given]
    pairs = list(zip(targets, given, strict=False))
    # A column with the name of another target is that one's.
    in_order = all(text == target or text not in targets for target, text in pairs)
    if len(given) == len(targets) and in_order and not any(target for target, _ in named):
        return dict(pairs)
    columns: dict[str, str] = {}
    for target, text in named:
        name = text if text in targets else target
        if not name:
            raise BadValueError(
                f"--target: expected a column for each of the model's targets "
                f"({', '.join(targets)}) in their order, one of these, or TARGET=COLUMN, got "
                f"{text!r}"
            )
        if name in columns:
            raise BadValueError(f"--target: {name} is given twice")
        columns[name] = text if text in targets else text.removeprefix(f"{name}=")
    return columns


def splitter_of(
    split: str | None,
    column: str | None,
    file: Path | None,
    leaks: str | None,
    extra: Mapping[str, list[str]],
) -> tuple[str, dict[str, Any]]:
    """Return the splitter of the options, and its own options."""
    from rnc_graph.data.splits import PUBLISHED

    options: dict[str, Any] = {} if leaks is None else {"leaks": leaks}
    if file is not None:
        if column is not None or split is not None:
            raise BadValueError("--split-file excludes --split and --split-column")
        return "file", {"path": str(file), **options}
    if split in ("group", "time"):
        if column is None:
            raise BadValueError(f"--split {split} needs --split-column")
        return split, {"column": column, **options}
    if column is not None:
        if split is not None:
            raise BadValueError(f"--split-column: expected no --split, got --split {split}")
        return "column", {"column": column, **options}
    if split is None and PUBLISHED in extra:
        return "published", options
    if options:
        raise BadValueError("--leaks needs --split-column, --split-file or a published split")
    return split or "random", {}


def read(
    data: str,
    smiles: str | None,
    targets: list[str] | None,
    decimal: str | None,
    *,
    default: list[str] | None = None,
    extra: Sequence[str] = (),
    id_column: str | None = None,
    usual_id: str = "",
    weight: str | None = None,
    relation: Sequence[str] | None = None,
    usual_relations: Sequence[str] = (),
) -> tuple[MoleculeTable, list[BadRow], list[str]]:
    """Read a file, or load a dataset by its name; without targets, take the default ones.

    What is ``usual`` is taken if the table has it and no other is given. The bad rows are with
    those that have no value; see ``without_value``.
    """
    from rnc_graph.data.catalog import dataset_cards, load_dataset
    from rnc_graph.data.reading.molecules import read_molecules

    check_decimal(decimal)
    path = Path(data)
    if (
        not path.exists()
        and data in dataset_cards()
        and not any((smiles, extra, id_column, weight, relation))
    ):
        table = load_dataset(data)
        by_default = default if default and set(default) <= set(table.target_names) else None
        return table.select(targets or by_default), [], []
    chosen = list(targets or default or [])
    relations = relations_of(relation or [], chosen)
    _check_no_targets(chosen, weight, id_column)
    table, bad, notes = read_molecules(
        path,
        smiles,
        targets or default,
        extra=extra,
        id_column=id_column,
        usual_id=usual_id,
        weight=weight,
        bounds=True,
        relations=relations,
        usual_relations=usual_relations,
        decimal=decimal,  # type: ignore[arg-type]  # checked above
    )
    _check_no_targets(table.target_names, weight, id_column)
    return table, bad, notes


def read_labeled(
    data: str,
    targets: Sequence[str],
    given: list[str] | None,
    models: Sequence[MoleculeModel],
    *,
    smiles: str | None,
    decimal: str | None,
    id_column: str | None,
    relation: Sequence[str] | None,
) -> tuple[MoleculeTable, list[BadRow], list[str]]:
    """Read the measurements of targets of models; those that the table lacks are missing.

    ``given`` are the columns of the targets, in their order or by name; by default those that have
    the targets' names. What is usual is what the models were trained with, the first one above all;
    the other arguments are those of :func:`read`.
    """
    from rnc_graph.data.bad import without_value
    from rnc_graph.models.inference import with_targets

    columns = column_of_each(given or targets, targets)
    usual_relations = relations_in_training(*reversed(models))
    try:
        table, bad, notes = read(
            data,
            smiles,
            list(columns.values()),
            decimal,
            id_column=id_column,
            usual_id=models[0].id_column,
            relation=relation,
            usual_relations=[usual_relations.get(name, "") for name in columns],
        )
    except MissingColumnError as error:
        if given or error.column not in targets:
            raise
        how = "Of another name, or of a table with some of the targets: --target TARGET=COLUMN"
        raise MissingColumnError(f"{error}\n{how}", error.column) from None
    bad, sparse = without_value(bad)
    return with_targets(table, list(columns), targets), bad, [*notes, *sparse]


def relations_of(given: Sequence[str], targets: Sequence[str]) -> list[str]:
    """Return the column of relations of each target, by ``--relation``."""
    relations = list(given)
    if relations and (len(targets) > 1 or (targets and "=" in relations[0])):
        if len(relations) == 1 and "=" not in relations[0]:
            raise BadValueError(
                f"--relation: expected TARGET=COLUMN of the targets {', '.join(targets)}, got "
                f"{relations[0]!r}"
            )
        relations = by_target("--relation", relations, targets)
    return relations


def relations_in_training(*models: MoleculeModel) -> dict[str, str]:
    """Return the column of relations of each target that ``--relation`` named for some models."""
    found: dict[str, str] = {}
    for model in models:
        given = model.table.relation if model.table else []
        found |= dict(zip(model.targets, relations_of(given, model.targets), strict=False))
    return found


def check_decimal(decimal: str | None) -> None:
    """Raise :class:`BadValueError` for a ``--decimal`` that is no sign."""
    if decimal not in (None, ".", ","):
        raise BadValueError(f"--decimal: expected . or , , got {decimal!r}")


def _check_no_targets(targets: Sequence[str], weight: str | None, id_column: str | None) -> None:
    for option, column in (("--weight", weight), ("--id", id_column)):
        if column in targets:
            raise BadValueError(f"{option}: expected a column that is no --target, got {column!r}")


def check_choices(*options: tuple[str, str | None, Sequence[str | None]]) -> None:
    """Raise :class:`BadValueError` for an option whose value is none of its choices."""
    for option, given, choices in options:
        if given not in choices:
            known = " or ".join(", ".join(filter(None, choices)).rsplit(", ", 1))
            raise BadValueError(f"{option}: expected {known}, got {given!r}")
