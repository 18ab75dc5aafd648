"""Loggers of a model with several stages: each logs under its name."""

import csv
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.loggers import CSVLogger, Logger
from torch import nn

from rnc_graph import TwoStage
from rnc_graph.losses import RnCLoss
from rnc_graph.training import TrainerConfig

STAGES = ("pretrain", "finetune")


class Kept(Logger):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.metrics: list[set[str]] = []
        self.parameters: dict[str, Any] = {}
        self.ended: list[str] = []

    @property
    def name(self) -> str:
        return "kept"

    @property
    def version(self) -> int:
        return 0

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        self.metrics.append({key for key in metrics if not key.endswith("epoch")})

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        assert not params.keys() & self.parameters.keys(), "MLflow takes each once"
        self.parameters |= params

    def finalize(self, status: str) -> None:
        self.ended.append(status)


class Plain(nn.Linear):
    embedding_dim = 4


def fit(logger: Logger, **finetune: Any) -> None:
    inputs, targets = torch.randn(16, 3), torch.randn(16, 1)
    data = torch.utils.data.TensorDataset(inputs, targets)
    TwoStage(
        Plain(3, 4),
        loss=RnCLoss(),
        pretrain={"epochs": 2},
        finetune={"epochs": 3, **finetune},
        trainer=TrainerConfig(loggers=(logger,)),
    ).fit(data)


def test_stages_log_under_their_names_and_the_logger_ends_once() -> None:
    kept = Kept()
    fit(kept, head_epochs=1)
    names = ["pretrain"] * 2 + ["finetune/head"] + ["finetune"] * 3
    assert kept.metrics == [{f"{name}/training_loss"} for name in names]
    assert kept.parameters["pretrain"]["config"]["epochs"] == 2
    assert kept.parameters["finetune"]["config"]["epochs"] == 3
    assert kept.ended == ["success"]


def test_a_table_has_columns_of_each_stage(tmp_path: Path) -> None:
    fit(CSVLogger(tmp_path))
    (table,) = tmp_path.rglob("metrics.csv")
    with table.open() as lines:
        rows = list(csv.DictReader(lines))
    found = [[row[f"{stage}/training_loss"] != "" for row in rows] for stage in STAGES]
    assert found == [[True] * 2 + [False] * 3, [False] * 2 + [True] * 3]
