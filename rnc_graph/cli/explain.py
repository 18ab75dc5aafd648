"""Predictions explained by the atoms of their molecules."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from rnc_graph.cli.app import Jobs, check_page, command, say, say_all, workers
from rnc_graph.cli.bars import work_bar
from rnc_graph.cli.options import (
    IdColumn,
    Level,
    Model,
    Plugins,
    Relation,
    Rows,
    Smiles,
    Trusted,
)
from rnc_graph.cli.tables import read, relations_in_training
from rnc_graph.errors import BadValueError


@command()
def explain(
    model: Model,
    data: Rows,
    out: Annotated[Path, Option(help="The HTML page.", dir_okay=False)],
    smiles: Smiles = None,
    id_column: IdColumn = None,
    rows: Annotated[
        int, Option(min=1, max=1000, help="Explain so many rows, the first ones.")
    ] = 20,
    training: Annotated[
        str | None,
        Option(
            metavar="TABLE",
            help="The table or data set that the model was trained on, to show the nearest "
            "molecules, by structure and by embedding, with their measured values: a model keeps "
            "neither.",
        ),
    ] = None,
    relation: Relation = None,
    interval: Level = 0.9,
    jobs: Jobs = None,
    plugin: Plugins = None,
    trusted: Trusted = None,
) -> None:
    """Show which atoms raise and lower the predictions of a table."""
    from rnc_graph.data.bad import describe_bad
    from rnc_graph.files import write_text
    from rnc_graph.models import TrainingMolecules, load_model
    from rnc_graph.reporting.pages.explain import explain_page, explain_rows

    check_page(out)
    loaded = load_model(model, trusted or (), plugins=plugin or [])
    known = None
    if relation and training is None:
        raise BadValueError("--relation: names a column of --training, which is missing")
    if training is not None:
        usual = relations_in_training(loaded)
        learned, _, notes = read(
            training,
            None,
            None,
            None,
            default=loaded.targets,
            usual_id=loaded.id_column,
            relation=relation,
            usual_relations=[usual.get(name, "") for name in loaded.targets],
        )
        say_all([f"{training}: {note}" for note in notes])
        known = TrainingMolecules.of(loaded, learned, workers(jobs))
        if loaded.seen is not None and len(known.table) < len(loaded.seen):
            say(
                f"{training} has {len(known.table)} of the {len(loaded.seen)} molecules that the "
                "model has learned from: nearer ones may be missing"
            )
    with work_bar("explaining") as done:
        explained = explain_rows(
            loaded,
            data,
            smiles=smiles,
            id_column=id_column,
            count=rows,
            jobs=workers(jobs),
            on_progress=done,
        )
    if explained.bad:
        say(describe_bad(explained.bad, explained.source))
    say_all(explained.notes)
    if known is None:
        say("With --training TABLE the page shows the nearest training molecules")
    made_by = shlex.join(["rnc-graph", *sys.argv[1:]])
    write_text(out, explain_page(loaded, explained, known, command=made_by, level=interval))
    say(f"Written: {out}")
