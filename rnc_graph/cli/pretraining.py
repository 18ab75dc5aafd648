"""Pretraining an encoder on molecules without measurements."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from rnc_graph.cli.app import Device, Jobs, Overwrite, command, options_of, say, workers
from rnc_graph.cli.bars import phase_bar
from rnc_graph.cli.options import Smiles
from rnc_graph.errors import BadValueError

if TYPE_CHECKING:
    from rnc_graph.pretraining import Recipe


@command()
def pretrain(
    corpus: Annotated[
        str,
        Argument(
            help="A file of SMILES (.smi, .csv, ..., .gz too); moses; or a recipe (.yaml), some of "
            "whose values the options replace."
        ),
    ],
    out: Annotated[Path | None, Option(help="The folder of the encoder.", file_okay=False)] = None,
    smiles: Smiles = None,
    fragments: Annotated[
        bool | None,
        Option(
            "--fragments/--no-fragments",
            help="Also take both pieces of each molecule, cut at a single bond.",
        ),
    ] = None,
    molecules: Annotated[
        int | None, Option(min=10, help="Take so many, fragments included. [default: all]")
    ] = None,
    objective: Annotated[
        list[str] | None,
        Option(
            metavar="NAME=WEIGHT",
            help="descriptors, rnc, attributes, attention-nce or simclr, with its weight; "
            "repeatable. [default: descriptors=1]",
        ),
    ] = None,
    encoder: Annotated[str | None, Option(help="gin, gcn or mpnn. [default: gin]")] = None,
    encoder_option: Annotated[
        list[str] | None,
        Option(metavar="KEY=VALUE", help="Such as hidden_dim=128; repeatable."),
    ] = None,
    passes: Annotated[
        float | None,
        Option(help="Over the corpus, in chunks of 65,536 molecules. [default: 1]"),
    ] = None,
    batch_size: Annotated[int | None, Option(min=3, help="[default: 256]")] = None,
    learning_rate: Annotated[float | None, Option(help="[default: 0.001]")] = None,
    precision: Annotated[
        str | None, Option(help="32, bf16-mixed or 16-mixed. [default: 32]")
    ] = None,
    seed: Annotated[int | None, Option(min=0, max=2**32 - 1, help="[default: 0]")] = None,
    store: Annotated[
        Path | None,
        Option(
            help="The folder of the corpus's descriptors, which all runs on it share. "
            "[default: in the cache]",
            file_okay=False,
        ),
    ] = None,
    part: Annotated[
        str | None,
        Option(
            metavar="I/N",
            help="Only compute the descriptors of the I-th of N parts of the corpus, in --store: "
            "for machines that share a folder.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    jobs: Jobs = None,
    device: Device = "cpu",
) -> None:
    """Pretrain an encoder on descriptors of molecules.

    Descriptors are computed once and kept. A run that was stopped resumes: give the same command
    again. torchrun starts it in several processes.
    """
    from rnc_graph.files import new_folder
    from rnc_graph.pretraining import (
        BAD_ROWS,
        add_probes,
        describe_corpus,
        open_corpus,
        pretrain_encoder,
        run_checkpoint,
        save_run,
    )
    from rnc_graph.pretraining.loader import CHUNK
    from rnc_graph.pretraining.run import rounded_passes
    from rnc_graph.training.distributed import launched, met, rank, waiting_for_first

    recipe = _recipe(
        corpus,
        smiles=smiles,
        fragments=fragments,
        molecules=molecules,
        objectives=options_of(objective, "--objective"),
        encoder=encoder,
        encoder_options=options_of(encoder_option),
        passes=passes,
        batch_size=batch_size,
        learning_rate=learning_rate,
        precision=precision,
        seed=seed,
    )
    if (out is None) == (part is None):
        raise BadValueError("expected --out, or --part with --store: one of the two")
    if part is not None and store is None:
        raise BadValueError("--part: expected --store with the folder that the machines share")
    own = _part(part)
    if out is not None and store is not None and _overlap(out, store):
        raise BadValueError(f"--out {out}: expected a folder apart from --store {store}")
    with ExitStack() as stack:
        if launched():
            # The others wait while the first computes the descriptors of millions of molecules.
            stack.enter_context(met(device, longest_wait=timedelta(days=7)))
        first = rank() == 0
        # First of all: a folder that cannot be written must not be found out after training.
        folder = out and first and stack.enter_context(new_folder(out, overwrite=overwrite))
        progress = stack.enter_context(phase_bar(shown=first))
        # Lists and shards are made by one process, and read by the others.
        with waiting_for_first():
            listed = open_corpus(recipe, folder=store, jobs=workers(jobs), on_progress=progress)
            described = describe_corpus(listed, part=own, jobs=workers(jobs), on_progress=progress)
        if first:
            say(
                f"{listed.source}: {listed.molecules:,} different molecules, {listed.fragments:,} "
                f"of them fragments; {listed.duplicates:,} repeats are left out; {listed.bad:,} of "
                f"{listed.rows:,} rows are no molecule"
                + f" ({listed.folder / BAD_ROWS})"
                * (listed.bad > 0)
            )
        if out is None:
            say(f"descriptors are in {listed.folder}")
            return
        passes = rounded_passes(recipe, described)
        if first and passes != recipe.passes:
            say(
                f"passes: {recipe.passes:g} is rounded to {passes:g}, whole chunks of "
                f"{CHUNK:,} molecules"
            )
        made = pretrain_encoder(
            recipe,
            store=described,
            checkpoint=run_checkpoint(recipe, listed),
            device=device,
            probes=False,
            on_progress=progress,
        )
        if folder:
            made.card["command"] = shlex.join(["rnc-graph", *sys.argv[1:]])
            save_run(made, folder)
    if first:
        # What hours have made is written and said before minutes are spent on how good it is.
        say(f"wrote {out}; use it with --encoder pretrained --encoder-option folder={out}")
        add_probes(made, out)


def _overlap(one: Path, other: Path) -> bool:
    first, second = one.resolve(), other.resolve()
    return first.is_relative_to(second) or second.is_relative_to(first)


def _part(part: str | None) -> tuple[int, int]:
    if part is None:
        return 1, 1
    number, _, parts = part.partition("/")
    if not (number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        raise BadValueError(f"--part: expected I/N such as 2/4, got {part!r}")
    return int(number), int(parts)


def _recipe(corpus: str, **options: Any) -> Recipe:
    """Return the recipe of the command line."""
    from rnc_graph.pretraining import make_recipe, read_recipe

    given = {name: value for name, value in options.items() if value is not None}
    if corpus.endswith((".yaml", ".yml")):
        return read_recipe(Path(corpus), **given)
    return make_recipe(corpus=corpus, **given)
