import numpy as np
import pytest

from rnc_graph import metrics as evaluation
from rnc_graph.errors import RncGraphError
from rnc_graph.metrics import DISPLAY, evaluate_classes

RNG = np.random.default_rng(0)
MEANS = 2 * RNG.normal(size=(4, 5))
COARSE = [0, 0, 1, 1]
TRAIN_LABELS, LABELS = RNG.integers(0, 4, size=80), RNG.integers(0, 4, size=30)
TRAIN = MEANS[TRAIN_LABELS] + RNG.normal(size=(80, 5))
TEST = MEANS[LABELS] + RNG.normal(size=(30, 5))
OUTSIDE = RNG.normal(size=(50, 5)) - 3 * MEANS.mean(axis=0)


def test_each_measure_is_that_of_its_own_function():
    views = TEST + 0.1, TEST
    found = evaluate_classes(
        TRAIN, TRAIN_LABELS, TEST, LABELS, coarse=COARSE, views=views, ood=OUTSIDE
    )
    probed = evaluation.linear_class_probe(TRAIN, TRAIN_LABELS, TEST) == LABELS
    of_class = [probed[number == LABELS].mean() for number in range(4)]
    voted = evaluation.nearest_classes(TRAIN, TRAIN_LABELS, TEST) == LABELS
    groups = np.array(COARSE)
    retrieved = evaluation.class_retrieval(
        TRAIN, {"fine": TRAIN_LABELS, "coarse": groups[TRAIN_LABELS]},
        TEST, {"fine": LABELS, "coarse": groups[LABELS]},
    )  # fmt: skip
    expected = {
        "probe_accuracy": probed.mean(),
        "probe_balanced_accuracy": np.mean(of_class),
        "knn_accuracy": voted.mean(),
        "recall_1": retrieved["fine"].recall_1,
        "map": retrieved["fine"].map,
        "recall_1_coarse": retrieved["coarse"].recall_1,
        "map_coarse": retrieved["coarse"].map,
        "uniformity": evaluation.uniformity(TEST),
        "alignment": evaluation.alignment(*views),
    }
    for name, scores in (
        ("knn", evaluation.nearest_neighbor_scores),
        ("mahalanobis", lambda x, q: evaluation.mahalanobis_scores(x, q, TRAIN_LABELS)),
    ):
        told = evaluation.detection(scores(TRAIN, TEST), scores(TRAIN, OUTSIDE))
        expected[f"ood_{name}_auroc"], expected[f"ood_{name}_fpr95"] = told.auroc, told.fpr95
    assert found == pytest.approx(expected)
    assert set(found) <= set(DISPLAY)
    assert list(found) == list(expected)
    assert all(type(value) is float for value in found.values())
    less = evaluate_classes(TRAIN, TRAIN_LABELS, TEST, LABELS)
    assert less == {name: found[name] for name in less}
    assert len(less) == 6


def test_directions_tell_the_classes_from_noise():
    good = evaluate_classes(TRAIN, TRAIN_LABELS, TEST, LABELS, coarse=COARSE, ood=OUTSIDE * 9)
    noise = evaluate_classes(
        RNG.normal(size=(80, 5)), TRAIN_LABELS, RNG.normal(size=(30, 5)), LABELS, coarse=COARSE,
        ood=RNG.normal(size=(50, 5)),
    )  # fmt: skip
    for name in good:
        if (higher := DISPLAY[name].higher_is_better) is not None:
            assert (good[name] > noise[name]) is higher, name


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_collapsed_embedding_is_judged_as_chance(value):
    def collapsed(rows):
        return np.full((rows, 4), value)

    found = evaluate_classes(collapsed(80), TRAIN_LABELS, collapsed(30), LABELS, ood=collapsed(50))
    frequent = np.bincount(TRAIN_LABELS).argmax()
    assert found["probe_accuracy"] == found["knn_accuracy"] == (frequent == LABELS).mean()
    assert found["probe_balanced_accuracy"] == 0.25
    chance = np.mean([(label == TRAIN_LABELS).mean() for label in LABELS])
    assert (found["recall_1"], found["map"]) == pytest.approx((chance, chance))
    for name in ("knn", "mahalanobis"):
        assert (found[f"ood_{name}_auroc"], found[f"ood_{name}_fpr95"]) == (0.5, 1.0)


def test_float32_and_floats_for_labels_give_the_same():
    wide = evaluate_classes(TRAIN, TRAIN_LABELS, TEST, LABELS, ood=OUTSIDE)
    narrow = (x.astype(np.float32) for x in (TRAIN, TRAIN_LABELS, TEST, LABELS))
    assert evaluate_classes(*narrow, ood=OUTSIDE) == pytest.approx(wide, abs=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coarse": [0, 0, 1]}, r"train_labels: .* got 3 in row 1?[0-9]"),
        ({"coarse": [0, 0, 1, 0.5]}, r"coarse: .* got 0\.5 in row 3"),
        ({"ood": OUTSIDE[:, :2]}, "ood: expected shape"),
    ],
)
def test_bad_input_is_named_with_what_is_right(options, message):
    with pytest.raises(RncGraphError, match=message):
        evaluate_classes(TRAIN, TRAIN_LABELS, TEST, LABELS, **options)
