"""The Typer application, its consoles, and the options that several commands share."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer
from rich.console import Console
from typer.core import TyperCommand

from rnc_graph import __version__
from rnc_graph.errors import BadValueError

# Without rich's panels: they cut the names of options on a terminal of 80 columns.
app = typer.Typer(
    name="rnc-graph",
    help="Representations that follow a continuous target, for molecules and images.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
)

Device = Annotated[str, typer.Option(help="Where to train: cpu, gpu, auto, ...")]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="Parallel processes. [default: one for each core]")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Write into a folder that is not empty.")
]


class Command(TyperCommand):
    """A command that refuses a second value of an option that takes one.

    ``groups`` has the names of options by the title under which the help lists them; the others
    are under "Options".
    """

    groups: ClassVar[dict[str, tuple[str, ...]]] = {}

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the options into the help, by their groups."""
        titles = {name: title for title, names in self.groups.items() for name in names}
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        sections |= {title: [] for title in self.groups}
        for part in self.get_params(ctx):
            if record := part.get_help_record(ctx):
                kind = "Arguments" if part.param_type_name == "argument" else "Options"
                title = titles.get(part.name or "", kind)
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; raise :class:`BadValueError` for an option that is given twice."""
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for option in given:
            if given.count(option) > 1 and not getattr(option, "multiple", False):
                raise BadValueError(f"{option.opts[0]}: expected one value, got it more than once")
        return super().parse_args(ctx, args)


command = partial(app.command, cls=Command)
"""The decorator of the commands."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rnc-graph {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Group the commands."""


class _Console(Console):
    """A console that prints to nowhere once the reader of its pipe, such as head, has ended.

    Rich would end the process, before what was computed is written.
    """

    def on_broken_pipe(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


class _Log(_Console):
    """A console on stderr: a disk that is full ends no work either."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, if it can be printed."""
        with suppress(OSError):
            super().print(*objects, **options)


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints names as they are, with ``:x:`` in them too."""
    kind = _Log if stderr else _Console
    return kind(stderr=stderr, emoji=False, highlight=False)


def say(message: str, style: str | None = None, *, stderr: bool = True) -> None:
    """Print a message, without markup or line breaks."""
    console(stderr=stderr).print(message, style=style, markup=False, soft_wrap=True)


def say_all(notes: list[str]) -> None:
    """Say some messages."""
    for note in notes:
        say(note)


def say_written(paths: list[Path], *, stderr: bool = True) -> None:
    """Say which files were written."""
    say("\n  ".join(["Written:", *map(str, paths)]), stderr=stderr)


def check_page(out: Path) -> None:
    """Raise :class:`BadValueError` for a name that is none of an HTML page."""
    if out.suffix not in (".html", ".htm"):
        raise BadValueError(f"{out}: expected a name that ends in .html, got {out.suffix!r}")


def workers(jobs: int | None) -> int:
    """Return the number of processes of ``--jobs``: by default one for each core given to it.

    Slurm, a cpuset or ``docker --cpus`` may give a process some cores of its machine alone.
    """
    from joblib import cpu_count

    return jobs or int(cpu_count())


def options_of(given: list[str] | None, option: str = "--encoder-option") -> dict[str, Any] | None:
    """Return the options of KEY=VALUE texts, whose values are YAML; None without any."""
    import yaml

    from rnc_graph.yaml_files import Loader

    options: dict[str, Any] = {}
    for text in given or []:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise BadValueError(f"{option}: expected KEY=VALUE, got {text!r}")
        if key in options:
            raise BadValueError(f"{option}: {key!r} is given twice")
        try:
            options[key] = yaml.load(value, Loader)
        except yaml.YAMLError as error:
            raise BadValueError(f"{option} {text!r}: is not YAML: {error}") from error
    return options or None
