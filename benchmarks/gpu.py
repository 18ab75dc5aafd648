"""Whether all of it runs on a GPU, and how fast, against the CPU of the same machine.

    python benchmarks/gpu.py [--device auto] [--quick] [--seconds 150] [--parts steps rnc ...]
        [--columns gpu ...] [--out results/benchmarks/gpu.json]

First the checks, on the device and on the CPU: both stages with every encoder, loss and
augmentation, each loss with its gradient, saving and loading. A check that fails is recorded with
its traceback, and the others go on. Then the speed of training steps, of RnCLoss, of prediction,
and of bf16 and torch.compile. What the seconds do not suffice for is left out, and named. Writes
JSON, and the same as Markdown beside it. Without a GPU the columns of the CPU remain. A part or a
column that is not measured keeps what an earlier run wrote.
"""

import argparse
import json
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch_geometric
from gpu_checks import CPU, Session, check_fits, check_losses, check_regressor
from report import processor, write

from rnc_graph import MoleculeDataset, TwoStage
from rnc_graph.data.transforms import MaskAttributes
from rnc_graph.encoders import ENCODERS, Head
from rnc_graph.losses import RnCLoss
from rnc_graph.seeding import deterministic
from rnc_graph.training import FinetuneModule, PretrainModule, StageConfig, TrainerConfig
from rnc_graph.training.batches import StageData

SIZES = ((64, 3), (300, 3))
BATCH_SIZES = (64, 1024)
RNC_SIZES = (1_024, 4_096, 16_384, 65_536)
GRAPHS = 10_000
PARTS = ("losses", "regressor", "profile", "rnc", "prediction", "variants", "steps", "fit")
CPU_COLUMNS = ("CPU, 1 thread", "CPU, all cores")

# A device and its number of threads.
Column = tuple[torch.device, int]


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def median_seconds(function: Callable[[], Any], device: torch.device, seconds: float) -> float:
    """Return the median time of a call, over calls that take about so many seconds.

    The first does not count, unless it takes longer than all of them may.
    """
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or (time.perf_counter() < end and len(times) < 200):
        synchronize(device)
        begun = time.perf_counter()
        function()
        synchronize(device)
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:] or times)


