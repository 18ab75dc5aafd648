"""What is committed under results/."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"


def committed() -> list[Path]:
    """Return the files under results/ that git has; without git, those that are not ignored."""
    listed = ["git", "ls-files", "-z", "results"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.exists()]


def test_the_results_are_small():
    sizes = {path: path.stat().st_size for path in committed()}
    assert sum(sizes.values()) < 25_000_000
    assert [path for path, size in sizes.items() if size > 3_000_000] == []
