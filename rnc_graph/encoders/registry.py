"""The encoders by name."""

from typing import Any

from rnc_graph.encoders.base import Encoder
from rnc_graph.registry import Registry


class _Encoders(Registry[Encoder]):
    """Makes encoders that leave no files behind."""

    def make(self, name: str, **options: Any) -> Encoder:
        """Build the encoder named ``name``: see :meth:`Registry.make`."""
        from rnc_graph.encoders.layer_code import code_in_memory

        with code_in_memory():
            return super().make(name, **options)


ENCODERS: Registry[Encoder] = _Encoders("encoder", lazy=["rnc_graph.vision.encoders"])
