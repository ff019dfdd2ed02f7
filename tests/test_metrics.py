"""Metrics, intervals and losses against numbers done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from spectrobert import losses, metrics
from spectrobert.metrics import ClassificationMetrics, PretrainingMetrics, bootstrap_interval

# 6 x class 0 (5 right), 3 x class 1 (1 right), 1 x class 2 (right); class 3 never occurs
LABELS = [0, 0, 0, 0, 0, 0, 1, 1, 1, 2]
PREDICTED = [0, 0, 0, 0, 0, 1, 1, 0, 3, 2]


def logits_for(predicted: list[int], num_classes: int = 4) -> torch.Tensor:
    """(N, C): the predicted class first, the others in falling order of their number."""
    ranked = -torch.arange(num_classes, dtype=torch.float32).repeat(len(predicted), 1)
    ranked[torch.arange(len(predicted)), predicted] = 1.0
    return ranked


def measured(*batches: slice, top_k: tuple[int, ...] = ()) -> ClassificationMetrics:
    """The example above, seen in these batches."""
    found = ClassificationMetrics(4, top_k)
    for batch in batches:
        found.update(logits_for(PREDICTED)[batch], torch.tensor(LABELS)[batch])
    return found


WHOLE = slice(None)


def test_accuracy_is_the_share_of_right_rows():
    assert measured(WHOLE).compute()["accuracy"] == pytest.approx(7 / 10)


def test_unweighted_accuracy_is_the_mean_recall_of_the_classes_that_occur():
    by_hand = (5 / 6 + 1 / 3 + 1 / 1) / 3
    assert measured(WHOLE).compute()["unweighted_accuracy"] == pytest.approx(by_hand)
    function = metrics.unweighted_accuracy_of(np.array(LABELS), np.array(PREDICTED))
    assert function == pytest.approx(by_hand)
    assert metrics.accuracy_of(np.array(LABELS), np.array(PREDICTED)) == pytest.approx(0.7)


def test_macro_figures():
    values = measured(WHOLE).compute()
    # class 3 was predicted once and never true: precision, recall and F1 of 0 count
    assert values["macro_precision"] == pytest.approx((5 / 6 + 1 / 2 + 1 + 0) / 4)
    assert values["macro_recall"] == pytest.approx((5 / 6 + 1 / 3 + 1 + 0) / 4)
    assert values["macro_f1"] == pytest.approx((5 / 6 + 2 / 5 + 1 + 0) / 4)


def test_confusion_matrix_has_true_classes_in_rows():
    assert measured(WHOLE).confusion_matrix() == [
        [5, 1, 0, 0],
        [1, 1, 0, 1],
        [0, 0, 1, 0],
        [0, 0, 0, 0],
    ]


def test_predicted_histogram():
    assert measured(WHOLE).predicted_histogram() == [6, 2, 1, 1]


def test_top_k():
    # The two misses of class 1 rank [0, 1, 2, 3] and [3, 0, 1, 2], that of class 0 ranks [1, 0, ..]
    values = measured(WHOLE, top_k=(2, 3)).compute()
    assert values["top2_accuracy"] == pytest.approx(9 / 10)
    assert values["top3_accuracy"] == pytest.approx(1)


def test_top_k_of_all_classes_is_left_out():
    assert "top4_accuracy" not in measured(WHOLE, top_k=(4, 5)).compute()


def test_auroc_is_the_share_of_pairs_in_order():
    # One against rest, two classes: both sides order 3 of the 4 (positive, negative) pairs
    found = ClassificationMetrics(2)
    score = torch.tensor([0.1, 0.6, 0.5, 0.9])
    found.update(torch.stack([1 - score, score], dim=1).log(), torch.tensor([0, 0, 1, 1]))
    assert found.compute()["auroc"] == pytest.approx(3 / 4)


def test_auroc_is_left_out_for_hundreds_of_answers():
    found = ClassificationMetrics(metrics.MAX_AUROC_CLASSES + 1)
    found.update(torch.eye(metrics.MAX_AUROC_CLASSES + 1)[:3], torch.arange(3))
    assert "auroc" not in found.compute()


def test_a_constant_prediction_has_the_accuracy_of_chance():
    found = ClassificationMetrics(4)
    found.update(logits_for([0] * 10), torch.tensor(LABELS))
    values = found.compute()
    assert values["accuracy"] == pytest.approx(6 / 10)
    assert values["unweighted_accuracy"] == pytest.approx(1 / 3)
    assert values["auroc"] == pytest.approx(3 * 0.5 / 4)  # a class that is absent counts 0
    assert found.predicted_histogram() == [10, 0, 0, 0]


def test_uneven_batches_give_the_numbers_of_one_batch():
    whole = measured(WHOLE, top_k=(2,)).compute()
    uneven = measured(slice(0, 1), slice(1, 9), slice(9, 10), top_k=(2,)).compute()
    assert uneven == pytest.approx(whole)


def test_loss_is_the_mean_over_rows_of_all_batches():
    found = ClassificationMetrics(2)
    found.update(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    found.update(torch.tensor([[0.0, math.log(3)]] * 2), torch.tensor([0, 1]))
    by_hand = (math.log(2) + math.log(4) + math.log(4 / 3)) / 3
    assert found.compute()["loss"] == pytest.approx(by_hand)


def test_top_k_is_its_own_number_even_if_the_first_batch_is_all_right():
    found = ClassificationMetrics(4, top_k=(2,))
    found.update(logits_for([0]), torch.tensor([0]))
    found.update(logits_for([1]), torch.tensor([0]))
    values = found.compute()
    assert (values["accuracy"], values["top2_accuracy"]) == (0.5, 1)


def test_reset_forgets():
    found = measured(WHOLE)
    found.reset()
    found.update(logits_for([2]), torch.tensor([2]))
    assert found.compute()["accuracy"] == 1
    assert found.predicted_histogram() == [0, 0, 1, 0]


def test_half_precision_logits_are_scored_like_float32_ones():
    found = ClassificationMetrics(4)
    found.update(logits_for(PREDICTED).bfloat16(), torch.tensor(LABELS))
    assert found.compute() == pytest.approx(measured(WHOLE).compute(), abs=1e-6)


def own_groups(count: int) -> list[str]:
    return [str(i) for i in range(count)]


def test_interval_of_all_right_is_one_to_one():
    labels = np.array([0, 1, 0, 1])
    interval = bootstrap_interval(metrics.accuracy_of, labels, labels, own_groups(4))
    assert interval == (1, 1)


def test_interval_of_one_group_has_no_width():
    interval = bootstrap_interval(
        metrics.accuracy_of, np.array(LABELS), np.array(PREDICTED), ["one"] * len(LABELS)
    )
    assert interval == pytest.approx((0.7, 0.7))


def test_groups_are_drawn_whole():
    """Two speakers, one all right and one all wrong: a resample is 0, a half or 1, never else."""
    labels = np.zeros(20, dtype=int)
    predicted = np.repeat([0, 1], 10)
    seen = set()

    def statistic(truth: np.ndarray, guess: np.ndarray) -> float:
        value = metrics.accuracy_of(truth, guess)
        seen.add(value)
        return value

    interval = bootstrap_interval(statistic, labels, predicted, ["a"] * 10 + ["b"] * 10)
    assert seen == {0, 0.5, 1}
    assert interval == (0, 1)


def test_groups_of_another_size_keep_all_their_rows():
    """The large group counts by its rows: 9 of 10 right, never (1 + 0) / 2."""
    predicted = np.array([0] * 9 + [1])
    seen = set()

    def statistic(truth: np.ndarray, guess: np.ndarray) -> float:
        seen.add((len(truth), round(metrics.accuracy_of(truth, guess), 3)))
        return 0.0

    bootstrap_interval(statistic, np.zeros(10, dtype=int), predicted, ["a"] * 9 + ["b"])
    assert seen == {(18, 1.0), (10, 0.9), (2, 0.0)}


def test_interval_of_many_groups_is_about_the_normal_one():
    count, share = 400, 0.7
    labels = np.zeros(count, dtype=int)
    predicted = (np.arange(count) >= share * count).astype(int)
    low, high = bootstrap_interval(metrics.accuracy_of, labels, predicted, own_groups(count))
    half = 1.96 * math.sqrt(share * (1 - share) / count)
    assert low == pytest.approx(share - half, abs=0.01)
    assert high == pytest.approx(share + half, abs=0.01)


def test_interval_is_the_same_each_time_and_depends_on_the_seed():
    arguments = (metrics.accuracy_of, np.array(LABELS * 9), np.array(PREDICTED * 9), own_groups(90))
    assert bootstrap_interval(*arguments) == bootstrap_interval(*arguments)
    assert bootstrap_interval(*arguments) != bootstrap_interval(*arguments, seed=1)


def test_pretraining_metrics_are_means_over_all_words_and_pairs():
    found = PretrainingMetrics(mlm_weight=0.25, sap_weight=2.0)
    flat, sure = torch.zeros(1, 4), torch.tensor([[math.log(5.0), 0, 0, 0]] * 3)
    # One word at log 4; three at 5 / (5 + 3), of which one is another word
    found.update(flat, torch.tensor([2]), torch.tensor([0.0, 0.0]), torch.tensor([0, 1]))
    found.update(sure, torch.tensor([0, 0, 1]), torch.tensor([math.log(3)]), torch.tensor([1]))
    values = found.compute()
    mlm = (math.log(4) + 2 * math.log(8 / 5) + math.log(8)) / 4
    sap = (2 * math.log(2) + math.log(4 / 3)) / 3
    assert values["mlm_loss"] == pytest.approx(mlm)
    assert values["sap_loss"] == pytest.approx(sap)
    assert values["loss"] == pytest.approx(0.25 * mlm + 2 * sap)
    assert values["mlm_accuracy"] == pytest.approx(2 / 4)
    assert values["sap_accuracy"] == pytest.approx(2 / 3)  # a logit of 0 is "does not match"
    # Pairs (positive, negative): one in order, one tied
    assert values["sap_auroc"] == pytest.approx(0.75)


def test_pretraining_metrics_without_a_masked_word():
    found = PretrainingMetrics(0.5, 0.5)
    no_word = (torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
    found.update(*no_word, torch.zeros(2), torch.tensor([0, 1]))
    values = found.compute()
    assert values["mlm_loss"] == values["mlm_accuracy"] == 0
    assert values["loss"] == pytest.approx(0.5 * math.log(2))


def test_pretraining_metrics_forget():
    found = PretrainingMetrics(1.0, 1.0)
    words, pairs = torch.tensor([[3.0, 0]]), torch.tensor([1.0])
    found.update(words, torch.tensor([1]), pairs, torch.tensor([0]))
    found.reset()
    found.update(words, torch.tensor([0]), pairs, torch.tensor([1]))
    values = found.compute()
    assert values["mlm_accuracy"] == values["sap_accuracy"] == 1
    assert values["mlm_loss"] == pytest.approx(math.log(1 + math.exp(-3)))


def test_no_masked_word_costs_nothing_and_moves_nothing():
    weight = torch.ones(3, 4, requires_grad=True)
    loss = losses.masked_words(torch.zeros(0, 3) @ weight, torch.zeros(0, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0
    assert weight.grad is not None
    assert torch.equal(weight.grad, torch.zeros(3, 4))


def test_masked_words_is_the_mean_over_words():
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])
    by_hand = (math.log(2) + math.log(4)) / 2
    assert losses.masked_words(logits, torch.tensor([0, 1])).item() == pytest.approx(by_hand)


def test_match_is_binary_cross_entropy():
    logits, targets = torch.tensor([0.0, math.log(3)]), torch.tensor([1, 0])
    assert losses.match(logits, targets).item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_binary_is_binary_cross_entropy_of_one_logit():
    logits, targets = torch.tensor([[0.3], [-2.0], [1.5]]), torch.tensor([1, 0, 0])
    expected = torch.nn.BCELoss()(logits.sigmoid().squeeze(1), targets.float())
    assert losses.binary(logits, targets).item() == pytest.approx(expected.item())


# Row 0 costs log 2 and has weight 3, row 1 costs log 4 and has weight 1
WEIGHTED = (3 * math.log(2) + math.log(4)) / 4


def test_weights_of_the_binary_loss():
    logits, targets = torch.tensor([[0.0], [math.log(3)]]), torch.tensor([1, 0])
    loss = losses.binary(logits, targets, torch.tensor([1.0, 3.0]))
    assert loss.item() == pytest.approx(WEIGHTED)


def test_weights_of_the_loss_over_classes():
    logits, targets = torch.tensor([[0.0, 0.0], [0.0, math.log(3)]]), torch.tensor([1, 0])
    assert losses.classes(logits, targets, torch.tensor([1.0, 3.0])).item() == pytest.approx(
        WEIGHTED
    )
    assert losses.classes(logits, targets).item() == pytest.approx((math.log(2) + math.log(4)) / 2)


@pytest.mark.parametrize(
    ("loss", "shape", "targets"),
    [
        (losses.masked_words, (4, 50), [0, 7, 30, 49]),
        (losses.match, (4,), [0, 1, 1, 0]),
        (losses.binary, (4, 1), [0, 1, 1, 0]),
        (losses.classes, (4, 3), [0, 1, 2, 1]),
    ],
    ids=["masked_words", "match", "binary", "classes"],
)
def test_losses_are_float32_under_autocast(loss, shape, targets):
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0)).bfloat16()
    labels = torch.tensor(targets)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(logits, labels)
    assert value.dtype == torch.float32
    assert torch.equal(value, loss(logits.float(), labels))
