"""What the server process imports that workers are forked from; nothing else imports this module.

Importing the libraries takes seconds, and without the server each worker would repeat it. Nothing
is computed here: the server has no threads that a fork would lose, and CUDA is not initialized.

These are for featurizing. What training takes in addition, ``rnc_graph.workers`` names to the
server.
"""

import sys
import traceback
from importlib import import_module
from multiprocessing import synchronize
from types import TracebackType

# The server runs as ``python -c``, which puts the working folder first: a file there that is named
# like a library must not be imported in its place. Workers get the path of their parent.
sys.path[:] = [folder for folder in sys.path if folder]

for name in (
    "torch",
    "rdkit.Chem",
    "rnc_graph.data.descriptors",
    "rnc_graph.data.fingerprints",
):
    import_module(name)


def _hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an error, but for that of a worker whose pool has ended before it starts.

    It finds the semaphores of the pool gone; whoever stopped the pool has said so.
    """
    *_, last = traceback.extract_tb(trace)
    if not (kind is FileNotFoundError and last.filename == synchronize.__file__):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _hook
