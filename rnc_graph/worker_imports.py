"""What the server process imports that workers are forked from; nothing else imports this module.

Importing the libraries takes seconds, and without the server each worker would repeat it. Nothing
is computed here: the server has no threads that a fork would lose, and CUDA is not initialized.

These are for featurizing. What training takes in addition, ``rnc_graph.workers`` names to the
server.
"""

import sys
from importlib import import_module

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
