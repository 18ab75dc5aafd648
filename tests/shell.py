"""Commands as a user types them, in this process."""

from typer.testing import CliRunner, Result

from rnc_graph.cli import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def written(result: Result) -> str:
    """Return what a command has printed that must not have failed."""
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.output
