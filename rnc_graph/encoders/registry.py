"""The encoders by name."""

import tempfile
from typing import Any

from rnc_graph.encoders.base import Encoder
from rnc_graph.registry import Registry


class _Encoders(Registry[Encoder]):
    """Makes encoders that leave no files behind."""

    def make(self, name: str, **options: Any) -> Encoder:
        """Build the encoder named ``name``: see :meth:`Registry.make`."""
        # PyG writes the code of each kind of layer into the system's temporary folder, once a
        # process, reads it and leaves it there.
        before = tempfile.tempdir
        with tempfile.TemporaryDirectory(prefix="rnc-graph-") as folder:
            tempfile.tempdir = folder
            try:
                return super().make(name, **options)
            finally:
                tempfile.tempdir = before


ENCODERS: Registry[Encoder] = _Encoders("encoder")
