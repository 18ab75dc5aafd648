"""Checks of a device against the CPU, for ``gpu.py``; none of them raises."""

import copy
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch_geometric.nn.models import PNA, AttentiveFP

from rnc_graph import MoleculeDataset, MoleculeRegressor, TwoStage
from rnc_graph.data.transforms import DropEdges, DropNodes, MaskAttributes, Subgraph
from rnc_graph.losses import KCL, LOSSES, TSC, QueueLoss, RnCLoss
from rnc_graph.training import TrainerConfig

CPU = torch.device("cpu")
# By name: what TwoStage takes.
ENCODERS: dict[str, tuple[Any, dict[str, Any]]] = {
    **{name: (name, {"hidden_dim": 32, "dropout": 0.0}) for name in ("gin", "gcn", "mpnn")},
    "AttentiveFP": (
        AttentiveFP,
        {"hidden_channels": 32, "out_channels": 32, "num_layers": 2, "num_timesteps": 2},
    ),
    "PNA": (
        PNA,
        {
            "hidden_channels": 32,
            "num_layers": 2,
            "aggregators": ["mean", "std", "max"],
            "scalers": ["identity", "attenuation"],
        },
    ),
}
TRANSFORMS = (DropNodes, DropEdges, MaskAttributes, Subgraph)


class Session:
    """What was found, and how many seconds are left."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self.failures: list[dict[str, str]] = []
        self.skipped: list[str] = []

    def left(self) -> float:
        return self.end - time.monotonic()

    def attempt(self, name: str, function: Callable[[], Any], least: float = 5.0) -> Any:
        """Return what a function returns, or None if it fails or too few seconds are left."""
        if self.left() < least:
            self.skipped.append(name)
            return None
        try:
            return function()
        except Exception as error:  # Whatever it is, the others go on.
            self.failures.append(
                {"what": name, "error": repr(error)[:500], "traceback": traceback.format_exc()}
            )
            return None


def difference(found: Tensor, expected: Tensor) -> float:
    """Return the largest difference over the largest value; NaN where a value is not finite."""
    found, expected = found.detach().cpu().double(), expected.detach().cpu().double()
    if not found.isfinite().all():
        return float("nan")
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-12))


def two_stage(device: str, encoder: str = "gin", epochs: int = 2, **options: Any) -> TwoStage:
    made, given = ENCODERS[encoder]
    config = {"epochs": epochs, "batch_size": 32}
    options = {"pretrain": config, "finetune": config} | options
    trainer = TrainerConfig(device)
    return TwoStage(made, encoder_options=given, trainer=trainer, **options)


def check_fit(data: MoleculeDataset, device: str, **options: Any) -> dict[str, Any]:
    """Train on the device, twice, and on the CPU; compare what they say of other molecules."""
    train, val, test = data[:160], data[160:224], data[224:288]
    begun = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = two_stage(device, **options).fit(train, val, seed=0)
        again = two_stage(device, **options).fit(train, val, seed=0)
    on_cpu = two_stage("cpu", **options).fit(train, val, seed=0)
    # The weights that the device found, on the CPU.
    loaded = two_stage("cpu", **options).build(train)
    loaded.load_state_dict(model.state_dict())
    state, repeated = model.state_dict(), again.state_dict()
    tensors = [x for x in state.values() if isinstance(x, Tensor)]
    return {
        "prediction": difference(model.predict(test), on_cpu.predict(test)),
        "embedding_of_loaded": difference(model.embed(test), loaded.embed(test)),
        "prediction_of_loaded": difference(model.predict(test), loaded.predict(test)),
        "same_bits": all(torch.equal(x, repeated[name]) for name, x in state.items()
                         if isinstance(x, Tensor)),
        "back_on_cpu": all(x.device.type == "cpu" for x in tensors),
        "warnings": sorted({str(w.message)[:200] for w in caught}),
        "seconds": time.perf_counter() - begun,
    }  # fmt: skip


def fits() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield by name the arguments of each ``TwoStage`` that is checked."""
    for encoder in ENCODERS:
        for loss in (RnCLoss(), None):
            for freeze in (True, False):
                name = f"{encoder}, {'RnC' if loss else 'no loss'}{', frozen' * freeze}"
                yield name, {"encoder": encoder, "loss": loss, "freeze": freeze}
    for transform in TRANSFORMS:
        options = {"loss": RnCLoss(), "transform": transform(0.2), "views": 2}
        yield f"gin, {transform.__name__}", options
    # The draws of these differ on a GPU, so the predictions do.
    for loss in sorted(LOSSES.names()):
        if loss != "rnc":
            yield f"gin, {loss}", {"loss": loss, "views": 3, "projection_dim": 16}
    joint = {"loss": RnCLoss(), "loss_weight": 0.5, "projection_dim": 16}
    yield "gin, joint", joint
    half = {"epochs": 2, "batch_size": 32, "precision": "bf16-mixed"}
    yield "gin, bf16", {"loss": RnCLoss(), "pretrain": half, "finetune": half}


