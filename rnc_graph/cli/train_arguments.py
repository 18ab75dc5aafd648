"""The arguments of `rnc-graph train`, completed by those of an old model or of a quick trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from rnc_graph.cli.app import Command
from rnc_graph.cli.update import load_old, old_arguments, validation_share
from rnc_graph.errors import BadValueError

# What --quick sets, unless it is given.
_QUICK = {
    "networks": "--networks=1",
    "member": "--member=fingerprint-svr",
    "epochs": "--epochs=2",
    "pretraining_epochs": "--pretraining-epochs=2",
}


class TrainCommand(Command):
    """Groups the options in the help, and completes those that are not given."""

    groups: ClassVar = {
        "The table": (
            *("smiles", "target", "unit", "transform", "relation", "weight", "id_column"),
            *("decimal", "clean", "merge", "weigh_merged", "on_bad"),
        ),
        "The split": (
            *("split", "split_column", "split_file", "leaks"),
            *("validation_fraction", "test_fraction", "seed"),
        ),
        "The model": (
            *("networks", "member", "weights", "descriptors", "encoder", "encoder_option"),
            *("objective", "head_loss", "freeze", "epochs", "pretraining_epochs", "further"),
            *("plugin", "quick"),
        ),
        "What else is computed": ("baselines", "learning_curve", "update", "trusted"),
    }

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; those not given are those of ``--update`` or of ``--quick``."""
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        if given.get("quick") and given.get("update"):
            raise BadValueError("--quick: excluded by --update, which keeps the old options")
        if given.get("quick"):
            args = [*(text for name, text in _QUICK.items() if name not in given), *args]
        if (folder := given.get("update")) and not given.get("help"):
            ctx.obj = load_old(Path(folder), given)
            share = validation_share(Path(folder))
            args = [*old_arguments(ctx.obj, given, share), *args]
        return super().parse_args(ctx, args)
