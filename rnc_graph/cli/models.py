"""Trained models: predict, embed, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from rnc_graph.cli.app import Jobs, command, console, say, say_all, say_written, workers
from rnc_graph.cli.bars import work_bar
from rnc_graph.cli.options import (
    Decimal,
    IdColumn,
    Level,
    Model,
    Plugins,
    Relation,
    Rows,
    Smiles,
    Trusted,
)
from rnc_graph.cli.tables import read_labeled
from rnc_graph.errors import BadValueError


@command()
def predict(
    model: Model,
    data: Rows,
    out: Annotated[
        Path, Option(help="The predictions: a .csv, .csv.gz, .parquet or .xlsx.", dir_okay=False)
    ],
    smiles: Smiles = None,
    interval: Level = 0.9,
    jobs: Jobs = None,
    plugin: Plugins = None,
    trusted: Trusted = None,
) -> None:
    """Predict every row of a table. Column 'problem' says why a row has no prediction."""
    from rnc_graph.models import load_model
    from rnc_graph.models.streaming import predict_file

    loaded = load_model(model, trusted or (), plugins=plugin or [])
    with work_bar("predicting", unit="molecules") as done:
        report = predict_file(
            loaded, data, out, smiles=smiles, level=interval, jobs=workers(jobs), on_rows=done
        )
    say_all(report.notes)
    say(
        f"{report.rows} rows, {report.problems} without a prediction (see column 'problem'), "
        f"{report.out_of_domain} outside the model's domain"
    )
    say_written([out])


@command()
def embed(
    model: Model,
    data: Rows,
    out: Annotated[
        Path,
        Option(help="A .csv, .csv.gz, .parquet, .xlsx, or an .npy of float32.", dir_okay=False),
    ],
    smiles: Smiles = None,
    jobs: Jobs = None,
    plugin: Plugins = None,
    trusted: Trusted = None,
) -> None:
    """Embed every row of a table. A row that cannot be read is empty (NaN in .npy)."""
    from rnc_graph.models import load_model
    from rnc_graph.models.streaming import embed_file

    loaded = load_model(model, trusted or (), plugins=plugin or [])
    with work_bar("embedding", unit="molecules") as done:
        report = embed_file(loaded, data, out, smiles=smiles, jobs=workers(jobs), on_rows=done)
    say_all(report.notes)
    say(f"{report.rows} rows, {report.problems} without an embedding")
    say_written([out])


@command()
def evaluate(
    model: Model,
    data: Annotated[str, Argument(help="A table with measurements, or a data set's name.")],
    smiles: Smiles = None,
    target: Annotated[
        list[str] | None,
        Option(
            metavar="COLUMN|TARGET=COLUMN",
            help="A measured column, in the model's order, or by the name of a target, where the "
            "table has some of them alone; repeatable. [default: the model's]",
        ),
    ] = None,
    relation: Relation = None,
    id_column: IdColumn = None,
    decimal: Decimal = None,
    out: Annotated[
        Path | None,
        Option(help="A folder for metrics, predictions and figures.", file_okay=False),
    ] = None,
    interval: Level = 0.9,
    jobs: Jobs = None,
    plugin: Plugins = None,
    trusted: Trusted = None,
) -> None:
    """Evaluate a model on measured molecules. Those it was trained on are reported apart."""
    import numpy as np

    from rnc_graph.data.bad import bad_rows, describe_bad
    from rnc_graph.models import evaluate_predictions, load_model, predict_smiles
    from rnc_graph.models.build import with_logarithms
    from rnc_graph.reporting.console import print_evaluation
    from rnc_graph.reporting.model_folder import check_evaluation_folder, write_evaluation

    if out is not None:
        check_evaluation_folder(out)
    loaded = load_model(model, trusted or (), plugins=plugin or [])
    table, bad, notes = read_labeled(
        data,
        loaded.targets,
        target,
        [loaded],
        smiles=smiles,
        decimal=decimal,
        id_column=id_column,
        relation=relation,
    )
    say_all(notes)
    table, without_logarithm = with_logarithms(table, loaded.scaler.transforms)
    bad = [*bad, *without_logarithm]
    if not len(table):
        raise BadValueError(f"{table.name}: no row is left\n{describe_bad(bad, table.name)}")
    predictions, unreadable = predict_smiles(loaded, table.smiles, workers(jobs))
    bad = sorted([*bad, *bad_rows(unreadable, table)], key=lambda row: row.row)
    if bad:
        say(describe_bad(bad, table.name))
        say("They are left out" + (f"; all: {out}/bad_rows.csv" if out else ""))
    say_all(loaded.interval_notes(interval))
    evaluation = evaluate_predictions(
        loaded,
        table.smiles,
        table.rows,
        table.targets,
        predictions,
        interval,
        censored=table.censored,
        ids=table.ids,
        id_column=table.id_column,
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
    if not parts:
        raise BadValueError(f"{table.name}: has no molecule that can be evaluated")
    if out is not None:
        say_written(write_evaluation(out, loaded, parts, bad, table.name))
    for name, part in parts.items():
        print_evaluation(console(), part, f"{table.name}, {name}")
