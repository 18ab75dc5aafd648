"""Pretraining an encoder on a corpus, from the file to the weights."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Generator, Tensor, nn

from rnc_graph import __version__
from rnc_graph.data.cache import cache_dir
from rnc_graph.encoders import ENCODERS, GraphEncoder
from rnc_graph.encoders.pretrained import CARD, read_card, save_pretrained
from rnc_graph.files import locked, new_folder, write_text
from rnc_graph.pretraining.corpus import Corpus, corpus_file, list_molecules, sha256_of, versions
from rnc_graph.pretraining.loader import CorpusLoader, chunks_of
from rnc_graph.pretraining.objectives import Step, make_objective
from rnc_graph.pretraining.probe import probe
from rnc_graph.pretraining.recipe import Recipe, make_recipe
from rnc_graph.pretraining.shards import CorpusStore
from rnc_graph.seeding import seeded
from rnc_graph.training import History, StageConfig, TrainerConfig, check_device, embed_graphs
from rnc_graph.training.distributed import rank
from rnc_graph.training.fit import fit
from rnc_graph.training.inference import torch_device
from rnc_graph.training.modules import StageModule, embed

# Shards whose molecules normalize the embedding.
_NORMALIZED_BY = 2


class CorpusModule(StageModule):
    """An encoder and its objectives, on batches ``(graphs, scores (B, k))``."""

    def __init__(self, recipe: Recipe, encoder: GraphEncoder, scores: int, epochs: int) -> None:
        config = StageConfig(
            epochs=epochs,
            batch_size=recipe.batch_size,
            learning_rate=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            precision=recipe.precision,
        )
        super().__init__(config, classes=False)
        self.seed = recipe.seed
        self.weights = dict(recipe.objectives)
        self.encoder = encoder
        self.objectives = nn.ModuleDict(
            {name: make_objective(name, encoder, scores) for name in self.weights}
        )

    def forward(self, inputs: Any) -> Tensor:
        """Return the embedding (B, d)."""
        embedding: Tensor = self.encoder(inputs)
        return embedding

    def training_step(self, batch: Any, _: int) -> Tensor:
        """Return the weighted sum of the objectives."""
        graphs, scores = batch
        embedding = scores.new_zeros(0)
        if any(objective.sees_embedding for objective in self.objectives.values()):
            embedding = embed(self.encoder, graphs, len(scores))
        total: Tensor = scores.new_zeros(())
        for number, (name, objective) in enumerate(self.objectives.items()):
            # By the step alone: a run that resumes draws what it would have drawn.
            generator = Generator().manual_seed(_seed(self.seed, self.global_step, number))
            loss = objective(Step(self.encoder, graphs, embedding, scores, generator))
            self.log(f"{name}_loss", loss, on_step=False, on_epoch=True, batch_size=len(scores))
            total = total + self.weights[name] * loss
        self.log("training_loss", total, on_step=False, on_epoch=True, batch_size=len(scores))
        return total


@dataclass(frozen=True)
class Pretrained:
    """A pretrained encoder.

    Attributes:
        encoder: with its weights.
        card: what it was made of and how: corpus, recipe, versions, time, probes.
        history: what was logged, a dict for each chunk of the corpus.
    """

    encoder: GraphEncoder
    card: dict[str, Any]
    history: History


Progress = Callable[[str, float], None]
"""Receives what is being done and the share of it that is done."""


def open_corpus(
    recipe: Recipe,
    *,
    folder: Path | None = None,
    jobs: int = 1,
    on_progress: Progress = lambda what, share: None,
) -> Corpus:
    """List the molecules of a recipe's corpus, or find the list of an earlier run.

    Args:
        recipe: the recipe.
        folder: for the list and the shards of the corpus; by default one in the cache, named by
            what the file holds and by how it is read.
        jobs: processes.
        on_progress: see :data:`Progress`.
    """
    source = corpus_file(recipe.corpus)
    if folder is None:
        how = [sha256_of(source), recipe.smiles, recipe.fragments, recipe.molecules, versions()]
        name = hashlib.sha256(json.dumps(how).encode()).hexdigest()[:24]
        folder = cache_dir() / f"corpus-{name}"
    return list_molecules(
        source,
        folder,
        smiles=recipe.smiles,
        fragments=recipe.fragments,
        limit=recipe.molecules,
        jobs=jobs,
        on_rows=lambda rows: on_progress(f"listing molecules ({rows:,} rows)", 0.0),
    )


def describe_corpus(
    corpus: Corpus,
    *,
    part: tuple[int, int] = (1, 1),
    jobs: int = 1,
    on_progress: Progress = lambda what, share: None,
) -> CorpusStore:
    """Make the shards of a corpus that are missing; see :meth:`CorpusStore.describe`."""
    store = CorpusStore(corpus)
    store.describe(
        part=part,
        jobs=jobs,
        on_done=lambda done: on_progress("computing descriptors", done / corpus.molecules),
    )
    return store


def run_checkpoint(recipe: Recipe, corpus: Corpus) -> Path:
    """Return the file, beside a corpus, that keeps the state of a recipe's unfinished run."""
    how = [recipe.model_dump_json(exclude={"corpus"}), _versions()]
    digest = hashlib.sha256(json.dumps(how).encode()).hexdigest()
    return corpus.folder / f"{digest[:16]}.ckpt"


