"""The docs' way to describe a corpus on a Ray cluster."""

import re
from itertools import product
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from rnc_graph.pretraining import describe_corpus, make_recipe, open_corpus
from tests.alone import needs_network, run_alone

PAGE = Path(__file__).parents[2] / "docs" / "pretraining.md"
SCENARIO = Path(__file__).with_name("describe_scenario.py")


@needs_network
@pytest.mark.slow
def test_a_node_is_killed_while_two_describe_a_corpus(tmp_path: Path) -> None:
    """Every shard holds what one machine writes."""
    pytest.importorskip("ray")
    corpus = tmp_path / "molecules.smi"
    corpus.write_text("".join(f"{''.join(atoms)}\n" for atoms in product("CNOS", repeat=7)))
    (program,) = re.findall(r"```python\n(from pathlib.*?)```", PAGE.read_text(), re.S)
    (tmp_path / "describe.py").write_text(program)
    done = run_alone(SCENARIO, "describe.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "killed while it ran: True" in done.stdout
    recipe = make_recipe(corpus=str(corpus))
    alone = describe_corpus(open_corpus(recipe, folder=tmp_path / "alone"))
    assert len(alone.shards) == 3
    for expected in alone.shards:
        shard = load_file(tmp_path / "shared" / "corpus" / expected.name)
        for name, array in load_file(expected).items():
            assert shard[name].tobytes() == array.tobytes()
