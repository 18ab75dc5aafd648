"""What a stored result depends on: other content has another name."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rnc_graph.data import load_dataset
from rnc_graph.encoders import make_encoder
from rnc_graph.encoders.pretrained import save_pretrained
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments.digests import table_digest
from rnc_graph.experiments.spec.component import EncoderComponent
from rnc_graph.experiments.spec.split import SplitSpec
from rnc_graph.experiments.tasks import BaselineTask, SeededSplit
from rnc_graph.plugins import load_plugins

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


def test_an_installed_class_is_known_by_its_code_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    installed = tmp_path / "site-packages"
    (installed / "their_nets").mkdir(parents=True)
    monkeypatch.syspath_prepend(installed)
    found = set()
    for content in ("width = 1\n", "width = 2\n"):
        (installed / "their_nets" / "__init__.py").write_text(f"{NET}    {content}")
        part = EncoderComponent(name="net", **{"class": "their_nets.Net"})
        found.add(part.described()["module"])
    monkeypatch.delitem(sys.modules, "their_nets")
    assert len(found) == 2
    assert None not in found


def test_of_what_is_installed_beside_it_a_class_is_known_by_its_own_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    installed = tmp_path / "site-packages"
    (installed / "big_nets").mkdir(parents=True)
    monkeypatch.syspath_prepend(installed)
    (installed / "other.py").write_text("WIDTH = 1\n")
    (installed / "one_net.py").write_text(f"import other\n{NET}")
    for number in range(101):
        (installed / "big_nets" / f"unused_{number}.py").touch()
    (installed / "big_nets" / "layers.py").write_text("WIDTH = 1\n")
    content = f"import other\nfrom big_nets.layers import WIDTH\n{NET}"
    (installed / "big_nets" / "__init__.py").write_text(content)

    def digests() -> list[str]:
        parts = [
            EncoderComponent(name="n", **{"class": f"{m}.Net"}) for m in ("one_net", "big_nets")
        ]
        return [part.described()["module"] for part in parts]

    before = digests()
    (installed / "other.py").write_text("WIDTH = 2\n")
    assert digests() == before
    (installed / "big_nets" / "layers.py").write_text("WIDTH = 2\n")
    assert [one == other for one, other in zip(digests(), before, strict=True)] == [True, False]
    for name in ("one_net", "big_nets", "big_nets.layers", "other"):
        monkeypatch.delitem(sys.modules, name)


def test_a_class_is_known_by_the_modules_beside_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Those that it imports, and those that these do; the others there are of no account."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_scales").mkdir()
    files = {
        "own_beside.py": f"import json\nfrom own_layers import WIDTH\n{NET}",
        "own_layers.py": "def late():\n    import own_scales.deep\nWIDTH = 1\n",
        "own_scales/deep.py": "SCALE = 1\n",
        "unused.py": "",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)

    def digest() -> str:
        part = EncoderComponent(name="own", **{"class": "own_beside.Net"})
        return part.described()["module"]

    before = digest()
    for name, changes in {name: name != "unused.py" for name in files}.items():
        content = (tmp_path / name).read_text()
        (tmp_path / name).write_text(f"{content}# changed\n")
        assert (digest() != before) == changes, name
        (tmp_path / name).write_text(content)
    for name in ("own_beside", "own_layers"):
        monkeypatch.delitem(sys.modules, name)


def test_a_baseline_on_a_split_of_a_plugin_is_known_by_its_code(tmp_path: Path):
    plugin = tmp_path / "mine.py"
    keys = []
    for content in ("width = 1\n", "width = 2\n"):
        plugin.write_text(
            "from rnc_graph.data.splits import SPLITS\n"
            f"@SPLITS.register('mine')\nclass Mine:\n    {content}"
        )
        load_plugins([plugin])
        split = SplitSpec.model_validate({"splitter": "mine"})
        keys.append(BaselineTask(SeededSplit("data", split, 0), "mean", "test").key)
    assert keys[0] != keys[1]
    builtin = BaselineTask(SeededSplit("data", SplitSpec(), 0), "mean", "test")
    assert "code" not in builtin.identity


def test_pretrained_weights_in_a_folder_are_known_by_their_content(tmp_path: Path):
    encoder = EncoderComponent(name="pretrained", folder=str(tmp_path))
    options = {"hidden_dim": 4, "layers": 1}
    found = []
    for _ in range(2):  # Weights are drawn anew.
        card = {"encoder": "gin", "options": options}
        save_pretrained(tmp_path, make_encoder("gin", options), card)
        found.append(encoder.described())
    assert found[0] != found[1]
    assert found[1] == encoder.described()
    (tmp_path / "encoder.json").write_text("{}")
    assert found[1] != encoder.described()
    assert "sha256" not in EncoderComponent(name="gin-moses").described()
    (tmp_path / "encoder.safetensors").unlink()
    with pytest.raises(RncGraphError, match=r"encoder\.safetensors"):
        encoder.described()