def stepper(
    data: MoleculeDataset, encoder: str, size: tuple[int, int], batch_size: int, two_views: bool,
    device: torch.device, compiled: bool = False, bf16: bool = False,
) -> Callable[[], None]:  # fmt: skip
    """Return a training step: of stage 1 with two views, or of L1 regression."""
    width, depth = size
    layers = {"steps": depth} if encoder == "mpnn" else {"layers": depth}
    torch.manual_seed(0)
    model = ENCODERS.make(encoder, hidden_dim=width, readout="mean", **layers)
    config = StageConfig(batch_size=batch_size, schedule="constant")
    module: Any
    if two_views:
        module = PretrainModule(model, RnCLoss(), 1, config, Head(width, 64, [width]))
    else:
        module = FinetuneModule(model, Head(width, 1, [64]), "l1", config)
    module.to(device)
    if compiled:
        # In place, so that parameters and checks of the module stay.
        model.compile(dynamic=True)
    optimizer = config.configure(module.parameters(), 1)
    count = max(8 * batch_size, 1024)
    stage = StageData(data[torch.arange(count) % len(data)], device)
    views: dict[str, Any] = {"views": 2, "transform": MaskAttributes(0.1)} if two_views else {}

    def batches() -> Iterator[Any]:
        while True:
            yield from stage.batches(lambda y: y.float(), config, **views)

    feed = batches()

    def step() -> None:
        batch = next(feed)
        with torch.autocast(device.type, torch.bfloat16) if bf16 else nullcontext():
            loss = module.training_step(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def step_speed(
    data: MoleculeDataset, columns: dict[str, Column], session: Session, quick: bool
) -> list[dict[str, Any]]:
    """Return steps per second, a row for each model and batch size, a column for each device."""
    rows: list[dict[str, Any]] = []
    for encoder in ("gin", "gcn", "mpnn"):
        for size in SIZES[: 1 if quick else None]:
            for batch_size in BATCH_SIZES[: 1 if quick else None]:
                for two_views in (False, True):
                    rows.append({"encoder": encoder, "size": list(size), "batch_size": batch_size,
                                 "two_views": two_views})  # fmt: skip
    for number, (column, (device, count)) in enumerate(columns.items()):
        # The cheap ones first, and an equal share of the time for each column.
        end = session.left() * (1 - 1 / (len(columns) - number))
        expected = 0.0
        if device.type == "cuda":
            # The first steps of all load the kernels.
            session.attempt("first step", stepper(data, "gin", SIZES[0], 64, True, device))
        for row in sorted(rows, key=_cost):
            case = [row[key] for key in ("encoder", "size", "batch_size", "two_views")]

            def measure(case=case, device=device, count=count) -> float:  # type: ignore[no-untyped-def]
                with threads(count), deterministic():
                    return 1 / median_seconds(stepper(data, *case, device), device, 0.3)

            what = f"training steps, {column}, {' '.join(map(str, case))}"
            row[column] = session.attempt(what, measure, end + 1 + 10 * expected)
            expected = 1 / row[column] if row[column] else expected
    return rows


def _cost(row: dict[str, Any]) -> float:
    return float(row["batch_size"] * row["size"][0] ** 2 * (1 + row["two_views"]))


def profiled(
    data: MoleculeDataset, device: torch.device, session: Session
) -> dict[str, dict[str, float] | None]:
    """Return how often a GIN step copies, waits for the device, and launches a kernel."""
    names = ("Memcpy", "aten::item", "aten::nonzero", "Synchronize", "LaunchKernel")
    steps = 8
    found = {}
    for two_views in (False, True):
        step = stepper(data, "gin", (64, 3), 64, two_views, device)

        def measure(step: Callable[[], None] = step) -> dict[str, float]:
            for _ in range(3):
                step()
            with torch.profiler.profile() as profile, deterministic():
                for _ in range(steps):
                    step()
            events = profile.key_averages()
            return {x.key: x.count / steps for x in events if any(n in x.key for n in names)}

        name = "two views, RnC" if two_views else "L1"
        found[name] = session.attempt(f"profile, {name}", measure)
    return found


def rnc_speed(columns: dict[str, Column], session: Session, quick: bool) -> list[dict[str, Any]]:
    """Return milliseconds and peak memory of RnCLoss, forward and backward."""
    rows: list[dict[str, Any]] = [{"embeddings": n} for n in RNC_SIZES[: 2 if quick else None]]
    for column, (device, count) in columns.items():
        expected = 0.0
        for row in rows[: 2 if device == CPU else None]:
            generator = torch.Generator().manual_seed(0)
            n = row["embeddings"]
            x = torch.randn(n // 2, 2, 128, generator=generator).to(device).requires_grad_()
            y = torch.randn(n // 2, 1, generator=generator).mul(200).round().div(100).to(device)

            def run(x=x, y=y) -> None:  # type: ignore[no-untyped-def]
                x.grad = None
                torch.autograd.backward(RnCLoss()(x, y))

            def measure(device=device, count=count, run=run) -> float:  # type: ignore[no-untyped-def]
                with threads(count), deterministic():
                    return 1e3 * median_seconds(run, device, 0.5)

            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats()
            found = session.attempt(f"RnCLoss, {column}, N = {n}", measure, 5 + 40 * expected)
            row[column], expected = found, 1e-3 * (found or 0)
            if device.type == "cuda" and found is not None:
                row["peak_mib"] = torch.cuda.max_memory_allocated() / 2**20
    return rows


def prediction_speed(
    data: MoleculeDataset, columns: dict[str, Column], session: Session
) -> list[dict[str, Any]]:
    """Return molecules a second, from packed graphs to predictions."""
    many = data[torch.arange(GRAPHS) % len(data)]
    rows: list[dict[str, Any]] = []
    for width, depth in SIZES:
        row: dict[str, Any] = {"encoder": f"gin, {width} x {depth}"}
        options = {"hidden_dim": width, "layers": depth}
        for column, (device, count) in columns.items():

            def measure(device=device, count=count, options=options) -> float:  # type: ignore[no-untyped-def]
                trainer = TrainerConfig("gpu" if device.type == "cuda" else "cpu")
                brief = {"epochs": 1}
                model = TwoStage("gin", encoder_options=options, loss=None, finetune=brief,
                                 trainer=trainer).fit(data[:128])  # fmt: skip
                with threads(count):
                    return GRAPHS / median_seconds(lambda: model.predict(many), device, 1.0)

            row[column] = session.attempt(f"prediction, {column}, {width}", measure, 10)
        rows.append(row)
    return rows


def variants(data: MoleculeDataset, device: torch.device, session: Session) -> dict[str, Any]:
    """Return milliseconds a GIN step, and of RnCLoss, with bf16 and with torch.compile."""
    found: dict[str, Any] = {}
    for size in SIZES:
        for name in ("plain", "bf16", "compiled"):
            options = {"bf16": name == "bf16", "compiled": name == "compiled"}

            def measure(size=size, options=options) -> float:  # type: ignore[no-untyped-def]
                step = stepper(data, "gin", size, 1024, False, device, **options)
                with at_most(40):
                    for _ in range(3):
                        step()
                    return 1e3 * median_seconds(step, device, 0.6)

            key = f"gin {size[0]} x {size[1]}, batch 1024, {name}"
            found[key] = session.attempt(key, measure, 20)
    x = torch.randn(2048, 2, 128, device=device).requires_grad_()
    y = torch.randn(2048, 1, device=device)
    for name, loss in (("plain", RnCLoss()), ("compiled", torch.compile(RnCLoss()))):

        def measure_loss(loss=loss) -> float:  # type: ignore[no-untyped-def]
            with at_most(40):
                for _ in range(3):
                    loss(x, y).backward()
                return 1e3 * median_seconds(lambda: loss(x, y).backward(), device, 0.5)

        found[f"RnCLoss, N = 4096, {name}"] = session.attempt(f"RnCLoss {name}", measure_loss, 10)
    return found


class _TooLong(BaseException):
    """Passes through the handlers of the compiler."""


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raise :class:`TimeoutError` after so many seconds: compiling may take minutes."""

    def stop(*_: Any) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    except _TooLong:
        raise TimeoutError(f"over {seconds} s") from None
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def shown(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def table(rows: list[dict[str, Any]], names: dict[str, str]) -> list[str]:
    """Return the lines of a table: what each row is, its columns, and the ratio of the GPU."""
    columns = [name for name in ("gpu", *CPU_COLUMNS) if any(row.get(name) for row in rows)]
    ratios = [name for name in columns if name != "gpu" and "gpu" in columns]
    titles = [*names.values(), *columns, *(f"GPU / {name}" for name in ratios)]
    lines = [
        "",
        f"| {' | '.join(titles)} |",
        "|---" * len(names) + "|---:" * (len(titles) - len(names)) + "|",
    ]
    for row in rows:
        cells = [str(row.get(key, "")) for key in names]
        cells += [shown(row.get(name)) for name in columns]
        for name in ratios:
            both = row.get("gpu") and row.get(name)
            cells.append(shown(row["gpu"] / row[name], 2) if both else "")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def markdown(result: dict[str, Any]) -> str:
    """Return the tables."""
    result = {
        **{part: [] if part in ("steps", "rnc", "prediction") else {} for part in PARTS},
        **result,
    }
    fitted = {name: x for name, x in result["fit"].items() if x}
    same = [x["same_bits"] for x in fitted.values()]
    losses = {name: x for name, x in result["losses"].items() if x}
    lines = [
        "# On a GPU",
        "",
        f"Made by `python benchmarks/gpu.py`, torch {result['torch']}, torch_geometric "
        f"{result['torch_geometric']}. Each part ran on:",
        "",
        *(f"- {what}: {device}" for what, device in sorted(result["devices"].items())),
        "",
        f"Of {len(fitted)} models trained on the device, {sum(same)} have the same bits in a "
        "second run. Relative differences from the CPU:",
        "",
        "| model | prediction | embedding, same weights | prediction, same weights | same bits |",
        "|---|---:|---:|---:|---|",
    ]
    lines += [
        f"| {name} | {x['prediction']:.1e} | {x['embedding_of_loaded']:.1e} "
        f"| {x['prediction_of_loaded']:.1e} | {'yes' if x['same_bits'] else 'no'} |"
        for name, x in fitted.items()
    ]
    regressor = result["regressor"] or {}
    lines += [
        "",
        "A `MoleculeRegressor` trained on the device and loaded on the CPU differs by "
        f"{regressor.get('prediction_of_loaded', float('nan')):.0e}.",
        "",
        "Losses, relative differences from float64 on the CPU:",
        "",
        "| loss | value, float32 | gradient | value, float64 | gradient |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {x['value_32']:.1e} | {x['gradient_32']:.1e} | {x['value_64']:.1e} "
        f"| {x['gradient_64']:.1e} |"
        for name, x in losses.items()
    ]
    lines += ["", "Calls of CUDA in a step of GIN 64 x 3, batch 64:", ""]
    profiles = {name: counts or {} for name, counts in result["profile"].items()}
    lines += [f"| call | {' | '.join(profiles)} |", "|---" + "|---:" * len(profiles) + "|"]
    lines += [
        f"| {call} | {' | '.join(shown(found.get(call, 0)) for found in profiles.values())} |"
        for call in sorted({call for counts in profiles.values() for call in counts})
    ]
    steps = [
        {**row, "size": " x ".join(map(str, row["size"])), "views": 1 + row["two_views"]}
        for row in result["steps"]
    ]
    names = {"encoder": "training steps a second", "size": "width x layers",
             "batch_size": "batch", "views": "views"}  # fmt: skip
    lines += table(steps, names)
    lines += ["", "One view: L1 regression; two views: stage 1 with Rank-N-Contrast."]
    rnc = [{**row, "peak": shown(row.get("peak_mib"), 0)} for row in result["rnc"]]
    names = {"embeddings": "RnCLoss, ms: embeddings", "peak": "peak on the GPU, MiB"}
    lines += table(rnc, names)
    lines += table(result["prediction"], {"encoder": "molecules predicted a second"})
    lines += ["", "| with and without bf16 and torch.compile | ms |", "|---|---:|"]
    lines += [f"| {name} | {shown(ms, 2)} |" for name, ms in result["variants"].items() if ms]
    skipped, failures = (
        [x for found in result[kind].values() for x in found] for kind in ("skipped", "failures")
    )
    lines += ["", f"Left out for lack of time: {len(skipped)}"]
    lines += [f"- {what}" for what in skipped]
    lines += ["", f"Failed: {len(failures)}"]
    lines += [f"- {x['what']}: {x['error']}" for x in failures]
    return "\n".join(lines) + "\n"


def merged(before: Any, now: Any) -> Any:
    """Return what is measured now, and of an earlier run what is not."""
    if isinstance(now, dict) and isinstance(before, dict):
        return {key: merged(before.get(key), now.get(key, before.get(key))) for key in before | now}
    if isinstance(now, list) and isinstance(before, list):
        return [merged(one, other) for one, other in zip(before, now, strict=True)]
    return before if now is None else now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("auto", "cpu", "gpu"), default="auto")
    parser.add_argument("--quick", action="store_true", help="a part of the checks and sizes")
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--columns", nargs="+", choices=("gpu", *CPU_COLUMNS))
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/gpu.json"))
    arguments = parser.parse_args()
    quick, parts, session = arguments.quick, arguments.parts, Session(arguments.seconds)
    on_gpu = arguments.device == "gpu" or (arguments.device == "auto" and torch.cuda.is_available())
    device = torch.device("cuda:0" if on_gpu else "cpu")
    name = "gpu" if on_gpu else "cpu"
    columns: dict[str, Column] = {"gpu": (device, torch.get_num_threads())} if on_gpu else {}
    columns |= dict(zip(CPU_COLUMNS, ((CPU, 1), (CPU, len(os.sched_getaffinity(0)))), strict=True))
    columns = {key: columns[key] for key in arguments.columns or columns}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RNC_GRAPH_CACHE"] = folder
        data = MoleculeDataset.load("esol")
    # The short ones first.
    measure: dict[str, Callable[[], Any]] = {
        "losses": lambda: check_losses(session, device),
        "regressor": lambda: session.attempt("regressor", partial(check_regressor, data, name)),
        "profile": lambda: profiled(data, device, session),
        "rnc": lambda: rnc_speed(columns, session, quick),
        "prediction": lambda: prediction_speed(data, columns, session),
        "variants": lambda: variants(data, device, session),
        "steps": lambda: step_speed(data, columns, session, quick),
        "fit": lambda: check_fits(session, data, name, quick),
    }
    assert set(measure) == set(PARTS)
    result: dict[str, Any] = {}
    troubles: dict[str, dict[str, Any]] = {"failures": {}, "skipped": {}}
    for part, make in measure.items():
        if part in parts:
            session.failures, session.skipped = [], []
            result[part] = make()
            troubles["failures"][part] = session.failures
            troubles["skipped"][part] = session.skipped
    where = f"{torch.cuda.get_device_name()}, {processor()}" if on_gpu else processor()
    result |= {
        "torch": torch.__version__,
        "torch_geometric": torch_geometric.__version__,
        "devices": dict.fromkeys(parts, where),
    }
    if arguments.out.exists():
        earlier = json.loads(arguments.out.read_text(encoding="utf-8"))
        troubles = {kind: earlier[kind] | found for kind, found in troubles.items()}
        result = merged(
            {key: earlier[key] for key in (*PARTS, "devices") if key in earlier}, result
        )
    result |= troubles
    write(result, markdown(result), arguments.out)


if __name__ == "__main__":
    main()
