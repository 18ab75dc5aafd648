"""Metrics of a run that are of its last set alone."""

import numpy as np
import torch

from rnc_graph.data import DatasetSplit, MoleculeDataset
from rnc_graph.data.inputs import InputDataset
from rnc_graph.data.scaling import TargetScaler
from rnc_graph.data.table import MoleculeTable
from rnc_graph.experiments.evaluation import evaluate_run
from rnc_graph.experiments.spec.split import LongTailSpec


def test_a_region_that_the_test_set_lacks_has_no_error() -> None:
    """Five training samples below the edge, one above; only the validation set has one above."""
    labels = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 2.0, 0.1, 2.0, 0.2, 0.3])[:, None]
    train, validation, test = (torch.arange(*ends) for ends in ((0, 6), (6, 8), (8, 10)))
    table = MoleculeTable("ten", ["C" * (n + 1) for n in range(10)], labels, ["y"])
    split = DatasetSplit(
        train,
        validation,
        test,
        scaler=TargetScaler(np.zeros(1), np.ones(1)),
        targets=torch.from_numpy(labels),
        true_targets=torch.from_numpy(labels),
        training_targets=labels[:6],
        edges=np.array([1.0]),
    )
    predictions = {
        "validation": labels[[6, 7]] + [[1.0], [7.0]],
        "test": labels[[8, 9]] + [[0.04], [0.06]],
    }
    long_tail = LongTailSpec(imbalance=2, many=3, few=2)
    data = InputDataset(table, MoleculeDataset.from_table(table), "graphs")
    found = evaluate_run(data, split, predictions, long_tail)[0]["measures"]
    assert set(found) == {"mae_many", "balanced_mae", "gmean"}
    assert abs(found["mae_many"] - 0.05) < 1e-6
    del predictions["test"]
    found = evaluate_run(data, split, predictions, long_tail)[0]["measures"]
    assert (found["mae_many"], found["mae_few"]) == (1.0, 7.0)
