import pytest

from rnc_graph.errors import RncGraphError, UnknownNameError
from rnc_graph.registry import Registry


def test_a_name_is_taken_once():
    shapes: Registry[str] = Registry("shape")
    shapes.register("round")(str)
    with pytest.raises(RncGraphError, match="shape 'round' is registered already"):
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
    with pytest.raises(RncGraphError, match=r"shape 'ball', option 'radius': .*integer, found 'x'"):
        shapes.make("ball", radius="x")
