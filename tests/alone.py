"""A network for the tests of clusters, which nobody else can reach."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_SEARCHED = [folder] if (folder := os.environ.get("PYTHONPATH")) else []

# A network of its own, in which there is nothing but the loopback interface: whatever a node
# listens at, nobody else can reach it.
ALONE = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def _alone_is_possible() -> bool:
    return (
        shutil.which("unshare") is not None
        and shutil.which("ip") is not None
        and subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0
    )


needs_network = pytest.mark.skipif(
    not _alone_is_possible(), reason="no network namespace can be made here"
)


def run_alone(script: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder; it finds these tests, not the ``tests`` of an installed package."""
    return subprocess.run(
        [*ALONE, sys.executable, str(script), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), *_SEARCHED])},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
