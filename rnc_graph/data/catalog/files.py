"""Files of data sets that other projects host: their local paths and their downloads."""

import os
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from rnc_graph.data.catalog.card import ElsewhereCard
from rnc_graph.errors import FileError, MissingFileError, MissingPackageError

# Seconds without an answer before a download fails.
TIMEOUT = 10.0


def data_dir() -> Path:
    """Return ``$RNC_GRAPH_DATA``, else ``datasets`` in the cache folder."""
    if folder := os.environ.get("RNC_GRAPH_DATA"):
        return Path(folder)
    from rnc_graph.data.cache import cache_dir

    return cache_dir() / "datasets"


def local_path(card: ElsewhereCard) -> Path:
    """Return the path of a data set's file or folder, whether it exists or not."""
    return data_dir() / card.file


def download(card: ElsewhereCard) -> bytes:
    """Download the data set's URL.

    Raises:
        FileError: there is no network, or the server does not send the file.
    """
    try:
        with urlopen(card.url, timeout=TIMEOUT) as response:
            content: bytes = response.read()
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise FileError(
            f"data set {card.name!r}: {card.url} cannot be downloaded: {reason}. {by_hand(card)}"
        ) from error
    return content


def not_available(card: ElsewhereCard) -> MissingFileError:
    """Return the error for a data set that is not on this computer, with the ways to get it."""
    return MissingFileError(_unavailable(card, "it is not on this computer"))


def not_installed(card: ElsewhereCard, package: str) -> MissingPackageError:
    """Return the error for a data set that needs ``package``, with the ways to get it."""
    return MissingPackageError(_unavailable(card, f"{package} is not installed"))


def _unavailable(card: ElsewhereCard, reason: str) -> str:
    return f"data set {card.name!r}: {reason}. Get it: {card.get}. {by_hand(card)}"


def by_hand(card: ElsewhereCard) -> str:
    """Say which file to put where."""
    how = card.by_hand.format(url=card.url, path=local_path(card))
    return f"By hand: {how} (the environment variable RNC_GRAPH_DATA names another data folder)"
