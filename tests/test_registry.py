import importlib
import re
import sys

import pytest

from rnc_graph.errors import BadValueError, UnknownNameError
from rnc_graph.registry import Registry


def test_a_name_is_taken_once():
    shapes: Registry[str] = Registry("shape")
    shapes.register("round")(str)
    with pytest.raises(BadValueError, match="shape 'round' is registered already"):
        shapes.register("round")(str)


def test_options_are_checked():
    class Ball:
        def __init__(self, radius: int = 1) -> None:
            self.volume = radius**3

    shapes: Registry[Ball] = Registry("shape")
    shapes.register("ball")(Ball)
    assert shapes.make("ball", radius=2).volume == 8
    with pytest.raises(UnknownNameError, match=r"option of shape 'ball'.*'radios'; known: radius"):
        shapes.make("ball", radios=2)
    with pytest.raises(BadValueError, match=r"shape 'ball', option 'radius': .*integer, got 'x'"):
        shapes.make("ball", radius="x")


@pytest.mark.parametrize(
    ("flag", "how"), [("", ": box: "), ("--shape-option", ": --shape-option side=..., box: ")]
)
def test_a_missing_option_is_named(flag: str, how: str):
    def box(side: float, **more: float) -> float:
        return side**3

    shapes: Registry[float] = Registry("shape", flag=flag)
    shapes.register("box")(box)
    assert shapes.make("box", side=2.0) == 8
    message = (
        f"shape 'box': expected the option 'side', which has no default{how}{{side: ...}} in a spec"
    )
    with pytest.raises(BadValueError, match=re.escape(message)):
        shapes.make("box")


def test_a_lazy_module_is_loaded_for_an_unknown_name(tmp_path, monkeypatch):
    (tmp_path / "lazy_shapes.py").write_text(
        "from shapes_registry import SHAPES\nSHAPES.register('square')(int)\n"
    )
    (tmp_path / "shapes_registry.py").write_text(
        "from rnc_graph.registry import Registry\n"
        "SHAPES = Registry('shape', lazy=['lazy_shapes'])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    shapes = importlib.import_module("shapes_registry").SHAPES
    assert "lazy_shapes" not in sys.modules
    with pytest.raises(BadValueError, match="shape 'square' is registered already"):
        shapes.register("square")(str)
    assert shapes.names() == ["square"]
    assert shapes.get("square") is int
    with pytest.raises(UnknownNameError, match="unknown shape 'round'; known: square"):
        shapes.get("round")
