"""Components that a spec names, with their options: losses, encoders, splitters, augmentations."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, model_validator
from torch import nn

from rnc_graph.data.inputs import make_augmentation
from rnc_graph.encoders import ENCODERS
from rnc_graph.encoders.factory import import_class
from rnc_graph.encoders.pretrained import PRETRAINED, WITH_WEIGHTS, pretrained_digest
from rnc_graph.errors import BadValueError
from rnc_graph.experiments.spec.similarity import check_option, is_file, similarity_of
from rnc_graph.losses import LOSSES
from rnc_graph.plugins import is_package
from rnc_graph.registry import Registry

AxisValue = bool | float | str
"""A value on an axis of a grid."""

# Of a package with more files, an encoder's identity has the file of its module and its imports.
_MOST_FILES = 100
# Packages whose versions are kept with the results.
_VERSIONED = ("torch", "torch_geometric", "torchvision")


class Component(BaseModel):
    """One component of a registry: its name, and its options as further keys."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @model_validator(mode="before")
    @classmethod
    def _has_keys(cls, given: Any) -> Any:
        if isinstance(given, str):
            raise ValueError(f"expected a mapping, such as {{name: {given}}}, got {given!r}")
        return given

    @property
    def given(self) -> dict[str, Any]:
        """All keys but the name."""
        return self.model_extra or {}

    @property
    def options(self) -> dict[str, Any]:
        """What it is made with."""
        return self.given

    def make(self, registry: Registry[Any]) -> Any:
        """Build the component."""
        return registry.make(self.name, **self.options)

    def identity(self, registry: Registry[Any]) -> dict[str, Any]:
        """Return the name and every option, those left out with their defaults.

        Raises:
            RncGraphError: an option is nothing that a file can hold.
        """
        options = registry.options(self.name, self.options)
        for option, value in options.items():
            try:
                json.dumps(value)
            except (TypeError, ValueError):
                raise BadValueError(
                    f"{registry.kind} {self.name!r}, option {option!r}: expected numbers, text, "
                    f"lists or mappings, its default included, got {value!r}"
                ) from None
        return {"name": self.name, **options}


class LossComponent(Component):
    """A loss; ``similarity`` may name a file: see :func:`similarity_of`."""

    @property
    def similarity(self) -> dict[str, Any] | None:
        """The option that names a file, if one does."""
        option = self.given.get("similarity")
        return dict(option) if is_file(option) else None

    @property
    def options(self) -> dict[str, Any]:
        """What it is made with: in place of a file, what is in it."""
        if self.similarity is None:
            return self.given
        return {**self.given, "similarity": similarity_of(self.similarity)[1]}


class EncoderComponent(Component):
    """An encoder: a registered one, or the one at an import path, ``{class: my_module.Net}``.

    Options are arguments of the class, as :func:`~rnc_graph.encoders.make_encoder` takes them.
    """

    @property
    def source(self) -> str:
        """The registered name, or the import path."""
        return str(self.given.get("class", self.name))

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of the encoder."""
        return {k: v for k, v in self.given.items() if k != "class"}

    def described(self) -> dict[str, Any]:
        """Return all that the encoder depends on: its options, and its code or its files.

        Raises:
            RncGraphError: an option is nothing that a file can hold, the import path leads to no
                class, or the folder of a pretrained encoder cannot be read.
        """
        if "class" in self.given:
            return {"class": self.source, **self.options, "module": _code_digest(self.source)}
        identity = self.identity(ENCODERS)
        if self.name == PRETRAINED:
            identity["sha256"] = pretrained_digest(Path(identity["folder"]))
        return identity


def may_have_weights(encoder: str, options: Mapping[str, Any]) -> bool:
    """Return whether an encoder has weights before it is trained, or is of the user's own code."""
    if encoder in WITH_WEIGHTS or "class" in options:
        return True
    ENCODERS.names()  # Loads those that are registered when a name is unknown.
    # A plugin may not be loaded yet.
    return ENCODERS.owners.get(encoder) != ""


