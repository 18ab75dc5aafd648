from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from rnc_graph.data import load_dataset
from rnc_graph.data.cache import cache_dir
from rnc_graph.data.catalog import dataset_cards, elsewhere
from rnc_graph.data.catalog.card import ElsewhereCard
from rnc_graph.errors import RncGraphError

ELSEWHERE = [name for name, card in dataset_cards().items() if isinstance(card, ElsewhereCard)]
DOWNLOADED = [name for name in ELSEWHERE if name.startswith(("ogb/", "pyg/"))]


def test_the_data_folder_is_in_the_cache_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RNC_GRAPH_DATA", raising=False)
    assert elsewhere.data_dir() == cache_dir() / "datasets"
    monkeypatch.setenv("RNC_GRAPH_DATA", "elsewhere")
    assert elsewhere.data_dir() == Path("elsewhere")


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_not_here_is_answered_with_the_ways_to_get_it(
    name: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = dataset_cards()[name]
    assert isinstance(card, ElsewhereCard)
    for module in ("deepchem", "elsewhere"):
        monkeypatch.setattr(f"rnc_graph.data.catalog.{module}.find_spec", lambda _: None)
    monkeypatch.setattr(elsewhere, "urlopen", _no_network_may_be_asked)
    with pytest.raises(RncGraphError) as caught:
        load_dataset(name)
    message = str(caught.value)
    assert name in message
    assert card.get in message
    assert card.url in message
    assert str(data_folder / card.file) in message
    assert "RNC_GRAPH_DATA" in message
    assert not data_folder.exists()


def _no_network_may_be_asked(*_: Any, **__: Any) -> None:
    raise AssertionError("the network was asked")


@pytest.mark.parametrize("name", DOWNLOADED)
def test_no_network_is_said_in_plain_words(name: str, data_folder: Path, small_card: Any) -> None:
    card = small_card(name, url="http://127.0.0.1:9/nothing.csv")
    with pytest.raises(RncGraphError, match=r"cannot be downloaded: .*refused") as caught:
        load_dataset(name, download=True)
    assert card.url in str(caught.value)
    assert str(data_folder / card.file) in str(caught.value)
    assert not data_folder.exists()


def test_a_silent_server_is_given_up(
    data_folder: Path, small_card: Any, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere, "TIMEOUT", 0.2)
    small_card("pyg/esol", url=f"{server}/silent")
    with pytest.raises(RncGraphError, match=r"cannot be downloaded: .*timed out"):
        load_dataset("pyg/esol", download=True)


def test_half_a_file_is_refused(data_folder: Path, small_card: Any, server: str) -> None:
    small_card("pyg/esol", url=f"{server}/half")
    with pytest.raises(RncGraphError, match="cannot be downloaded: IncompleteRead"):
        load_dataset("pyg/esol", download=True)
    assert not data_folder.exists()


def test_what_the_server_lacks_is_said(data_folder: Path, small_card: Any, server: str) -> None:
    small_card("pyg/esol", url=f"{server}/gone")
    with pytest.raises(RncGraphError, match="cannot be downloaded: Not Found"):
        load_dataset("pyg/esol", download=True)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/silent":
            return self.server.shutdown_asked.wait()  # type: ignore[attr-defined,no-any-return]
        if path == "/gone":
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"smiles")
        return None

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Any:
    from threading import Event

    with HTTPServer(("127.0.0.1", 0), _Handler) as running:
        running.shutdown_asked = Event()  # type: ignore[attr-defined]
        thread = Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown_asked.set()  # type: ignore[attr-defined]
        running.shutdown()
        thread.join()
