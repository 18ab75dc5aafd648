import subprocess
import sys

import pytest


@pytest.mark.slow
def test_torchs_compiler_is_imported_when_it_is_used():
    code = (
        "import sys\nfrom rnc_graph.pyg import _OnUse\n"
        "assert 'torch._dynamo' not in sys.modules\n"
        "sys.modules['torch._dynamo'] = _OnUse('torch._dynamo')\n"
        "from torch._dynamo import OptimizedModule\n"
        "import torch, torch._dynamo.config, torch_geometric\n"
        "assert not torch_geometric.is_torch_instance(1, str)\n"
        "assert OptimizedModule is torch._dynamo.OptimizedModule\n"
        "print(type(sys.modules['torch._dynamo']).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "module\n"
