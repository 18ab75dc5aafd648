"""Names for interchangeable parts: objectives, encoders, transforms."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, Generic, TypeVar, get_type_hints

from rnc_graph.errors import BadValueError, RncGraphError, UnknownNameError, reason_of

T = TypeVar("T")
Part = TypeVar("Part", bound=Callable[..., Any])

# Bounds of numbers in options: far beyond what helps, and still quick to build.
LARGEST = 65_536
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_MOST_LAYERS = 100


class Registry(Generic[T]):
    """Parts of one kind by name.

    Args:
        kind: what error messages call a part.
        lazy: modules that register further parts, imported when a name is unknown or the names are
            listed: so an optional subpackage registers itself, and nothing imports it before.
        flag: the option of the command line that gives a part its options, if there is one.

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

    # All registries, and whose parts are entered just now: "" for those of the package.
    every: ClassVar[list[Registry[Any]]] = []
    owner: ClassVar[str] = ""

    def __init__(self, kind: str, lazy: Sequence[str] = (), flag: str = "") -> None:
        self.kind, self.flag = kind, flag
        self._lazy = list(lazy)
        self._parts: dict[str, Callable[..., T]] = {}
        self.owners: dict[str, str] = {}
        Registry.every.append(self)

    def register(self, name: str) -> Callable[[Part], Part]:
        """Enter the decorated class under ``name``; raises :class:`RncGraphError` if taken."""

        def enter(part: Part) -> Part:
            if not getattr(part, "__module__", "").startswith("rnc_graph."):
                self._load()  # A user's part must not take the name of a lazy one.
            if name in self._parts:
                raise BadValueError(f"{self.kind} {name!r} is registered already")
            self._parts[name] = part
            self.owners[name] = Registry.owner
            return part

        return enter

    def get(self, name: str) -> Callable[..., T]:
        """Return the class named ``name``; raises :class:`UnknownNameError`."""
        if name not in self._parts and name not in self.names():
            raise UnknownNameError(self.kind, name, self.names())
        return self._parts[name]

    def make(self, name: str, /, **options: Any) -> T:
        """Build the part named ``name``.

        Raises:
            UnknownNameError: no part has this name, or it has no such option.
            RncGraphError: an option is missing or has the wrong type, or the part refuses a value.
        """
        checked = self.options(name, options)
        for option, parameter in _parameters(self.get(name)).items():
            if option not in checked and parameter.kind not in _VARIADIC:
                how = f"{self.flag} {option}=..., " if self.flag else ""
                raise BadValueError(
                    f"{self.kind} {name!r}: expected the option {option!r}, which has no default: "
                    f"{how}{name}: {{{option}: ...}} in a spec"
                )
        try:
            return self.get(name)(**{option: checked[option] for option in options})
        except RncGraphError:
            raise
        except Exception as error:
            what = type(error).__name__
            raise BadValueError(f"{self.kind} {name!r}: {what}: {error}") from error

    def options(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all options of the part named ``name``: those given, and the others' defaults.

        Raises:
            UnknownNameError: no part has this name, or it has no such option.
            RncGraphError: an option's value is not of the type that the part's constructor says.
        """
        part = self.get(name)
        parameters, hints = _parameters(part), _hints(part)
        checked = {
            option: parameter.default
            for option, parameter in parameters.items()
            if parameter.default is not inspect.Parameter.empty
        }
        for option, value in given.items():
            if option not in parameters:
                raise UnknownNameError(f"option of {self.kind} {name!r}:", option, list(parameters))
            what = f"{self.kind} {name!r}, option {option!r}"
            check_size(option, value, what)
            checked[option] = _of_type(value, hints.get(option, Any), what)
        return checked

    def names(self) -> list[str]:
        """All names, sorted."""
        self._load()
        return sorted(self._parts)

    def _load(self) -> None:
        for module in self._lazy:
            with entered_by(""):
                import_module(module)
        self._lazy = []


@contextmanager
def entered_by(owner: str) -> Iterator[None]:
    """Enter all that the block registers in the name of ``owner``."""
    before, Registry.owner = Registry.owner, owner
    try:
        yield
    finally:
        Registry.owner = before


def remove_parts(owner: str) -> None:
    """Take out of all registries what ``owner`` entered."""
    for registry in Registry.every:
        for name in [name for name, entered in registry.owners.items() if entered == owner]:
            del registry._parts[name], registry.owners[name]


def owners_of(names: Iterable[str]) -> list[str]:
    """Return who entered parts of these names, the package aside, sorted."""
    entered = [item for registry in Registry.every for item in registry.owners.items() if item[1]]
    # Most often there is nobody to look for.
    known = set(names) if entered else set()
    return sorted({owner for name, owner in entered if name in known})


def check_size(option: str, value: Any, what: str) -> None:
    """Check that a number is not so large that what is built of it would fill the memory.

    Raises:
        BadValueError: a number, or one in a list, is too large; the message begins with ``what``.
    """
    most = _MOST_LAYERS if "layers" in option else LARGEST
    for number in value if isinstance(value, list | tuple) else [value]:
        if isinstance(number, int | float) and not abs(number) <= most:
            raise BadValueError(f"{what}: expected at most {most:,}, got {number}")


# A grid asks for the options of the same few parts thousands of times.
@cache
def _parameters(part: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return a part's options as its constructor declares them."""
    return inspect.signature(part).parameters


@cache
def _hints(part: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a part's options, none where they cannot be resolved."""
    try:
        return get_type_hints(part.__init__ if inspect.isclass(part) else part)
    except (NameError, AttributeError, TypeError):
        return {}


def _of_type(value: Any, hint: Any, what: str) -> Any:
    """Return the value as the type that an annotation names; whole numbers are floats too."""
    # Loaded here, since the losses need torch alone.
    from pydantic import ValidationError

    try:
        return _adapter(hint).validate_python(value)
    except ValidationError as error:
        # One for each type that an annotation allows.
        reasons = "; ".join(dict.fromkeys(map(reason_of, error.errors())))
        raise BadValueError(f"{what}: {reasons}") from error


@cache
def _adapter(hint: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(hint, config=ConfigDict(strict=True, arbitrary_types_allowed=True))