def rounded_passes(recipe: Recipe, store: CorpusStore) -> float:
    """Return how many passes a run takes: those of its recipe, rounded to whole chunks."""
    return _epochs(recipe, store) / chunks_of(store)


def _epochs(recipe: Recipe, store: CorpusStore) -> int:
    return max(1, round(recipe.passes * chunks_of(store)))


def pretrain_encoder(
    recipe: Recipe | Mapping[str, Any],
    *,
    store: CorpusStore | None = None,
    checkpoint: Path | None = None,
    device: str = "cpu",
    jobs: int = 1,
    probes: bool = True,
    on_progress: Progress = lambda what, share: None,
) -> Pretrained:
    """Pretrain an encoder.

    The same recipe gives the same bits on one machine, whatever ``jobs`` is, and however often the
    run was killed and started again.

    Args:
        recipe: a recipe, or a dict of its fields.
        store: a complete store; by default that of the recipe's corpus, which is made or resumed.
        checkpoint: file with the state of an unfinished run, written after each chunk of the
            corpus, which a new run resumes from.
        device: a Lightning accelerator: "cpu", "gpu", "auto", ...
        jobs: processes that compute descriptors.
        probes: evaluate the frozen encoder on the data sets of the catalog, for the card.
        on_progress: see :data:`Progress`.

    Raises:
        RncGraphError: a corpus or a setting that cannot be used, or training diverged.
    """
    if not isinstance(recipe, Recipe):
        recipe = make_recipe(**recipe)
    check_device(device, recipe.precision)
    if store is None:
        corpus = open_corpus(recipe, jobs=jobs, on_progress=on_progress)
        store = describe_corpus(corpus, jobs=jobs, on_progress=on_progress)
    store.check()
    began = time.monotonic()
    loader = CorpusLoader(store, recipe.batch_size, recipe.seed, torch_device(device))
    epochs = _epochs(recipe, store)
    with seeded(recipe.seed, cuda=torch_device(device).type == "cuda"):
        encoder = ENCODERS.make(recipe.encoder, **recipe.options)
        assert isinstance(encoder, GraphEncoder)
        module = CorpusModule(recipe, encoder, len(store.ranks.names), epochs)

        def count() -> None:
            on_progress("pretraining", (module.current_epoch + 1) / epochs)

        trainer = TrainerConfig(device, count, checkpoint, checkpoint_seconds=0)
        # Two runs of a recipe would overwrite each other's state.
        with locked(checkpoint) if checkpoint is not None and rank() == 0 else nullcontext():
            history = fit(module, loader, trainer=trainer)
        options = ENCODERS.options(recipe.encoder, recipe.options | {"normalize": True})
        encoder = _normalized(ENCODERS.make(recipe.encoder, **options), encoder.cpu(), store)
    card = {
        "encoder": recipe.encoder,
        "options": options,
        "embedding_dim": encoder.embedding_dim,
        "recipe": recipe.model_dump(mode="json"),
        "corpus": store.corpus.card(),
        "described": sum(store.sizes),
        "descriptors": store.ranks.names,
        "steps": epochs * len(loader),
        "seconds": round(time.monotonic() - began, 1),
        "device": _device_name(device),
        "versions": _versions(),
        "final": history[-1],
        "probes": probe(encoder) if probes and rank() == 0 else {},
    }
    return Pretrained(encoder, card, history)


@torch.no_grad()
def _normalized(made: nn.Module, encoder: GraphEncoder, store: CorpusStore) -> GraphEncoder:
    """Give a new encoder the weights of a trained one, and normalize what it returns.

    Its mean and variance are those of some molecules of the corpus: heads learn slowly on an
    embedding of whatever scale.
    """
    assert isinstance(made, GraphEncoder)
    graphs, _ = store.read(range(min(_NORMALIZED_BY, len(store.shards))))
    embedding = embed_graphs(encoder, graphs).double()
    statistics = {
        "output.running_mean": embedding.mean(0),
        "output.running_var": embedding.var(0),
        "output.num_batches_tracked": torch.tensor(0),
    }
    made.load_state_dict(encoder.state_dict() | statistics)
    return made.eval()


def write_pretrained(pretrained: Pretrained, folder: Path, *, overwrite: bool = False) -> None:
    """Write an encoder, its card, and the history as ``history.json`` into a folder.

    Raises:
        RncGraphError: the folder is not empty and may not be overwritten.
    """
    with new_folder(folder, overwrite=overwrite) as temporary:
        save_run(pretrained, temporary)


def save_run(pretrained: Pretrained, folder: Path) -> None:
    """Write the files of :func:`write_pretrained` into a folder that is there."""
    save_pretrained(folder, pretrained.encoder, pretrained.card)
    write_text(folder / "history.json", json.dumps(pretrained.history, indent=1) + "\n")


def add_probes(pretrained: Pretrained, folder: Path) -> None:
    """Evaluate a frozen encoder on the data sets of the catalog, and note it in its card."""
    card = read_card(folder) | {"probes": probe(pretrained.encoder)}
    write_text(folder / CARD, json.dumps(card, indent=1) + "\n")


def _seed(*parts: int) -> int:
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big")


def _device_name(device: str) -> str:
    if torch_device(device).type == "cuda":
        return str(torch.cuda.get_device_name())
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    return {
        "rnc_graph": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "lightning": L.__version__,
        **versions(),
    }
