"""What `rnc-graph train` says of its table, and of the model that it has made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnc_graph.cli.app import say, say_all
from rnc_graph.cli.bars import work_bar

if TYPE_CHECKING:
    from rnc_graph.data import MoleculeTable
    from rnc_graph.models import Evaluation, ModelSettings
    from rnc_graph.models.build import Built, DataSetup
    from rnc_graph.plugins import Plugin


def say_setup(setup: DataSetup, settings: ModelSettings, *, quick: bool) -> None:
    """Say what was done to the table, and what the model learns from."""
    if quick:
        setup.notes.append("made with --quick: it shows that all works, not how good a model is")
    setup.notes.extend(setup.size_notes(settings))
    say_all([*setup.notes, setup.sizes()])


def say_findings(built: Built, setup: DataSetup, *, auto: bool) -> None:
    """Say what was found in training; ``auto`` tells whether it chose the number of networks."""
    from rnc_graph.models import LEVEL

    if auto and built.model.settings.networks == 0:
        vain = built.model.settings.without_effect()
        so = f", so {', '.join(vain)} had no effect" if vain else ""
        note = f"no network is a member: it did not lower the error{so}; --networks 3 trains three"
        setup.notes.append(note)
        say(note)
    more = "" if built.out_of_fold else "; hold out more with --validation-fraction"
    say_all([f"{note}{more}" for note in built.model.interval_notes(LEVEL)])
    if built.test is not None:
        on_subsets = _on_subsets(setup.table, built.test)
        say_all(on_subsets)
        setup.notes.extend(on_subsets)


def _on_subsets(table: MoleculeTable, test: Evaluation) -> list[str]:
    """Say how large the error is on the subsets that a data set names, such as cliffs."""
    import numpy as np

    from rnc_graph.data.splits import SUBSET
    from rnc_graph.metrics import subset_metrics

    numbers = {int(row): number for number, row in enumerate(table.rows)}
    rows = [numbers[int(row)] for row in test.rows]
    known = ~np.isnan(test.exact).any(axis=1)
    masks = {
        column.removeprefix(SUBSET): known & np.array([cells[row] == "yes" for row in rows])
        for column, cells in table.extra.items()
        if column.startswith(SUBSET)
    }
    found = subset_metrics(test.exact, test.predictions.values, masks)
    return [
        f"RMSE on the {masks[name].sum()} {name} molecules of the test set: {errors['rmse']:.3f}"
        for name, errors in found.items()
    ]


def curve_sections(
    how: str,
    folder: Path,
    setup: DataSetup,
    settings: ModelSettings,
    seed: int,
    jobs: int,
    device: str,
    plugins: Sequence[Plugin],
    *,
    warm: bool,
) -> list[list[str]]:
    """Draw the learning curve, and return the section of the card on it; nothing for "no".

    ``warm`` tells whether the networks of the model may have started from those of an older one.
    """
    if how == "no":
        return []
    from rnc_graph.models.learning_curve import learning_curve
    from rnc_graph.reporting.learning_curves import curve_section, write_learning_curve

    quick = how == "quick"
    with work_bar("learning curve") as done:
        curves, notes = learning_curve(
            setup,
            settings.model_copy(update={"networks": 0}) if quick else settings,
            seed=seed,
            jobs=jobs,
            device=device,
            on_progress=done,
            plugins=plugins,
        )
    say_all(notes)
    members = "without networks" if quick else "of the whole model"
    if warm and not quick and settings.most_networks:
        # They know more molecules than a share of the training set.
        members += ", its networks trained anew"
    write_learning_curve(folder, curves, members)
    section, lines = curve_section(curves, members)
    say_all(lines)
    return [section]
