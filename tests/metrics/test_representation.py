import numpy as np
import pytest

from rnc_graph import metrics as evaluation
from rnc_graph.metrics import DISPLAY, evaluate_representation

RNG = np.random.default_rng(0)
TRAIN, TEST, OUTSIDE = (RNG.normal(size=(n, 5)) for n in (80, 30, 50))
TRAIN_LABELS, LABELS = TRAIN[:, :2] + 0.1 * TRAIN[:, 2:4], TEST[:, :2] + 0.1 * TEST[:, 2:4]
UNSEEN = ["mae_unseen", "mae_seen", "rmse_unseen", "rmse_seen"]
LONG_TAIL = ["mae_many", "mae_medium", "mae_few", "balanced_mae", "gmean"]
OF_CLASSES = [
    *("accuracy", "error", "balanced_accuracy", "cross_entropy"),
    *("accuracy_many", "accuracy_medium", "accuracy_few"),
    *("probe_accuracy", "probe_balanced_accuracy", "knn_accuracy"),
    *("recall_1", "map", "recall_1_coarse", "map_coarse"),
]


def test_each_measure_is_that_of_its_own_function():
    views = TEST + 0.1, TEST
    outside = OUTSIDE * 3
    found = evaluate_representation(
        TRAIN, TRAIN_LABELS, TEST, LABELS, views=views, ood=outside, tolerance=0.6
    )
    expected = {}
    for name, predict in (
        ("probe", evaluation.linear_probe),
        ("knn", evaluation.nearest_neighbors),
    ):
        errors = predict(TRAIN, TRAIN_LABELS, TEST) - LABELS
        expected[f"{name}_mae"] = np.abs(errors).mean()
        expected[f"{name}_rmse"] = (errors**2).mean() ** 0.5
    expected["order"] = evaluation.order_correlation(TEST, LABELS)
    expected["triplets"] = evaluation.ordered_triplets(TEST, LABELS)
    retrieved = evaluation.retrieval(TRAIN, TRAIN_LABELS, TEST, LABELS, tolerance=0.6)
    for k in (1, 5, 10, 20):
        expected[f"precision_{k}"] = retrieved[k].precision
        expected[f"label_error_{k}"] = retrieved[k].label_error
    expected["uniformity"] = evaluation.uniformity(TEST)
    expected["alignment"] = evaluation.alignment(*views)
    for name, scores in (
        ("knn", evaluation.nearest_neighbor_scores),
        ("mahalanobis", evaluation.mahalanobis_scores),
    ):
        told = evaluation.detection(scores(TRAIN, TEST), scores(TRAIN, outside))
        expected[f"ood_{name}_auroc"], expected[f"ood_{name}_fpr95"] = told.auroc, told.fpr95
    assert found == pytest.approx(expected)
    assert [*found, *LONG_TAIL, *UNSEEN, *OF_CLASSES] == list(DISPLAY), (
        "in the order they are shown"
    )
    assert all(type(value) is float for value in found.values())


def test_noise_of_the_training_labels_is_none_of_retrieval():
    noisy = np.roll(TRAIN_LABELS, 7, axis=0)
    found = evaluate_representation(TRAIN, noisy, TEST, LABELS, true_train_labels=TRAIN_LABELS)
    true = evaluate_representation(TRAIN, TRAIN_LABELS, TEST, LABELS)
    same = [name for name in found if name.startswith(("precision", "label_error"))]
    assert len(same) == 8
    assert {name: found[name] for name in same} == {name: true[name] for name in same}
    of_noise = evaluate_representation(TRAIN, noisy, TEST, LABELS)
    assert found["probe_mae"] == of_noise["probe_mae"] != true["probe_mae"]
    assert found["knn_rmse"] == of_noise["knn_rmse"] != true["knn_rmse"]


def test_what_is_not_given_is_not_measured():
    found = evaluate_representation(TRAIN, TRAIN_LABELS, TEST, LABELS)
    assert set(DISPLAY) - set(found) == {
        *LONG_TAIL,
        *UNSEEN,
        *OF_CLASSES,
        "alignment",
        *(f"ood_{name}_{value}" for name in ("knn", "mahalanobis") for value in ("auroc", "fpr95")),
    }


def test_directions_tell_the_labels_from_noise():
    shift = np.array([9.0, 0, 0, 0, 0])
    good = evaluate_representation(
        TRAIN_LABELS, TRAIN_LABELS, LABELS, LABELS, ood=OUTSIDE[:, :2] + 30
    )
    noise = evaluate_representation(
        RNG.normal(size=(80, 5)) + shift, TRAIN_LABELS, RNG.normal(size=(30, 5)) + shift, LABELS,
        ood=OUTSIDE + shift,
    )  # fmt: skip
    for name in good:
        if (higher := DISPLAY[name].higher_is_better) is not None:
            assert (good[name] > noise[name]) is higher, name


def test_titles_are_short_and_differ():
    titles = [measure.title for measure in DISPLAY.values()]
    assert len(set(titles)) == len(titles)
    assert max(map(len, titles)) <= 24
    undirected = {name for name, m in DISPLAY.items() if m.higher_is_better is None}
    assert undirected == {"alignment", "uniformity"}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_collapsed_embedding_is_judged_as_chance(value):
    def collapsed(rows):
        return np.full((rows, 4), value)

    found = evaluate_representation(
        collapsed(80),
        TRAIN_LABELS,
        collapsed(30),
        LABELS,
        views=(collapsed(9), collapsed(9)),
        ood=collapsed(50),
    )
    assert (found["order"], found["triplets"]) == (0.0, 0.5)
    assert found["probe_mae"] == pytest.approx(found["knn_mae"])
    assert found["precision_1"] == pytest.approx(found["precision_20"])
    assert (found["uniformity"], found["alignment"]) == (0.0, 0.0)
    for name in ("knn", "mahalanobis"):
        assert (found[f"ood_{name}_auroc"], found[f"ood_{name}_fpr95"]) == (0.5, 1.0)


def test_float32_gives_the_same():
    wide = evaluate_representation(TRAIN, TRAIN_LABELS, TEST, LABELS)
    narrow = (x.astype(np.float32) for x in (TRAIN, TRAIN_LABELS, TEST, LABELS))
    assert evaluate_representation(*narrow) == pytest.approx(wide, abs=1e-4)
