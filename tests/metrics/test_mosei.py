"""CMU-MOSEI's metrics: sentiment and emotions."""

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from spectrobert.metrics import multilabel, sentiment, values
from spectrobert.metrics.mosei import seven_classes


def measured(predicted: list[float], truth: list[float]) -> dict[str, float]:
    found = sentiment(np.array(predicted), np.array(truth), np.abs, "absolute")
    return values(found, len(truth))


def test_seven_classes_round_half_to_even_after_clipping():
    given = [-4.2, -2.5, -1.5, -0.5, -0.33, 0, 0.5, 1.5, 2.5, 2.51, 3.7]
    assert seven_classes(np.array(given)).tolist() == [-3, -2, -2, 0, 0, 0, 0, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("predicted", "truth", "share"),
    [
        # label7 of the segment list rounds away from zero: 0.33 is 1 there, and 0 here
        ([0.0, 0.4], [0.33, 0.5], 1),
        ([1.0, 1.0], [0.33, 0.5], 0),
        ([5.0, -9.0], [2.6, -4.2], 1),  # both are clipped
    ],
)
def test_acc7(predicted, truth, share):
    assert measured(predicted, truth)["acc7"] == share


# A zero truth, a zero prediction of a negative, of a positive, and a negative zero
PREDICTED, TRUTH = [0.0, -0.1, 0.0, 0.0, 2.0, -0.0], [0.0, 0.0, -1.0, 1.0, 0.5, 2.0]


def test_both_sides_by_hand_with_their_n():
    statistics = sentiment(np.array(PREDICTED), np.array(TRUTH), np.abs, "absolute")
    found = values(statistics, 6)
    # negative: row 2 of the truth, row 1 of the predictions
    assert found["acc2_nonneg"] == pytest.approx(4 / 6)
    # rows 2 to 5; a prediction of 0 is not positive
    assert found["acc2_pos"] == pytest.approx(2 / 4)
    # non-negative: 4 right, 5 true, 5 predicted; negative: none right, 1 true
    assert found["f1_nonneg"] == pytest.approx(5 / 6 * 8 / 10 + 1 / 6 * 0)
    # positive: 1 right, 3 true, 1 predicted; not positive: 1 right, 1 true, 3 predicted
    assert found["f1_pos"] == pytest.approx(3 / 4 * 2 / 4 + 1 / 4 * 2 / 4)
    everywhere = ("acc7", "acc2_nonneg", "f1_nonneg", "mae", "pearson_r", "loss")
    expected = dict.fromkeys(everywhere, 6) | {"acc2_pos": 4, "f1_pos": 4}
    assert {name: statistic.n for name, statistic in statistics.items()} == expected


def test_mae_is_not_clipped_and_a_constant_has_no_correlation():
    assert measured([0.0, 4.0], [1.0, -4.2])["mae"] == pytest.approx((1 + 8.2) / 2)
    assert measured([0.1] * 6, TRUTH)["pearson_r"] == 0


def test_the_loss_is_the_one_asked_for():
    squared = sentiment(np.array([0.0, 2.0]), np.array([1.0, 5.0]), np.square, "squared")
    assert values(squared, 2)["loss"] == pytest.approx((1 + 9) / 2)
    assert measured([0.0, 2.0], [1.0, 5.0])["loss"] == pytest.approx((1 + 3) / 2)


def test_without_a_sentiment_other_than_zero_there_is_no_acc2_pos():
    found = measured([0.0, 1.0], [0.0, 0.0])
    assert "acc2_nonneg" in found
    assert "acc2_pos" not in found
    assert "f1_pos" not in found


def test_parity_with_the_formulas_of_the_field():
    """FACTS: accuracy and weighted F1 of >= 0 everywhere, of > 0 where the truth is not 0."""
    rng = np.random.default_rng(0)
    truth = rng.choice(np.round(np.arange(-9, 10) / 3, 4), size=500)
    predicted = np.round(truth + rng.normal(size=500), 1)
    found = measured(predicted.tolist(), truth.tolist())
    some = truth != 0
    expected = {
        "acc2_nonneg": sk.accuracy_score(truth >= 0, predicted >= 0),
        "f1_nonneg": sk.f1_score(truth >= 0, predicted >= 0, average="weighted"),
        "acc2_pos": sk.accuracy_score(truth[some] > 0, predicted[some] > 0),
        "f1_pos": sk.f1_score(truth[some] > 0, predicted[some] > 0, average="weighted"),
        "acc7": np.mean(np.round(np.clip(predicted, -3, 3)) == np.round(np.clip(truth, -3, 3))),
        "mae": sk.mean_absolute_error(truth, predicted),
        "pearson_r": np.corrcoef(truth, predicted)[0, 1],
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value), name


# happy: present in 2 of 5 rows, 1 of them found, and one found that is not there
LOGITS = np.array([[1.0], [-1.0], [2.0], [-2.0], [-0.5]])
HAPPY = np.array([[1], [1], [0], [0], [0]])


def test_balanced_accuracy_is_mosei_s_weighted_accuracy():
    found = values(multilabel(LOGITS, HAPPY, ["happy"]), 5)
    true_positive, present, true_negative, absent = 1, 2, 2, 3
    field = (true_positive * absent / present + true_negative) / (2 * absent)
    assert found["balanced_accuracy_happy"] == pytest.approx(field)
    assert field == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found["f1_happy"] == pytest.approx(2 * 1 / (2 + 2))
    assert found["weighted_f1_happy"] == pytest.approx(2 / 5 * 1 / 2 + 3 / 5 * 4 / 6)
    assert found["auroc_happy"] == pytest.approx(3 / 6)  # 1 is above two of three, -1 above one
    costs = [math.log(1 + math.exp(x)) for x in (-1, 1, 2, -2, -0.5)]
    assert found["loss"] == pytest.approx(sum(costs) / 5)


def test_means_are_over_the_labels_that_are_defined():
    never = np.concatenate([HAPPY, np.zeros((5, 1), dtype=int)], axis=1)
    found = values(multilabel(np.repeat(LOGITS, 2, axis=1), never, ["happy", "fear"]), 5)
    assert "balanced_accuracy_fear" not in found
    assert "auroc_fear" not in found
    assert found["balanced_accuracy"] == found["balanced_accuracy_happy"]
    assert found["f1"] == pytest.approx((found["f1_happy"] + 0) / 2)


def test_several_labels_parity_with_scikit_learn():
    rng = np.random.default_rng(0)
    names = ["happy", "sad", "fear"]
    targets = (rng.random((300, 3)) < [0.5, 0.2, 0.05]).astype(int)
    logits = rng.normal(size=(300, 3)) + targets - 0.7
    weights = rng.poisson(1, 300).astype(float)
    found = {name: s.of(weights) for name, s in multilabel(logits, targets, names).items()}
    for i, name in enumerate(names):
        pair = targets[:, i], (logits[:, i] > 0).astype(int)
        more = {"sample_weight": weights}
        expected = {
            "balanced_accuracy": sk.balanced_accuracy_score(*pair, **more),
            "f1": sk.f1_score(*pair, **more),
            "weighted_f1": sk.f1_score(*pair, average="weighted", **more),
            "auroc": sk.roc_auc_score(pair[0], logits[:, i], **more),
        }
        for figure, value in expected.items():
            assert found[f"{figure}_{name}"] == pytest.approx(value), (figure, name)
    for figure in ("balanced_accuracy", "f1", "weighted_f1", "auroc"):
        mean = np.mean([found[f"{figure}_{name}"] for name in names])
        assert found[figure] == pytest.approx(mean)
