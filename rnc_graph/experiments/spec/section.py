"""What all sections of a spec share."""

from rnc_graph.errors import BadValueError
from rnc_graph.settings import Settings as Section

__all__ = ["MisfitError", "Section"]


class MisfitError(BadValueError):
    """Keys of a spec that do not fit together.

    Args:
        message: what was found, and what is right.
        keys: where, from the section that is checked on down.
    """

    def __init__(self, message: str, *keys: str | int) -> None:
        super().__init__(message)
        self.keys = keys
