"""The code that PyG generates for its layers, without files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from jinja2 import Environment, FileSystemLoader
from torch_geometric.nn.conv import message_passing


@contextmanager
def code_in_memory() -> Iterator[None]:
    """Keep what PyG generates for layers that the block makes in memory.

    PyG writes it to the system's temporary folder, once a process and kind of layer, reads it and
    leaves it there; and what is written to be deleted stays where a process is killed.
    """
    original = message_passing.module_from_template
    message_passing.module_from_template = _module_from_template
    try:
        yield
    finally:
        message_passing.module_from_template = original


def _module_from_template(
    module_name: str, template_path: str, tmp_dirname: str, **values: Any
) -> ModuleType:
    """Do what the function of this name does in ``torch_geometric.template``."""
    if module_name not in sys.modules:
        path = Path(template_path)
        template = Environment(loader=FileSystemLoader(path.parent)).get_template(path.name)
        module = ModuleType(module_name)
        exec(compile(template.render(**values), f"<{module_name}>", "exec"), module.__dict__)
        sys.modules[module_name] = module
    return sys.modules[module_name]
