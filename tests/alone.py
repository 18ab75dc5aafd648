"""A network for the tests of clusters, which nobody else can reach."""

import shutil
import subprocess

import pytest

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
