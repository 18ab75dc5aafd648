"""YAML that people write, read strictly and within bounds."""

import re
from pathlib import Path
from typing import Any

import yaml

from rnc_graph.files import read_bytes

# Bounds of a file: far beyond the largest, and still read in a second.
_MOST_BYTES = 200_000
_MOST_VALUES = 20_000
_MOST_LEVELS = 40


def read_yaml(path: Path) -> tuple[yaml.Node | None, Any]:
    """Return the root node of a file, which knows its lines, and what it holds.

    Raises:
        yaml.YAMLError: no YAML, or one that :class:`Loader` refuses.
        ValueError: no UTF-8, or a value that cannot be.
        RncGraphError: the file cannot be read, or is too large.
    """
    loader = Loader(read_bytes(path, _MOST_BYTES).decode())
    root = loader.get_single_node()
    _check_aliases(root)
    return root, None if root is None else loader.construct_document(root)


class Loader(yaml.SafeLoader):
    """Refuses what YAML 1.1 changes in silence: duplicate keys, ``012`` (10), ``1:30`` (90).

    ``1e-3`` is a number, as in YAML 1.2.
    """

    values = levels = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Read a node, unless there are too many or too deep ones."""
        self.values += 1
        self.levels += 1
        if self.values > _MOST_VALUES or self.levels > _MOST_LEVELS:
            # Before the rest is read, which may take long.
            _check_size(parent, self.values, self.levels)
        node = super().compose_node(parent, index)
        self.levels -= 1
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Read a mapping whose keys differ; what ``<<`` merges into it may be overridden."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused("a key must be text or a number", key)
            if key.value in seen:
                raise _refused(f"duplicate key {key.value!r}", key)
            seen.add(key.value)
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Replace ``<<`` by what it merges, in front of the mapping's own keys, which override it.

        PyYAML does the same, but for release 6.0.4, in which the merged values may win.
        """
        own: list[tuple[yaml.Node, yaml.Node]] = []
        merged: list[tuple[yaml.Node, yaml.Node]] = []
        for key, value in node.value:
            if key.tag != "tag:yaml.org,2002:merge":
                own.append((key, value))
                continue
            # The first of a list overrides the others.
            sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for source in reversed(sources):
                if not isinstance(source, yaml.MappingNode):
                    raise _refused("<<: expected a mapping or a list of them", source)
                self.flatten_mapping(source)
                merged += source.value
        node.value = merged + own

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """Return a number that YAML 1.1 and 1.2 read alike."""
        if re.search(r"[:_]", node.value) or re.match(r"[-+]?0[0-9b]", node.value):
            raise _refused(f"expected a decimal number or quoted text, got {node.value}", node)
        is_whole = node.tag.endswith("int")
        return self.construct_yaml_int(node) if is_whole else self.construct_yaml_float(node)


for _tag in ("int", "float"):
    Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", Loader.construct_number)
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def _refused(problem: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _check_aliases(root: yaml.Node | None) -> None:
    """Check the size of a document with its aliases written out; raises :class:`yaml.YAMLError`."""
    measured: dict[yaml.Node, tuple[int, int]] = {}

    def measure(node: yaml.Node, depth: int) -> tuple[int, int]:
        """Return the number of values and the levels below them."""
        if node not in measured:
            inner = node.value if isinstance(node, yaml.SequenceNode) else []
            if isinstance(node, yaml.MappingNode):
                inner = [part for item in node.value for part in item]
            # An alias inside of what it stands for is found by its depth.
            sizes = [measure(part, depth + 1) for part in inner] if depth <= _MOST_LEVELS else []
            levels = 1 + max((below for _, below in sizes), default=0)
            measured[node] = 1 + sum(values for values, _ in sizes), levels
        values, levels = measured[node]
        _check_size(node, values, depth + levels)
        return values, levels

    if root is not None:
        measure(root, 0)


def _check_size(node: yaml.Node | None, values: int, levels: int) -> None:
    for what, most, found in (("values", _MOST_VALUES, values), ("levels", _MOST_LEVELS, levels)):
        if found > most:
            problem = f"expected at most {most:,} {what}, aliases written out"
            mark = node.start_mark if node is not None else None
            raise yaml.composer.ComposerError(None, None, problem, mark)
