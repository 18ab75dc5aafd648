"""What a stored result depends on: other content has another name."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rnc_graph.data import load_dataset
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments.digests import table_digest
from rnc_graph.experiments.spec.component import EncoderComponent
from rnc_graph.experiments.spec.split import SplitSpec

NET = "from torch import nn\nclass Net(nn.Module):\n    pass\n"


def test_a_split_in_a_file_is_known_by_its_content(tmp_path: Path):
    path = tmp_path / "split.json"
    path.write_text("{}")
    split = SplitSpec.model_validate({"file": str(path)})
    before = split.training_identity()
    assert before == split.training_identity()
    path.write_text("{ }")
    assert before != split.training_identity()
    path.unlink()
    with pytest.raises(RncGraphError, match=r"split\.json"):
        split.training_identity()


def test_published_predictions_are_of_the_data():
    table = load_dataset("esol")
    (name, values), *_ = table.published_predictions.items()
    other = replace(table, published_predictions={name: values + 1})
    assert table_digest(other) != table_digest(table)


def test_a_class_is_known_by_the_code_that_defines_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_nets").mkdir()
    (tmp_path / "own_nets" / "__init__.py").write_text("from own_nets.net import Net\n")
    (tmp_path / "own_nets" / "net.py").write_text(NET)
    (tmp_path / "own_alias.py").write_text("from own_nets import Net\n")
    found = {}
    for content in ("width = 1\n", "width = 2\n"):
        (tmp_path / "own_nets" / "net.py").write_text(f"{NET}    {content}")
        for path in ("own_nets.Net", "own_alias.Net"):
            part = EncoderComponent(name="own", **{"class": path})
            found[content, path] = part.described()["module"]
    assert len(set(found.values())) == 4
    for name in ("own_nets", "own_nets.net", "own_alias"):
        monkeypatch.delitem(sys.modules, name)
    installed = EncoderComponent(name="sage", **{"class": "torch_geometric.nn.GraphSAGE"})
    assert installed.described()["module"] is None
