"""Names for interchangeable parts: losses, encoders, views."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from rnc_graph.errors import RncGraphError, UnknownNameError

T = TypeVar("T")
Part = TypeVar("Part", bound=Callable[..., Any])


class Registry(Generic[T]):
    """Parts of one kind by name.

    >>> shapes: Registry[str] = Registry("shape")
    >>> @shapes.register("round")
    ... class Round(str): ...
    >>> shapes.names()
    ['round']
    >>> shapes.get("square")
    Traceback (most recent call last):
    ...
    rnc_graph.errors.UnknownNameError: unknown shape 'square'; known: round
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._parts: dict[str, Callable[..., T]] = {}

    def register(self, name: str) -> Callable[[Part], Part]:
        """Enter the decorated class under ``name``; raises :class:`RncGraphError` if taken."""

        def enter(part: Part) -> Part:
            if name in self._parts:
                raise RncGraphError(f"{self.kind} {name!r} is registered already")
            self._parts[name] = part
            return part

        return enter

    def get(self, name: str) -> Callable[..., T]:
        """Return the class named ``name``; raises :class:`UnknownNameError`."""
        if name not in self._parts:
            raise UnknownNameError(self.kind, name, self.names())
        return self._parts[name]

    def make(self, name: str, **options: Any) -> T:
        """Build the part named ``name``.

        Raises:
            UnknownNameError: no part has this name.
            RncGraphError: it has no such option, or refuses a value.
        """
        self.options(name, options)
        try:
            return self.get(name)(**options)
        except RncGraphError:
            raise
        except (TypeError, ValueError) as error:
            raise RncGraphError(f"{self.kind} {name!r}: {error}") from error

    def options(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all options of the part named ``name``: those given, and the others' defaults.

        Raises:
            UnknownNameError: no part has this name, or it has no such option.
        """
        parameters = inspect.signature(self.get(name)).parameters
        for option in given:
            if option not in parameters:
                raise UnknownNameError(f"option of {self.kind} {name!r}:", option, list(parameters))
        defaults = {
            option: parameter.default
            for option, parameter in parameters.items()
            if parameter.default is not inspect.Parameter.empty
        }
        return {**defaults, **given}

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._parts)
