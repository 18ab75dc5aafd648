"""Small stand-ins for the files that other projects keep."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnc_graph.data.catalog.card import ElsewhereCard, dataset_card, dataset_cards


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that is not there yet; servers are asked without a proxy."""
    folder = tmp_path / "data"
    monkeypatch.setenv("RNC_GRAPH_DATA", str(folder))
    monkeypatch.setenv("no_proxy", "*")
    return folder


@pytest.fixture
def small_card(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ElsewhereCard]:
    """What puts a card with other values in the place of a named one."""

    def make(name: str, **changes: Any) -> ElsewhereCard:
        card = dataset_card(name)
        assert isinstance(card, ElsewhereCard)
        changed = card.model_copy(update=changes)
        monkeypatch.setitem(dataset_cards(), name, changed)
        return changed

    return make
