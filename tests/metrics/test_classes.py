"""Metrics of a classifier, by hand and against scikit-learn."""

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from spectrobert.metrics import (
    MANY_CLASSES,
    classification,
    confusion_matrix,
    intervals,
    one_against_rest,
    values,
)

NAMES = ("a", "b", "c", "d")
# 6 x class 0 (5 right), 3 x class 1 (1 right), 1 x class 2 (right); class 3 never occurs
LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2])
PREDICTED = np.array([0, 0, 0, 0, 0, 1, 1, 0, 3, 2])


def logits_for(predicted: np.ndarray, classes: int = 4) -> np.ndarray:
    """(N, C): the predicted class first, the others in falling order of their number."""
    ranked = -np.arange(classes, dtype=np.float32) * np.ones((len(predicted), 1), np.float32)
    ranked[np.arange(len(predicted)), predicted] = 1.0
    return ranked


def measured(
    predicted: np.ndarray = PREDICTED, labels: np.ndarray = LABELS, top_k: tuple[int, ...] = ()
) -> dict[str, float]:
    found = classification(logits_for(predicted), labels, NAMES, top_k)
    return values(found, len(labels))


BY_HAND = {
    "accuracy": 7 / 10,
    "unweighted_accuracy": (5 / 6 + 1 / 3 + 1 / 1) / 3,  # of the classes that occur
    # class 3 was predicted once and never true: precision, recall and F1 of 0 count
    "macro_precision": (5 / 6 + 1 / 2 + 1 + 0) / 4,
    "macro_recall": (5 / 6 + 1 / 3 + 1 + 0) / 4,
    "macro_f1": (5 / 6 + 2 / 5 + 1 + 0) / 4,
    "weighted_f1": 0.6 * 5 / 6 + 0.3 * 2 / 5 + 0.1 * 1,  # by how often a class is true
}


@pytest.mark.parametrize("name", BY_HAND)
def test_figures_by_hand(name):
    assert measured()[name] == pytest.approx(BY_HAND[name])


def test_recall_by_class_with_its_n():
    found = classification(logits_for(PREDICTED), LABELS, NAMES)
    assert {name: found[f"recall_{name}"].n for name in NAMES} == {"a": 6, "b": 3, "c": 1, "d": 0}
    shown = values(found, len(LABELS))
    assert shown["recall_b"] == pytest.approx(1 / 3)
    assert "recall_d" not in shown  # a class that does not occur has none


def test_confusion_matrix_has_true_classes_in_rows():
    assert confusion_matrix(LABELS, PREDICTED, 4).tolist() == [
        [5, 1, 0, 0],
        [1, 1, 0, 1],
        [0, 0, 1, 0],
        [0, 0, 0, 0],
    ]


def test_top_k():
    # The two misses of class 1 rank [0, 1, 2, 3] and [3, 0, 1, 2], that of class 0 ranks [1, 0, ..]
    found = measured(top_k=(2, 3, 4, 5))
    assert found["top2_accuracy"] == pytest.approx(9 / 10)
    assert found["top3_accuracy"] == pytest.approx(1)
    assert "top4_accuracy" not in found  # of all classes


@pytest.mark.parametrize(("logit", "accuracy"), [(0.0, (1 / 4, 2 / 4)), (np.nan, (0, 0))])
def test_a_collapsed_model_is_not_right_about_everything(logit, accuracy):
    """Equal logits have all classes in the first k: they are ranked as argmax ranks them."""
    found = values(classification(np.full((4, 4), logit), np.arange(4), NAMES, (2,)), 4)
    assert (found["accuracy"], found["top2_accuracy"]) == accuracy


def test_a_class_without_a_logit_is_never_right():
    """Two rows of seen classes, both right, and three of two unseen ones, the last logit high."""
    logits = np.array([[3.0, 0, 0], [0, 3, 0], [0, 0, 9], [0, 0, 9], [0, 0, 9]])
    truth = np.array([0, 1, 3, 3, 4])
    found = values(classification(logits, truth, ("a", "b", "c"), (2,)), 5)
    assert (found["accuracy"], found["top2_accuracy"]) == (2 / 5, 2 / 5)
    assert found["unweighted_accuracy"] == 2 / 4
    assert found["loss"] == pytest.approx(np.log(1 + 2 * np.exp(-3)))


def test_auroc_is_the_share_of_pairs_in_order():
    # One against rest, two classes: both sides order 3 of the 4 (positive, negative) pairs
    score = np.array([0.1, 0.6, 0.5, 0.9])
    logits = np.log(np.stack([1 - score, score], axis=1))
    found = values(classification(logits, np.array([0, 0, 1, 1]), ("no", "yes")), 4)
    assert found["auroc"] == pytest.approx(3 / 4)


def test_auroc_of_one_class_is_left_out():
    assert "auroc" not in measured(np.zeros(3, dtype=int), np.zeros(3, dtype=int))