def _code_digest(path: str) -> str | None:
    """Return a digest of a class's code, None for that of PyG, torch and Python.

    Hashed are the files of the packages of the import path and of the module that defines the
    class, which may be another; of a module without a package also those beside it that it imports.
    """
    modules = {path.rpartition(".")[0], getattr(import_class(path), "__module__", None)}
    files = {file for module in modules if module for file in _files_of(module)}
    content = [[f.name, hashlib.sha256(f.read_bytes()).hexdigest()] for f in sorted(files)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16] if content else None


def _files_of(module: str) -> list[Path]:
    """Return the Python files of a module's package; of a large one, those that it imports."""
    top = module.partition(".")[0]
    name = getattr(sys.modules.get(module), "__file__", None)
    if name is None or top in _VERSIONED or top in sys.stdlib_module_names:
        return []
    file = Path(name)
    folders = [Path(folder) for folder in getattr(sys.modules[top], "__path__", [])]
    files = [found for folder in folders for found in folder.rglob("*.py")]
    if len(files) > _MOST_FILES:
        return _with_imports(file, folders[0].parent, top)
    if files or is_package(file):
        return files or [file]
    return _with_imports(file, file.parent)


def _with_imports(file: Path, above: Path, package: str | None = None) -> list[Path]:
    """Return a module's file, and those that it, or one of them, imports from the folder above.

    Of all that is in the folder, or of one package in it.
    """
    found, left = {file}, [file]
    while left:
        here = left.pop()
        for folder, names in _imports(here, above):
            if folder == above and package not in (None, names[0]):
                continue
            places = [folder.joinpath(*names[:count]) for count in range(1, len(names) + 1)]
            candidates = {p.with_name(f"{p.name}.py") for p in places}
            candidates |= {p / "__init__.py" for p in places}
            new = {path for path in candidates - found if path.is_file()}
            found |= new
            left += new
    return sorted(found)


def _imports(file: Path, top: Path) -> Iterator[tuple[Path, list[str]]]:
    """Return the names that a file imports, each in its parts, and the folder of the first part."""
    tree = ast.parse("")
    with suppress(SyntaxError, ValueError):  # Importing it says so.
        tree = ast.parse(file.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((top, one.name.split(".")) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            folder = file.parents[node.level - 1] if node.level else top
            above = node.module.split(".") if node.module else []
            yield from ((folder, [*above, one.name]) for one in node.names)


def is_finished(info: ValidationInfo) -> bool:
    """Return whether the spec is that of finished runs, whose plugins are not loaded again."""
    return bool((info.context or {}).get("finished"))


def _loss_can_be_made(component: LossComponent, info: ValidationInfo) -> LossComponent:
    if is_finished(info):
        return component
    checked: Component = component
    if component.similarity is not None:
        check_option(component.similarity)
        # A file is read with the data: a spec can be read without them.
        two_classes = [[1.0, -1.0], [-1.0, 1.0]]
        checked = Component(name=component.name, **{**component.given, "similarity": two_classes})
    checked.identity(LOSSES)
    made = checked.make(LOSSES)
    if not isinstance(made, nn.Module):
        raise ValueError(
            f"objective {component.name!r}: expected an nn.Module, got a {type(made).__name__}"
        )
    return component


def _strength_or_options(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"expected a number, or options by name, got {value!r}")
    return value


def _augmentation_can_be_made(options: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    if not is_finished(info):
        make_augmentation(options)
    return options


Objective = Annotated[LossComponent, AfterValidator(_loss_can_be_made)]
Augmentation = Annotated[
    dict[str, Annotated[Any, AfterValidator(_strength_or_options)]],
    AfterValidator(_augmentation_can_be_made),
]
"""Augmentations by name, each with its strength, or with its options."""
