"""Shards: what is in them, by whom they are made, and ranks."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from rnc_graph.data.descriptors import descriptors
from rnc_graph.data.featurizer import descriptor_names
from rnc_graph.data.smiles import parse_smiles
from rnc_graph.errors import BadValueError, FileError
from rnc_graph.pretraining import CorpusStore, list_molecules, shards
from rnc_graph.pretraining.loader import CorpusLoader
from rnc_graph.pretraining.shards import DescriptorRanks, quantile_grid


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A corpus of 30 molecules in shards of 8, and one that is too large for descriptors."""
    monkeypatch.setattr(shards, "SHARD", 8)
    source = tmp_path / "all.smi"
    smiles = [f"{'C' * n}{end}" for n in range(1, 11) for end in ("O", "N", "Cl")]
    smiles.insert(5, "C" * 1_100)
    source.write_text("\n".join(smiles) + "\n")
    return CorpusStore(list_molecules(source, tmp_path / "store"))


def test_shards_hold_graphs_and_descriptors_of_the_list(small):
    small.describe()
    smiles = [text for text in small.corpus.smiles() if len(text) < 1_000]
    assert sum(small.sizes) == len(smiles) == 30
    graphs, found = small.read(range(len(small.shards)))
    assert [graph.num_nodes for graph in graphs] == [
        parse_smiles(text).GetNumAtoms() for text in smiles
    ]
    expected = descriptors(list(map(parse_smiles, smiles))).astype(np.float32)
    np.testing.assert_array_equal(found.numpy(), expected)


def test_parts_make_the_shards_together_and_none_twice(small):
    small.describe(part=(2, 3))
    times = {path: path.stat().st_mtime_ns for path in small.shards if path.exists()}
    assert len(times) == 1
    with pytest.raises(FileError, match="3 of 4 shards are missing, such as 000000"):
        small.check()
    done = []
    small.describe(on_done=done.append)
    small.check()
    assert done[-1] == small.corpus.molecules
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    with pytest.raises(BadValueError, match="expected i/n with i from 1 to n, got 4/3"):
        small.describe(part=(4, 3))


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is removed there")
def test_what_a_killed_process_left_is_removed(small):
    folder, source = small.corpus.folder, small.corpus.folder.parent / "all.smi"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = folder / f".000000.safetensors.{ended.pid}.rnc_graph.tmp"
    left.touch()
    small.describe()
    assert not left.exists()
    left.touch()
    (folder / "corpus.json").unlink()
    list_molecules(source, folder)
    assert not left.exists()


def test_shards_of_another_list_are_refused(small):
    small.describe(part=(1, 2))
    listed = small.corpus.folder / "molecules.smi"
    listed.write_text(listed.read_text().replace("CCO\n", "CCS\n"))
    with pytest.raises(FileError, match=r"000000\.safetensors: is of other molecules"):
        small.describe()


def test_a_damaged_shard_is_named(small):
    small.describe()
    small.shards[1].write_bytes(b"damaged")
    with pytest.raises(FileError, match=r"000001\.safetensors: cannot be read"):
        small.read([0, 1])


def test_a_flipped_bit_is_noticed(small):
    small.describe()
    whole = small.shards[0].read_bytes()
    for place in range(len(whole) - 200, len(whole), 20):
        small.shards[0].write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        with pytest.raises(FileError, match=r"000000\.safetensors: is damaged; remove it"):
            small.read([0])
    small.shards[0].unlink()
    small.describe()
    assert len(small.read([0])[0]) == 7


def test_scores_are_ranks():
    generator = np.random.default_rng(0)
    values = generator.normal(size=(1_000, len(descriptor_names()))).astype(np.float32)
    values[:, 1] = 0.0
    values[::2, 2] = np.nan
    values[:, 3] = generator.integers(0, 3, len(values))
    ranks = DescriptorRanks.of(quantile_grid(values))
    assert descriptor_names()[1] not in ranks.names
    scores = ranks.scores(torch.from_numpy(values)).numpy()
    assert np.isnan(scores[::2, 1]).all()
    assert not np.isnan(scores[1::2, 1]).any()
    expected = 12**0.5 * (rankdata(values[:, 0]) / len(values) - 0.5)
    np.testing.assert_allclose(scores[:, 0], expected, atol=0.03)
    # Ties have the mean of their ranks.
    tied = 12**0.5 * (rankdata(values[:, 3]) / len(values) - 0.5)
    np.testing.assert_allclose(scores[:, 2], tied, atol=0.03)


def test_a_pass_has_each_molecule_once_in_an_order_of_its_own(small, monkeypatch):
    small.describe()
    monkeypatch.setattr("rnc_graph.pretraining.loader._TOGETHER", 2)
    loader = CorpusLoader(small, 5, seed=1, device=torch.device("cpu"))
    assert (loader.chunks, len(loader)) == (2, 3)
    passes = []
    for done in range(2):
        seen = []
        for chunk in range(2):
            loader.set_epoch(2 * done + chunk)
            seen += [row for _, scores in loader for row in scores.nan_to_num().tolist()]
        assert len({tuple(row) for row in seen}) == len(seen) == 30
        passes.append(seen)
    assert passes[0] != passes[1]
    loader.set_epoch(3)
    again = [row for _, scores in loader for row in scores.nan_to_num().tolist()]
    assert again == passes[1][15:]


def test_processes_share_a_batch(small):
    small.describe()
    whole = CorpusLoader(small, 7, seed=0, device=torch.device("cpu"))
    shares = [list(whole.shard(rank, 2)) for rank in range(2)]
    for number, (graphs, scores) in enumerate(whole):
        parts = [share[number] for share in shares]
        torch.testing.assert_close(torch.cat([part[1] for part in parts]), scores, equal_nan=True)
        assert [part[0].num_graphs for part in parts] == [4, 3]
        assert graphs.num_graphs == 7


def test_a_batch_larger_than_the_corpus_is_refused(small):
    small.describe()
    with pytest.raises(BadValueError, match="batch_size: expected at most 30, the molecules"):
        CorpusLoader(small, 31, seed=0, device=torch.device("cpu"))