def test_of_hundreds_of_answers_auroc_alone_is_left_by_class_without_an_interval():
    names = [str(i) for i in range(MANY_CLASSES + 1)]
    truth = np.array([0, 0, 1, 1])
    logits = np.zeros((4, len(names)))
    logits[:, 0] = [2.0, 1.0, 0.0, 0.0]  # every row of "0" above all others
    logits[:, 1] = [0.0, 3.0, 2.5, -1.0]  # of "1", one row of two above one of the other two
    probabilities = sk.roc_auc_score(truth == 1, np.exp(logits[:, 1]) / np.exp(logits).sum(axis=1))
    found = classification(logits, truth, names)
    assert found.keys() == {"accuracy", "loss", "auroc"}
    assert values(found, 4)["auroc"] == pytest.approx((1 + probabilities) / 2)
    assert 0 < probabilities < 1
    drawn, why = intervals(found, ["a", "b", "c", "d"])
    assert drawn.keys() == {"accuracy", "loss"}
    assert why == {"auroc": "too many classes to resample"}


def test_a_constant_prediction_has_the_figures_of_chance():
    found = values(classification(np.eye(4)[[0] * 10], LABELS, NAMES), 10)
    assert found["accuracy"] == pytest.approx(6 / 10)
    assert found["unweighted_accuracy"] == pytest.approx(1 / 3)
    assert found["auroc"] == pytest.approx(0.5)  # of the classes that occur


def test_loss_is_the_mean_cross_entropy():
    logits = np.array([[0.0, 0.0], [0.0, math.log(3)], [0.0, math.log(3)]])
    found = values(classification(logits, np.array([1, 0, 1]), ("no", "yes")), 3)
    assert found["loss"] == pytest.approx((math.log(2) + math.log(4) + math.log(4 / 3)) / 3)


def test_binary_accuracy_of_each_emotion():
    found = values(one_against_rest(logits_for(PREDICTED), LABELS, NAMES), 10)
    # one "a" called otherwise and one other called "a"; of "b" two missed and one too many
    by_hand = {"a": 8 / 10, "b": 7 / 10, "c": 1, "d": 9 / 10}
    for name, share in by_hand.items():
        assert found[f"binary_accuracy_{name}"] == pytest.approx(share)


@pytest.mark.parametrize("weights", ["once", "resampled"])
def test_parity_with_scikit_learn(weights):
    """3 classes as unequal as SLUE-VoxCeleb's, ties among the scores, some rows never drawn."""
    rng = np.random.default_rng(0)
    truth = rng.choice(3, size=400, p=[0.05, 0.75, 0.2])
    logits = np.round(rng.normal(size=(400, 3)) + 0.8 * np.eye(3)[truth], 1)
    predicted = logits.argmax(axis=1)
    weight = np.ones(400) if weights == "once" else rng.poisson(1, 400).astype(float)
    found = {
        name: statistic.of(weight)
        for name, statistic in classification(logits, truth, ("n", "o", "p"), (2,)).items()
    }
    above = np.exp(logits - logits.max(axis=1, keepdims=True))  # so that ties stay ties
    probabilities = above / above.sum(axis=1, keepdims=True)
    more = {"sample_weight": weight}
    average = {"zero_division": 0, **more}
    expected = {
        "accuracy": sk.accuracy_score(truth, predicted, **more),
        "unweighted_accuracy": sk.balanced_accuracy_score(truth, predicted, **more),
        "macro_f1": sk.f1_score(truth, predicted, average="macro", **average),
        "macro_precision": sk.precision_score(truth, predicted, average="macro", **average),
        "macro_recall": sk.recall_score(truth, predicted, average="macro", **average),
        "weighted_f1": sk.f1_score(truth, predicted, average="weighted", **average),
        "loss": sk.log_loss(truth, probabilities, **more),
        "auroc": np.mean(
            [sk.roc_auc_score(truth == c, probabilities[:, c], **more) for c in range(3)]
        ),
        "recall_n": sk.recall_score(truth, predicted, labels=[0], average="macro", **average),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-10), name


def test_top_k_parity_with_scikit_learn():
    rng = np.random.default_rng(1)
    truth, logits = rng.integers(20, size=300), rng.normal(size=(300, 20))
    found = values(classification(logits, truth, [str(i) for i in range(20)], (5,)), 300)
    expected = sk.top_k_accuracy_score(truth, logits, k=5, labels=range(20))
    assert found["top5_accuracy"] == pytest.approx(expected)


def test_macro_f1_of_a_class_missing_from_truth_and_predictions_is_scikit_learns():
    truth, predicted = np.array([0, 0, 2, 2]), np.array([0, 2, 2, 2])
    expected = sk.f1_score(truth, predicted, average="macro")
    assert measured(predicted, truth)["macro_f1"] == pytest.approx(expected)
