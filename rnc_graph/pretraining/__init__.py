"""Pretraining an encoder on a corpus of molecules without measurements."""

from rnc_graph.pretraining.corpus import BAD_ROWS, Corpus, corpus_file, list_molecules
from rnc_graph.pretraining.objectives import objective_names
from rnc_graph.pretraining.recipe import Recipe, make_recipe, read_recipe
from rnc_graph.pretraining.run import (
    Pretrained,
    add_probes,
    describe_corpus,
    open_corpus,
    pretrain_encoder,
    run_checkpoint,
    save_run,
    write_pretrained,
)
from rnc_graph.pretraining.shards import CorpusStore

__all__ = [
    "BAD_ROWS",
    "Corpus",
    "CorpusStore",
    "Pretrained",
    "Recipe",
    "add_probes",
    "corpus_file",
    "describe_corpus",
    "list_molecules",
    "make_recipe",
    "objective_names",
    "open_corpus",
    "pretrain_encoder",
    "read_recipe",
    "run_checkpoint",
    "save_run",
    "write_pretrained",
]
