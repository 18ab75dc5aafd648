"""What made results, as their folder says it."""

import json
from pathlib import Path

from rnc_graph import __version__
from rnc_graph.experiments.identity import FORMAT
from rnc_graph.reporting.provenance import PROVENANCE, write_provenance


def test_the_time_of_calls_that_continue_one_another_adds_up(tmp_path: Path):
    def seconds(command: str, took: float) -> int:
        made = json.loads(write_provenance(tmp_path, command, took).read_text())
        assert made["command"] == command
        assert made["code"].startswith(__version__)
        assert made["processor"].endswith(" cores")
        assert made["run_format"] == FORMAT
        return made["wall_seconds"]

    assert seconds("rnc-graph run a.yaml", 2.4) == 2
    assert seconds("rnc-graph run a.yaml", 3.1) == 5
    # Other options continue the same store.
    assert seconds("rnc-graph run a.yaml --seeds 3", 1.2) == 6
    earlier = {"run_format": FORMAT - 1, "wall_seconds": 9}
    (tmp_path / PROVENANCE).write_text(json.dumps(earlier))
    assert seconds("rnc-graph run a.yaml", 2.4) == 2
    for damaged in (b"", b"[]", b"\xff", b'{"wall_seconds": 5}'):
        (tmp_path / PROVENANCE).write_bytes(damaged)
        assert seconds("rnc-graph run a.yaml", 2.4) == 2
