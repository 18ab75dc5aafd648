"""Mutated specs and model configs: each is read, or refused with one message of the package.

Flipped bits are tested where the files are: ``tests/data/test_cache.py``,
``tests/experiments/test_store.py``, ``tests/models/test_files.py``.
"""

from __future__ import annotations

import copy
import json
import os
import random
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rnc_graph import MoleculeRegressor
from rnc_graph.data import MoleculeTable
from rnc_graph.errors import RncGraphError
from rnc_graph.experiments import read_spec
from rnc_graph.files import resource_dir
from rnc_graph.models.saving import CONFIG, _digest, load_model
from tests.conftest import SPEC

# 300 each by default, so that the suite stays short; a long trial is RNC_GRAPH_HOSTILE=10000.
COUNT = int(os.environ.get("RNC_GRAPH_HOSTILE", "300"))
# Only a long trial on a quiet machine is timed.
SECONDS = 5.0 if "RNC_GRAPH_HOSTILE" in os.environ else float("inf")

JUNK: list[Any] = [
    *(None, True, False, "", "x", "\0", "\ud800", "é" * 3000, [], {}, [[]], {"": None}, {1: 2}),
    *(0, -1, 1, 3, 2**31, 2**63, 10**9, 10**40, -(10**9), 0.0, -0.5, 1e-300, 1e300),
    *(float("nan"), float("inf"), -float("inf"), "1e9", "yes", "null", "../../x", "/dev/zero"),
    *([0] * 50, ["a", "a"], [None], {"name": "rnc"}, {"class": "os.system"}, {"images": "folder"}),
]


def _sections(node: Any) -> Iterator[dict[Any, Any] | list[Any]]:
    """Yield every mapping and list that holds something."""
    if isinstance(node, dict | list) and node:
        yield node
        for value in list(node.values() if isinstance(node, dict) else node):
            yield from _sections(value)


def mutate(root: Any, draw: random.Random) -> Any:
    """Return a copy with one to three values replaced, removed, renamed, nested or exchanged."""
    root = copy.deepcopy(root)
    for _ in range(draw.randint(1, 3)):
        sections = list(_sections(root))
        if not sections:
            break
        section = draw.choice(sections)
        keys: list[Any] = list(section) if isinstance(section, dict) else list(range(len(section)))
        key = draw.choice(keys)
        how = draw.randrange(6)
        if how == 0:
            section.pop(key)
        elif how == 1 and isinstance(section, dict):
            section[draw.choice([f"{key}s", str(key)[:-1], "name", "class"])] = section.pop(key)
        elif how == 2:
            section[key] = draw.choice([[section[key]], {"name": section[key]}])
        elif how == 3:
            section[key] = copy.deepcopy(draw.choice(sections))
        else:
            section[key] = copy.deepcopy(draw.choice(JUNK))
    return root


def spoil(text: str, draw: random.Random) -> str:
    """Return a text with a few characters or lines exchanged, doubled, inserted or lost."""
    for _ in range(draw.randint(1, 3)):
        lines = text.split("\n")
        place = draw.randrange(len(text) + 1)
        number = draw.randrange(len(lines))
        how = draw.randrange(4)
        if how == 0:
            text = text[:place] + draw.choice("[]{}:,&*!|>'\"#%@-?0 \t\n") + text[place:]
        elif how == 1:
            text = text[:place] + text[place + draw.randint(1, 5) :]
        elif how == 2:
            lines.insert(number, draw.choice(lines))
            text = "\n".join(lines)
        else:
            lines[number] = " " * draw.randint(1, 4) + lines[number]
            text = "\n".join(lines)
    return text


def _check_message(error: RncGraphError, path: Path) -> None:
    assert str(path) in str(error)
    assert 0 < len(str(error)) < 20_000
    assert "Traceback" not in str(error)


@pytest.mark.slow
def test_mutated_specs_are_read_or_refused(tmp_path: Path) -> None:
    shipped = [path.read_text() for path in sorted(resource_dir("experiments").glob("*.yaml"))]
    texts = [*shipped, *[SPEC] * len(shipped)]
    raw = [yaml.safe_load(text) for text in texts]
    draw, path = random.Random(0), tmp_path / "spec.yaml"
    read = 0
    for number in range(COUNT):
        chosen = draw.randrange(len(texts))
        if number % 2:
            text = yaml.safe_dump(mutate(raw[chosen], draw), allow_unicode=False)
        else:
            text = spoil(texts[chosen], draw)
        path.write_text(text, errors="replace")
        began = time.monotonic()
        try:
            read_spec(path)
        except RncGraphError as error:
            _check_message(error, path)
        except BaseException as error:
            raise AssertionError(f"spec {number}: {error!r}\n{text}") from error
        else:
            read += 1
        assert time.monotonic() - began < SECONDS, text
    assert 0 < read < COUNT


@pytest.fixture(scope="module")
def model(esol: MoleculeTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model with a member of each kind."""
    folder = tmp_path_factory.mktemp("hostile") / "model"
    options: dict[str, Any] = {
        "encoder": "gin",
        "encoder_options": {"hidden_dim": 4, "layers": 1},
        "networks": 1,
    }
    regressor = MoleculeRegressor(epochs=1, pretraining_epochs=1, **options)
    regressor.fit(esol.smiles[:30], esol.targets[:30, 0]).save(folder)
    return folder


@pytest.mark.slow
def test_mutated_configs_are_read_or_refused(model: Path) -> None:
    """Every other one has a digest that fits, as who means harm would write it."""
    path = model / CONFIG
    whole = path.read_text()
    draw = random.Random(0)
    try:
        for number in range(COUNT):
            if number % 4:
                config = mutate(json.loads(whole), draw)
                if number % 2 and isinstance(config, dict):
                    config["config_sha256"] = _digest(config)
                text = json.dumps(config)
            else:
                text = spoil(whole, draw)
            path.write_text(text, errors="replace")
            began = time.monotonic()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    load_model(model)
            except RncGraphError as error:
                _check_message(error, model)
            except BaseException as error:
                raise AssertionError(f"config {number}: {error!r}\n{text}") from error
            assert time.monotonic() - began < SECONDS, text
    finally:
        path.write_text(whole)
    assert load_model(model)


@pytest.mark.slow
def test_flipped_bits_of_a_model_are_refused(model: Path) -> None:
    draw = random.Random(1)
    for name in (CONFIG, "model.safetensors"):
        whole = (model / name).read_bytes()
        for _ in range(100):
            content = bytearray(whole)
            for bit in draw.sample(range(8 * len(content)), draw.randint(1, 8)):
                content[bit // 8] ^= 1 << (bit % 8)
            (model / name).write_bytes(content)
            with pytest.raises(RncGraphError, match="model"):
                load_model(model)
        (model / name).write_bytes(whole)
    assert load_model(model)