def losses() -> Iterator[tuple[str, Any, int, dict[str, Any]]]:
    """Yield name, loss, views and what is special of its batch."""
    for label_diff in ("l1", "l2", "linf"):
        yield f"rnc, labels {label_diff}", RnCLoss(label_diff=label_diff), 2, {"targets": 3}
    for similarity in ("l2", "l1", "cosine"):
        yield f"rnc, features {similarity}", RnCLoss(feature_sim=similarity), 2, {}
    yield "rnc, missing labels", RnCLoss(), 2, {"targets": 3, "missing": True}
    yield "rnc, one view, norm 1e4", RnCLoss(), 1, {"shift": 1e4}
    yield "kcl, all positives", KCL(positives=None), 1, {}
    yield "tsc, all positives", TSC(positives=None), 1, {}
    for name in sorted(LOSSES.names()):
        if name not in ("rnc", "kcl", "tsc", "regression"):
            yield name, LOSSES.make(name), 3, {}


def check_loss(device: torch.device, loss: Any, views: int, special: dict[str, Any]) -> Any:
    """Compare value and gradient on the device with those in float64 on the CPU."""
    samples, size, targets = 192, 32, special.get("targets", 1)
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(samples, views, size, generator=generator) + special.get("shift", 0)
    y = torch.randn(samples, targets, generator=generator).mul(10).round().div(10)
    if special.get("missing"):
        y[torch.rand(y.shape, generator=generator) < 0.3] = torch.nan
    queue = torch.randn(256, size, generator=generator)
    queue_y = torch.randn(256, targets, generator=generator)
    if hasattr(loss, "setup"):
        loss.setup(y, size, 0)

    def run(device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        own, labels = copy.deepcopy(loss).to(device), y.to(device)
        x = features.to(device, dtype, copy=True).requires_grad_()
        if isinstance(loss, QueueLoss):
            others = queue.to(device, dtype), queue_y.to(device)
            value = own(x[:, 0], x[:, -1].detach().roll(1, 1), labels, *others)
        else:
            value = own(x, labels)
        torch.autograd.backward(value)
        assert x.grad is not None
        return value.detach(), x.grad

    value, gradient = run(CPU, torch.float64)
    found = {}
    for dtype in (torch.float32, torch.float64):
        own_value, own_gradient = run(device, dtype)
        bits = str(dtype).removeprefix("torch.float")
        found[f"value_{bits}"] = difference(own_value, value)
        found[f"gradient_{bits}"] = difference(own_gradient, gradient)
    return found


def check_regressor(data: MoleculeDataset, device: str) -> dict[str, Any]:
    """Train the estimator on the device, and load it on the CPU."""
    smiles, y = data.table.smiles[:150], data.y[:150, 0].numpy()
    model = MoleculeRegressor(
        encoder="gin", encoder_options={"hidden_dim": 32}, networks=1, pretraining_epochs=2,
        epochs=2, descriptor_models=(), device=device,
    ).fit(smiles, y)  # fmt: skip
    predicted = torch.from_numpy(model.predict(smiles[:50]))
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        loaded = MoleculeRegressor.load(Path(folder) / "model")
        again = torch.from_numpy(loaded.predict(smiles[:50]))
    return {"prediction_of_loaded": difference(again, predicted)}


def check_fits(session: Session, data: MoleculeDataset, device: str, quick: bool) -> dict[str, Any]:
    """Return what training on the device found, None where it failed."""
    cases = list(fits())[:: 8 if quick else 1]
    return {
        name: session.attempt(name, partial(check_fit, data, device, **options))
        for name, options in cases
    }


def check_losses(session: Session, device: torch.device) -> dict[str, Any]:
    """Return how each loss on the device differs from that on the CPU, None where it failed."""
    return {
        name: session.attempt(f"loss {name}", partial(check_loss, device, *rest))
        for name, *rest in losses()
    }
