"""Models of a user's own: train, predict, embed, evaluate."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from rnc_graph.cli.app import Device, Jobs, app, say
from rnc_graph.cli.bars import work_bar
from rnc_graph.errors import BadValueError

if TYPE_CHECKING:
    from rnc_graph.models import ModelSettings
    from rnc_graph.models.build import Preparation

Model = Annotated[Path, typer.Argument(help="The folder of a model.")]
Smiles = Annotated[str | None, typer.Option(help="The column of SMILES. [default: guessed]")]
Level = Annotated[
    float, typer.Option("--interval", help="Share of measurements that the intervals cover.")
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option(help="A Python file that registers encoders, losses or augmentations."),
]
Decimal = Annotated[
    str | None, typer.Option(help="The decimal sign: . or a comma. [default: found by column]")
]


@app.command()
def train(
    data: Annotated[
        str, typer.Argument(help="CSV, TSV, Excel, Parquet or SDF, .gz too; or a data set's name.")
    ],
    out: Annotated[Path, typer.Option(help="The folder of the model.", file_okay=False)],
    smiles: Smiles = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="A column to be predicted; more than once for several. [guessed]"),
    ] = None,
    unit: Annotated[str, typer.Option(help="Unit of the targets.")] = "",
    decimal: Decimal = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="random, stratified, scaffold, butina, group or time. [default: the published one "
            "of a data set that came with one, else random]"
        ),
    ] = None,
    split_column: Annotated[
        str | None,
        typer.Option(help="The column that says train, validation or test; or the group or time."),
    ] = None,
    split_file: Annotated[
        Path | None, typer.Option(help="The split.json of another model of the same table.")
    ] = None,
    leaks: Annotated[
        str | None,
        typer.Option(
            help="Molecules in two sets of a split column or file: keep, drop or raise. "
            "[default: keep and count them]"
        ),
    ] = None,
    validation_fraction: Annotated[
        float, typer.Option(help="Share that chooses the epochs and calibrates the intervals.")
    ] = 0.1,
    test_fraction: Annotated[
        float, typer.Option(help="Share that the model is evaluated on; 0 for none.")
    ] = 0.1,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of the split and of the training.")
    ] = 0,
    clean: Annotated[
        bool, typer.Option("--clean", help="Strip salts and charges, here and in prediction.")
    ] = False,
    merge: Annotated[
        str, typer.Option(help="Several rows of one molecule: no, mean, median or first.")
    ] = "no",
    on_bad: Annotated[
        str, typer.Option(help="Rows that cannot be used: skip (and name them) or raise.")
    ] = "skip",
    plugin: Plugins = None,
    encoder: Annotated[
        str, typer.Option(help="gin, gcn, mpnn, a plugin's, or the import path of a class.")
    ] = "gin",
    encoder_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Of the encoder, such as hidden_channels=32; more than once for several. "
            "[default: those of docs/model.md]",
        ),
    ] = None,
    objective: Annotated[
        str, typer.Option(help="Of stage 1: rnc, supcon, rince, ...; none leaves stage 1 out.")
    ] = "rnc",
    head_loss: Annotated[str, typer.Option(help="l1, l2 or huber.")] = "l2",
    freeze: Annotated[
        bool, typer.Option("--freeze", help="Train the head alone in stage 2.")
    ] = False,
    descriptors: Annotated[
        bool, typer.Option(help="Use RDKit's descriptors, with the embedding and alone.")
    ] = True,
    networks: Annotated[int, typer.Option(min=0, help="Networks in the ensemble.")] = 3,
    epochs: Annotated[int, typer.Option(min=1, help="Of stage 2.")] = 80,
    pretraining_epochs: Annotated[int, typer.Option(min=1, help="Of stage 1.")] = 30,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write into a folder that is not empty.")
    ] = False,
    jobs: Jobs = None,
    device: Device = "cpu",
) -> None:
    """Train a model on a table of SMILES and measurements, and evaluate it on a test set."""
    from rnc_graph.files import new_folder
    from rnc_graph.models import LEVEL, make_settings
    from rnc_graph.models.build import Preparation, build, prepare
    from rnc_graph.plugins import load_plugins
    from rnc_graph.reporting.console import print_evaluation
    from rnc_graph.reporting.model_folder import write_model_folder

    for option, given, known in (
        ("--merge", merge, ("no", "mean", "median", "first")),
        ("--on-bad", on_bad, ("skip", "raise")),
        ("--leaks", leaks, ("keep", "drop", "raise", None)),
    ):
        if given not in known:
            raise BadValueError(
                f"{option}: expected {', '.join(filter(None, known))}, got {given!r}"
            )
    plugins = load_plugins(plugin or [])
    settings: ModelSettings = make_settings(
        encoder=encoder,
        encoder_options=_encoder_options(encoder_option),
        objective=None if objective == "none" else objective,
        head_loss=head_loss,
        freeze_encoder=freeze,
        clean=clean,
        descriptors=descriptors,
        networks=networks,
        epochs=epochs,
        pretraining_epochs=pretraining_epochs,
    )
    with new_folder(out, overwrite=overwrite) as folder:
        table, bad, notes = _read(data, smiles, target, split_column, unit, decimal)
        splitter, split_options = _splitter(split, split_column, split_file, leaks, table.extra)
        preparation: Preparation = Preparation(
            merge=merge,  # type: ignore[arg-type]  # checked above
            on_bad=on_bad,  # type: ignore[arg-type]
            split=splitter,
            split_options=split_options,
            fractions=(1 - validation_fraction - test_fraction, validation_fraction, test_fraction),
            seed=seed,
        )
        for note in notes:
            say(note)
        workers = jobs or os.cpu_count() or 1
        with work_bar("featurizing") as featurizing:
            prepared = prepare(
                table,
                bad,
                preparation,
                settings.wants,
                jobs=workers,
                on_progress=featurizing,
            )
        if prepared.bad:
            from rnc_graph.data.bad import describe_bad

            say(
                describe_bad(prepared.bad, table.name)
                + f"\nThey are left out; all: {out}/bad_rows.csv"
            )
        for note in prepared.notes:
            say(note)
        say(prepared.sizes())
        with work_bar("training") as training:
            built = build(
                prepared,
                settings,
                seed=seed,
                jobs=workers,
                device=device,
                on_progress=training,
                plugins=plugins,
            )
        for note in built.model.interval_notes(LEVEL):
            say(f"{note}; hold out more with --validation-fraction")
        if built.test is not None:
            for note in _on_subsets(prepared.table, built.test):
                say(note)
                prepared.notes.append(note)
        written = write_model_folder(
            folder,
            source=table.name,
            command=shlex.join(["rnc-graph", *sys.argv[1:]]),
            prepared=prepared,
            preparation=preparation,
            built=built,
        )
        evaluated = built.test or built.validation
        print_evaluation(Console(), evaluated, "test set" if built.test else "validation set")
    say("\n  ".join(["Written:", *(str(out / path.name) for path in written)]))


@app.command()
def predict(
    model: Model,
    data: Annotated[Path, typer.Argument(help="A table with a column of SMILES; - reads a pipe.")],
    out: Annotated[Path, typer.Option(help="The CSV of the predictions.", dir_okay=False)],
    smiles: Smiles = None,
    interval: Level = 0.9,
    jobs: Jobs = None,
    plugin: Plugins = None,
) -> None:
    """Predict every row of a table, in order; column 'problem' says why one has no prediction."""
    from rnc_graph.models import load_model
    from rnc_graph.models.streaming import predict_file

    trained = load_model(model, plugins=plugin or [])
    with work_bar("predicting", unit="molecules") as predicting:
        report = predict_file(
            trained,
            data,
            out,
            smiles=smiles,
            level=interval,
            jobs=jobs or os.cpu_count() or 1,
            on_rows=predicting,
        )
    for note in report.notes:
        say(note)
    say(
        f"{report.rows} rows, {report.problems} without a prediction (see column 'problem'), "
        f"{report.outside} outside the model's domain\nWritten: {out}"
    )


@app.command()
def embed(
    model: Model,
    data: Annotated[Path, typer.Argument(help="A table with a column of SMILES; - reads a pipe.")],
    out: Annotated[Path, typer.Option(help="A .csv, or an .npy of float32.", dir_okay=False)],
    smiles: Smiles = None,
    jobs: Jobs = None,
    plugin: Plugins = None,
) -> None:
    """Embed every row of a table, in order; a row that cannot be read is empty (NaN in .npy)."""
    from rnc_graph.models import load_model
    from rnc_graph.models.streaming import embed_file

    trained = load_model(model, plugins=plugin or [])
    with work_bar("embedding", unit="molecules") as embedding:
        report = embed_file(
            trained,
            data,
            out,
            smiles=smiles,
            jobs=jobs or os.cpu_count() or 1,
            on_rows=embedding,
        )
    for note in report.notes:
        say(note)
    say(f"{report.rows} rows, {report.problems} without an embedding\nWritten: {out}")


@app.command()
def evaluate(
    model: Model,
    data: Annotated[str, typer.Argument(help="A table with measurements, or a data set's name.")],
    smiles: Smiles = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="The measured columns, in the model's order. [default: the model's]"),
    ] = None,
    decimal: Decimal = None,
    out: Annotated[
        Path | None, typer.Option(help="A folder for figures and metrics.", file_okay=False)
    ] = None,
    interval: Level = 0.9,
    jobs: Jobs = None,
    plugin: Plugins = None,
) -> None:
    """Evaluate a model on measured molecules, those of its training set apart."""
    import numpy as np

    from rnc_graph.data.bad import describe_bad
    from rnc_graph.files import write_text
    from rnc_graph.models import evaluate_predictions, load_model, predict_smiles
    from rnc_graph.reporting.console import print_evaluation
    from rnc_graph.reporting.model_folder import draw_evaluation

    trained = load_model(model, plugins=plugin or [])
    table, bad, notes = _read(data, smiles, target, None, "", decimal, default=trained.targets)
    for note in [*notes, *trained.interval_notes(interval)]:
        say(note)
    if bad:
        say(describe_bad(bad, table.name) + "\nThey are left out.")
    if len(table.target_names) != len(trained.targets):
        raise BadValueError(
            f"{table.name}: {len(table.target_names)} targets are given, the model predicts "
            f"{len(trained.targets)}: {', '.join(trained.targets)}"
        )
    predictions, unreadable = predict_smiles(trained, table.smiles, jobs or os.cpu_count() or 1)
    if unreadable:
        say(f"{len(unreadable)} SMILES cannot be read and are left out")
    evaluation = evaluate_predictions(
        trained, table.smiles, table.rows, table.targets, predictions, interval
    )
    seen = predictions.seen
    if seen.any():
        say(
            f"{seen.sum()} of {len(seen)} rows hold molecules of the model's training or "
            "validation set: their errors say nothing about new molecules, and are reported apart"
        )
    new = ~seen & ~np.isnan(predictions.distance)
    subsets = {"new molecules": np.flatnonzero(new), "molecules seen": np.flatnonzero(seen)}
    parts = {name: evaluation.take(rows) for name, rows in subsets.items() if len(rows)}
    for name, part in parts.items():
        print_evaluation(Console(), part, f"{table.name}, {name}")
    if out is not None:
        shown = next(iter(parts))
        title = f"{table.name}, {shown}"
        figures = draw_evaluation(parts[shown], trained.domain.threshold, title, out)
        metrics = {
            name: {target: part.metrics(i) for i, target in enumerate(trained.targets)}
            for name, part in parts.items()
        }
        write_text(out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
        say("\n  ".join(["Written:", *map(str, [*figures, out / "metrics.json"])]))


def _encoder_options(given: list[str] | None) -> dict[str, Any] | None:
    """Return the options of KEY=VALUE texts, whose values are YAML; None without any."""
    import yaml

    options: dict[str, Any] = {}
    for text in given or []:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise BadValueError(f"--encoder-option: expected KEY=VALUE, got {text!r}")
        if key in options:
            raise BadValueError(f"--encoder-option: {key!r} is given twice")
        try:
            options[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise BadValueError(f"--encoder-option {text!r}: is not YAML: {error}") from error
    return options or None


def _splitter(
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


def _read(
    data: str,
    smiles: str | None,
    targets: list[str] | None,
    split_column: str | None,
    unit: str,
    decimal: str | None,
    default: list[str] | None = None,
) -> tuple[Any, list[Any], list[str]]:
    """Read a file, or load a dataset by its name; without targets, take the default ones."""
    from rnc_graph.data.catalog import dataset_cards, load_dataset
    from rnc_graph.data.reading.molecules import read_molecules

    if decimal not in (None, ".", ","):
        raise BadValueError(f"--decimal: expected . or , , got {decimal!r}")
    path = Path(data)
    if not path.exists() and data in dataset_cards() and not (smiles or split_column):
        table = load_dataset(data)
        by_default = default if default and set(default) <= set(table.target_names) else None
        return table.select(targets or by_default), [], []
    extra = [split_column] if split_column else []
    return read_molecules(
        path,
        smiles,
        targets or default,
        extra=extra,
        unit=unit,
        decimal=decimal,  # type: ignore[arg-type]  # checked above
    )


def _on_subsets(table: Any, test: Any) -> list[str]:
    """Say how large the error is on the subsets that a data set names, such as cliffs."""
    import numpy as np

    from rnc_graph.data.splits import SUBSET
    from rnc_graph.metrics import subset_metrics

    place = {int(row): number for number, row in enumerate(table.rows)}
    rows = [place[int(row)] for row in test.rows]
    masks = {
        column.removeprefix(SUBSET): np.array([cells[row] == "yes" for row in rows])
        for column, cells in table.extra.items()
        if column.startswith(SUBSET)
    }
    found = subset_metrics(test.measured, test.predictions.values, masks)
    return [
        f"RMSE on the {masks[name].sum()} {name} molecules of the test set: {errors['rmse']:.3f}"
        for name, errors in found.items()
    ]
