"""`rnc-graph train`: from a table to a model."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, get_args

from typer import Argument, Context, Option

from rnc_graph.cli.app import (
    Device,
    Jobs,
    Overwrite,
    app,
    console,
    options_of,
    say,
    say_all,
    say_written,
    workers,
)
from rnc_graph.cli.bars import work_bar
from rnc_graph.cli.model_settings import settings_of, with_transforms
from rnc_graph.cli.options import Decimal, IdColumn, Plugins, Relation, Smiles, Trusted
from rnc_graph.cli.tables import by_target, check_choices, read, splitter_of
from rnc_graph.cli.train_arguments import TrainCommand
from rnc_graph.cli.trained import curve_sections, say_findings, say_setup
from rnc_graph.cli.update import SPLIT, update_notes, update_section
from rnc_graph.errors import BadValueError


@app.command(cls=TrainCommand)
def train(
    context: Context,
    data: Annotated[
        str, Argument(help="CSV, TSV, Excel, Parquet or SDF, .gz too; or a data set's name.")
    ],
    out: Annotated[Path, Option(help="The folder of the model.", file_okay=False)],
    smiles: Smiles = None,
    target: Annotated[
        list[str] | None, Option(help="A column to predict; repeatable. [default: guessed]")
    ] = None,
    unit: Annotated[
        list[str] | None,
        Option(
            metavar="UNIT|NAME=UNIT",
            help="Unit of the targets; repeatable, in their order or by name.",
        ),
    ] = None,
    transform: Annotated[
        list[str] | None,
        Option(
            metavar="none|log10|NAME=log10",
            help="Learn the logarithm of the targets, which are predicted in their unit; "
            "repeatable, in their order or by name. [default: none]",
        ),
    ] = None,
    relation: Relation = None,
    weight: Annotated[
        str | None, Option(metavar="COLUMN", help="The column of weights, for the training.")
    ] = None,
    id_column: IdColumn = None,
    decimal: Decimal = None,
    split: Annotated[
        str | None,
        Option(
            help="random, stratified, scaffold, butina, group or time. [default: the published one "
            "of a data set that came with one, else random]"
        ),
    ] = None,
    split_column: Annotated[
        str | None,
        Option(help="The column that says train, validation or test; or the group or time."),
    ] = None,
    split_file: Annotated[
        Path | None, Option(help="The split.json of another model of the same table.")
    ] = None,
    leaks: Annotated[
        str | None,
        Option(
            help="Molecules in two sets of a split column or file: keep, drop or raise. "
            "[default: keep and count them]"
        ),
    ] = None,
    validation_fraction: Annotated[
        float,
        Option(
            help="Share that is not learned, but chooses the epochs and calibrates the intervals; "
            "0 learns from all, and calibrates by predictions out of fold."
        ),
    ] = 0.0,
    test_fraction: Annotated[
        float, Option(help="Share that the model is evaluated on; 0 for none.")
    ] = 0.1,
    seed: Annotated[int, Option(min=0, max=2**32 - 1, help="Of the split and the training.")] = 0,
    clean: Annotated[
        bool, Option("--clean", help="Strip salts and charges, here and in prediction.")
    ] = False,
    merge: Annotated[
        str, Option(help="Several rows of one molecule: no, mean, median or first.")
    ] = "no",
    weigh_merged: Annotated[
        bool, Option("--weigh-merged", help="A merged row weighs as many times as it was rows.")
    ] = False,
    on_bad: Annotated[
        str, Option(help="Rows that cannot be used: skip (and name them) or raise.")
    ] = "skip",
    plugin: Plugins = None,
    encoder: Annotated[
        str,
        Option(
            help="gin-moses (pretrained), gin, gcn, mpnn, a plugin's, or the import path of one."
        ),
    ] = "gin-moses",
    encoder_option: Annotated[
        list[str] | None,
        Option(
            metavar="KEY=VALUE",
            help="Of the encoder, such as hidden_dim=32 of gin; repeatable. [default: those of "
            "docs/model.md]",
        ),
    ] = None,
    objective: Annotated[
        str, Option(help="Of stage 1: rnc, supcon, rince, ...; none leaves stage 1 out.")
    ] = "rnc",
    head_loss: Annotated[str, Option(help="l1, l2 or huber.")] = "l2",
    freeze: Annotated[bool, Option("--freeze", help="Train the head alone in stage 2.")] = False,
    descriptors: Annotated[
        bool, Option(help="Use RDKit's descriptors, with the embedding and alone.")
    ] = True,
    networks: Annotated[
        str,
        Option(
            metavar="N|auto",
            help="Networks in the ensemble; auto: three if they lower the error, or none.",
        ),
    ] = "auto",
    member: Annotated[
        list[str] | None,
        Option(
            help="Beside the networks: svr, extra-trees, fingerprint-svr, fingerprint-trees, "
            "embedding-svr, gaussian-process; repeatable. [default: the last four]"
        ),
    ] = None,
    weights: Annotated[
        str, Option(help="Of the members: equal, or stacked (learned out of fold).")
    ] = "stacked",
    epochs: Annotated[
        int | None,
        Option(
            min=1,
            help="Of stage 2. [default: 15 of a pretrained encoder, 80 of another or a frozen one]",
        ),
    ] = None,
    pretraining_epochs: Annotated[
        int | None,
        Option(min=1, help="Of stage 1. [default: 5 of a pretrained encoder, 30 of another]"),
    ] = None,
    further: Annotated[
        list[str] | None,
        Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any other setting of the model, such as learning_rate=5e-4, head_epochs=20 or "
            "objective_options={temperature: 1}; repeatable.",
        ),
    ] = None,
    quick: Annotated[
        bool,
        Option("--quick", help="Try it out: one network, a few epochs, and fingerprint-svr."),
    ] = False,
    baselines: Annotated[
        bool,
        Option(
            help="Compare with a random forest on Morgan bits and with the mean, on the test set."
        ),
    ] = True,
    learning_curve: Annotated[
        str,
        Option(
            metavar="no|quick|all",
            help="Train on 12% to 100% of the training set too, which says what more data would "
            "bring: quick by the members without networks, all by the whole model.",
        ),
    ] = "no",
    update: Annotated[
        Path | None,
        Option(
            metavar="MODEL",
            help="An old model of a part of the table: its options and its split are kept, and "
            "both models are compared on its test set. New molecules are divided at random.",
            file_okay=False,
        ),
    ] = None,
    trusted: Trusted = None,
    overwrite: Overwrite = False,
    jobs: Jobs = None,
    device: Device = "cpu",
) -> None:
    """Train a model on SMILES and measurements, and evaluate it."""
    from rnc_graph.data.bad import describe_bad
    from rnc_graph.files import new_folder
    from rnc_graph.models.build import DataConfig, build, setup_data
    from rnc_graph.models.learning_curve import check_learning_curve
    from rnc_graph.models.settings import DescriptorModelName, TableOptions
    from rnc_graph.plugins import load_plugins
    from rnc_graph.reporting.console import print_built
    from rnc_graph.reporting.model_folder import write_model_folder

    members: tuple[str, ...] = get_args(DescriptorModelName)
    check_choices(
        ("--merge", merge, ("no", "mean", "median", "first")),
        ("--on-bad", on_bad, ("skip", "raise")),
        ("--leaks", leaks, ("keep", "drop", "raise", None)),
        ("--weights", weights, ("equal", "stacked")),
        ("--learning-curve", learning_curve, ("no", "quick", "all")),
        *(("--member", given, members) for given in member or []),
    )
    if weigh_merged and merge == "no":
        raise BadValueError("--weigh-merged: expected --merge mean, median or first too")
    if networks != "auto" and not networks.isdecimal():
        raise BadValueError(f"--networks: expected a number or auto, got {networks!r}")
    plugins = load_plugins(plugin or [])
    own = {
        "encoder": encoder,
        "encoder_options": options_of(encoder_option),
        "objective": None if objective == "none" else objective,
        "head_loss": head_loss,
        "freeze_encoder": freeze,
        "clean": clean,
        "descriptors": descriptors,
        "networks": networks if networks == "auto" else int(networks),
        "weights": weights,
        "epochs": epochs,
        "pretraining_epochs": pretraining_epochs,
        **({} if member is None else {"descriptor_models": member}),
    }
    settings = settings_of(own, options_of(further, "--set") or {})
    processes = workers(jobs)
    with new_folder(out, overwrite=overwrite) as folder:
        table, bad, notes = read(
            data,
            smiles,
            target,
            decimal,
            extra=[split_column] if split_column else [],
            id_column=id_column,
            weight=weight,
            relation=relation,
        )
        if unit:
            table = replace(table, units=tuple(by_target("--unit", unit, table.target_names)))
        if transform:
            settings = with_transforms(settings, transform, table.target_names)
        splitter, split_options = splitter_of(split, split_column, split_file, leaks, table.extra)
        if update is not None:
            splitter, split_options = "file", {"path": str(update / SPLIT), "missing": "keep"}
        data_config = DataConfig(
            merge=merge,  # type: ignore[arg-type]  # checked above
            weigh_merged=weigh_merged,
            on_bad=on_bad,  # type: ignore[arg-type]
            split=splitter,
            split_options=split_options,
            fractions=(1 - validation_fraction - test_fraction, validation_fraction, test_fraction),
            seed=seed,
        )
        say_all(notes)
        with work_bar("featurizing") as done:
            setup = setup_data(
                table,
                bad,
                data_config,
                settings.featurizer_config,
                transforms=settings.transforms(table.target_names),
                jobs=processes,
                on_progress=done,
            )
        if setup.bad:
            say(describe_bad(setup.bad, table.name))
            say(f"They are left out; all: {out}/bad_rows.csv")
        if update is not None:
            setup.notes.extend(update_notes(update, context.obj, settings, setup))
        say_setup(setup, settings, quick=quick)
        if learning_curve != "no":
            check_learning_curve(setup)
        with work_bar("training") as done:
            built = build(
                setup,
                settings,
                seed=seed,
                jobs=processes,
                device=device,
                on_progress=done,
                plugins=plugins,
                baselines=baselines,
                start=context.obj,
            )
        say_findings(built, setup, auto=networks == "auto")
        # An update gives these options again, by their names.
        table_options = TableOptions(
            **{
                name: context.params[name]
                for name in TableOptions.model_fields
                if context.params[name] is not None
            }
        )
        built = replace(built, model=replace(built.model, table=table_options))
        written = write_model_folder(
            folder,
            source=table.name,
            command=shlex.join(["rnc-graph", *sys.argv[1:]]),
            setup=setup,
            data_config=data_config,
            built=built,
            sections=[
                *update_section(context.obj, update, built, setup, processes),
                *curve_sections(
                    learning_curve,
                    folder,
                    setup,
                    settings,
                    seed,
                    processes,
                    device,
                    plugins,
                    warm=update is not None,
                ),
            ],
        )
    # The last of all: a pipe that is closed costs no model.
    say_written([out / path.name for path in written])
    print_built(console(), built, setup)
